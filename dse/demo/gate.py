"""What a visitor may ask of the server. Gradio offers more than the page needs.

It would fetch the addresses that a visitor names, serve files, and process recordings. The gate
stands before it, lets through the few requests that the page makes, and refuses everything else.
"""

import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from dse.utils.errors import InputError

LARGEST_UPLOAD = 20 * 1024**2
"""Bytes of a photograph, at most."""
LARGEST_QUESTION = 100_000
"""Bytes of a typed question, at most."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of the computer itself, which no other can reach."""

_API = "/gradio_api"
_FILE = f"{_API}/file="
_QUESTION, _UPLOAD = f"{_API}/queue/join", f"{_API}/upload"
_READ = (
    "/", "/config", "/theme.css", "/favicon.ico", "/manifest.json",
    f"{_API}/startup-events", f"{_API}/queue/data", f"{_API}/upload_progress",
)  # fmt: skip
_READ_BELOW = ("/static/", "/assets/", f"{_API}/heartbeat/")
_FORM_AROUND_A_FILE = 10_000
"""Bytes of a form besides the file in it, at most."""
# The last word is the browser's: whatever stands in the page, it loads nothing from elsewhere.
_HEADERS = [
    (
        b"content-security-policy",
        b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'self'; "
        b"frame-ancestors 'self'; base-uri 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Refused(Exception):
    """A request that the gate does not let through: an HTTP status, and why."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status


class Gate:
    """An ASGI application that stands before another.

    Args:
        app: what is behind the gate.
        uploads: the folder of the uploaded files; no request may name a file elsewhere.
        hosts: the names that the server answers to; None: any. A page of another site whose name
            leads to this computer (DNS rebinding) is refused by its name.
    """

    def __init__(self, app: Callable, uploads: Path, hosts: tuple[str, ...] | None):
        self.app, self.uploads, self.hosts = app, uploads, hosts

    async def __call__(self, scope: dict, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # an unanswered WebSocket is closed by the server
        try:
            self._check(scope)
            if scope["path"] == _QUESTION:
                receive = await self._checked_question(receive)
        except Refused as refusal:
            await _refuse(send, refusal)
        else:
            await self.app(scope, receive, _with_headers(send))

    def _check(self, scope: dict) -> None:
        """Raise `Refused` for a request that the page never makes."""
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        if self.hosts is not None and _without_port(host) not in self.hosts:
            raise Refused(403, "this server does not answer to that name")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            raise Refused(403, "pages of other sites may not ask this server")
        path = scope["path"]
        if scope["method"] in ("GET", "HEAD"):
            if path.startswith(_FILE):
                self._check_file(path.removeprefix(_FILE))
            elif path not in _READ and not path.startswith(_READ_BELOW):
                raise Refused(404, "there is no such page")
        elif scope["method"] == "POST" and path in (_QUESTION, _UPLOAD):
            largest = LARGEST_UPLOAD + _FORM_AROUND_A_FILE if path == _UPLOAD else LARGEST_QUESTION
            length = headers.get("content-length", "")
            if not length.isdecimal():
                raise Refused(411, "the length of the request is missing")
            if int(length) > largest:
                raise Refused(413, f"at most {largest:,} bytes are read")
        else:
            raise Refused(404, "there is no such page")

    async def _checked_question(self, receive: Receive) -> Receive:
        """Read a question, check the files that it names, and give it back to be read again."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise Refused(400, "the question was cut off")
            body += message.get("body", b"")
            more = message.get("more_body", False)
        try:
            question = json.loads(body)
            for path in _paths(question):
                self._check_file(path)
        except (ValueError, RecursionError):
            raise Refused(400, "the question is not JSON that can be read") from None
        unread = [{"type": "http.request", "body": body, "more_body": False}]

        async def again() -> Message:
            return unread.pop() if unread else await receive()

        return again

    def _check_file(self, path: object) -> None:
        try:
            uploaded_file(path, self.uploads)
        except InputError as error:
            raise Refused(403, str(error)) from None


def uploaded_file(path: object, uploads: Path) -> Path:
    """The uploaded file that a visitor names; nothing of it is opened here.

    Args:
        path: what came with the request.
        uploads: the folder that uploads are written to.

    Raises:
        InputError: no file, or one that is not in the folder; links and `..` are followed first.

    Example:
        >>> uploaded_file("/etc/passwd", Path("/tmp/uploads"))
        Traceback (most recent call last):
        ...
        dse.utils.errors.InputError: this photograph was not uploaded here: choose it again
    """
    with suppress(OSError, TypeError, ValueError):  # too long, no text, no name
        file = Path(os.path.realpath(path))
        if file.is_relative_to(os.path.realpath(uploads)) and file.is_file():
            return file
    raise InputError("this photograph was not uploaded here: choose it again")


def _paths(value: object) -> Iterator[object]:
    """The value of every `path` in a question, at any depth."""
    if isinstance(value, dict):
        if "path" in value:
            yield value["path"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from _paths(part)


def _without_port(host: str) -> str:
    """`localhost` of `localhost:7860`, and `::1` of `[::1]:7860`."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *_HEADERS]}
        await send(message)

    return sending


async def _refuse(send: Send, refusal: Refused) -> None:
    body = str(refusal).encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    headers += [(b"content-length", str(len(body)).encode()), *_HEADERS]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""A publisher on this machine whose server breaks off, stalls and lies when it is told to."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

PIECE = 1 << 16
"""Bytes that are sent at a time."""


class Publisher(ThreadingHTTPServer):
    """Serves `content` at any address; each request takes the next of `faults`, if there is one.

    Attributes:
        requests: of each one, `range` and `if_range` as asked, and `sent`, the first byte and the
            one behind the last; None if the answer was something else.
        pause: seconds after every `PIECE` bytes.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.url = f"http://127.0.0.1:{self.server_port}/birds.tgz"
        self.content = b""
        self.headers = {"ETag": '"first"'}
        self.faults: list[str] = []
        self.requests: list[SimpleNamespace] = []
        self.pause = 0.0
        self.test_is_over = threading.Event()

    def handle_error(self, request, client_address):
        """A client that hangs up is no news."""


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        server, asked = self.server, self.headers["Range"]
        fault = server.faults.pop(0) if server.faults else "none"
        request = SimpleNamespace(range=asked, if_range=self.headers["If-Range"], sent=None)
        server.requests.append(request)
        if fault.isdigit():
            return self.send_error(int(fault))
        if fault == "web page":
            page = b"<!DOCTYPE html><title>Quota exceeded</title>"
            return self.answer(200, page, {"Content-Type": "text/html; charset=utf-8"})
        known = (None, server.headers.get("ETag"), server.headers.get("Last-Modified"))
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if "ignores range" in fault or request.if_range not in known:
            start = 0
        size = len(server.content)
        if start and start >= size:
            return self.answer(416, b"", {"Content-Range": f"bytes */{size}"})
        headers = dict(server.headers)
        if start:
            first = start + 1 if fault == "sends another part" else start
            headers["Content-Range"] = f"bytes {first}-{size - 1}/{size}"
        body = server.content[start:]
        length = len(body) + {"announces more": 100, "announces less": -100}.get(fault, 0)
        headers["Content-Length"] = str(length)
        if "breaks off" in fault or fault == "stalls":
            body = body[: len(body) // 2]
        if fault == "sends chunks":
            headers |= {"Content-Length": None, "Transfer-Encoding": "chunked"}
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        request.sent = (start, start + len(body))
        self.answer(206 if start else 200, body, headers)
        if fault == "stalls" and not server.test_is_over.wait(4):
            request.sent = "the client should have given up"

    def answer(self, status, body, headers):
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        for start in range(0, len(body), PIECE):
            self.wfile.write(body[start : start + PIECE])
            time.sleep(self.server.pause)

    def log_message(self, *arguments):
        """The tests are not to be talked into."""

"""One file over HTTP: resumed where it was interrupted, and given its name when it is complete."""

import math
import os
import shutil
import time
from collections.abc import Iterator
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from dse.utils.errors import InputError
from dse.utils.files import is_there, read_bytes, refuse_no_file
from dse.utils.progress import progress_bar

ATTEMPTS = 4
"""Attempts in a row without a new byte, after which the download fails."""

_CHUNK_BYTES = 1 << 20
_TEMPORARY = {408, 429, 500, 502, 503, 504}


class TransferError(Exception):
    """A file that could not be fetched; the message is one line and names the address."""


def transfer(
    url: str,
    file: Path,
    reserve: int = 0,
    progress: bool = True,
    *,
    timeout: float = 30.0,
    pause: float = 0.5,
) -> None:
    """Fetch `url` into `file`, by way of `file.part`, which is kept if the connection breaks.

    The server is asked for what is missing only, and only if its file is still the same (its
    `ETag` or date is kept in `file.part.version`). A server that cannot do this sends everything
    again.

    Args:
        url: http or https.
        file: where it goes; its folder exists.
        reserve: bytes that have to stay free on the disk beside the file itself.
        progress: show a bar.
        timeout: seconds without a byte after which an attempt is given up.
        pause: seconds before the next attempt, doubled each time.

    Raises:
        TransferError: refused, not reached, interrupted, or a web page in place of the file.
        InputError: too little space on the disk.
        OSError: the file cannot be written.

    Source: RFC 9110, sections 13.1.5 (If-Range) and 14 (Range).
    """
    part = file.with_name(f"{file.name}.part")
    if is_there(part):
        refuse_no_file(part, "remove it")
    most, failures = _size(part), 0
    while True:
        try:
            _attempt(url, part, reserve, progress, timeout)
            break
        except _BrokenOff as error:
            size = _size(part)
            failures = 0 if size > most else failures + 1
            most = max(most, size)
            if failures == ATTEMPTS:
                raise TransferError(
                    f"{url} cannot be fetched ({error}; {size / 1e6:.1f} MB are kept)"
                ) from error
        time.sleep(pause * 2**failures)
    _version_file(part).unlink(missing_ok=True)
    os.replace(part, file)


def refuse_full_disk(folder: Path, needed: int) -> None:
    """Raise an `InputError` if fewer than `needed` bytes are free where `folder` is."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise InputError(
            f"{folder} has {free / 1e9:.1f} GB free where {needed / 1e9:.1f} GB are needed: "
            "free some space or choose another --root"
        )


class _BrokenOff(Exception):
    """A failed attempt that may succeed when it is repeated."""


def _attempt(url: str, part: Path, reserve: int, progress: bool, timeout: float) -> None:
    """Bring `part` to its full size, or raise `_BrokenOff` with what came kept in it."""
    start = _size(part)
    request = Request(url, headers={"User-Agent": "dse", **_range_headers(part, start)})
    try:
        response = urlopen(request, timeout=timeout)
    except HTTPError as error:
        with error:
            _judge_refusal(error, url, part, start)
            return
    except (OSError, HTTPException) as error:
        raise _BrokenOff(_one_line(error)) from error
    with response:
        _save(response, url, part, start, reserve, progress)


def _range_headers(part: Path, start: int) -> dict[str, str]:
    if not start:
        return {}
    headers = {"Range": f"bytes={start}-"}
    if is_there(_version_file(part)):
        version = read_bytes(_version_file(part), "remove it").decode("latin-1")
        if not (version and version.isascii() and version.isprintable()):
            return {}  # it is damaged: start again
        headers["If-Range"] = version
    return headers


def _judge_refusal(error: HTTPError, url: str, part: Path, start: int) -> None:
    """Return if there is nothing left to fetch; raise in every other case."""
    answer = _one_line(f"HTTP {error.code} {error.reason}")
    if error.code == 416 and start:
        if error.headers.get("Content-Range") == f"bytes */{start}":
            return
        part.unlink()
        raise _BrokenOff("the file at the server has changed") from error
    if error.code in _TEMPORARY:
        raise _BrokenOff(answer) from error
    raise TransferError(f"{url} is refused ({answer})") from error


def _save(
    response: HTTPResponse, url: str, part: Path, start: int, reserve: int, progress: bool
) -> None:
    if response.headers.get_content_type() == "text/html":
        raise TransferError(f"{url} answers with a web page in place of the file")
    start = _actual_start(response, part, start)
    length = response.headers.get("Content-Length")
    known = bool(length) and length.isdigit()
    missing = int(length) if known else math.inf
    refuse_full_disk(part.parent, reserve + (missing if known else 0))
    with (
        part.open("ab" if start else "wb") as out,
        progress_bar(
            desc=part.stem,
            total=start + missing if known else None,
            initial=start,
            unit="B",
            unit_scale=True,
            progress=progress,
        ) as bar,
    ):
        if not start:
            _remember_version(part, response)
        for chunk in _chunks(response, missing):
            out.write(chunk)
            bar.update(len(chunk))
    if known and _size(part) < start + missing:
        raise _BrokenOff("the connection was closed before the end of the file")


def _actual_start(response: HTTPResponse, part: Path, asked: int) -> int:
    """The byte that the answer begins with."""
    if response.status != 206:
        return 0
    if not response.headers.get("Content-Range", "").startswith(f"bytes {asked}-"):
        part.unlink()
        raise _BrokenOff("the server sent another part than it was asked for")
    return asked


def _chunks(response: HTTPResponse, missing: float) -> Iterator[bytes]:
    """What arrives, as it arrives; `read1` keeps what came before a connection stalls."""
    while missing:
        try:
            chunk = response.read1(min(missing, _CHUNK_BYTES))
        except (OSError, HTTPException) as error:
            raise _BrokenOff(_one_line(error)) from error
        if not chunk:
            return
        missing -= len(chunk)
        yield chunk


def _remember_version(part: Path, response: HTTPResponse) -> None:
    version = response.headers.get("ETag", "W/")
    if version.startswith("W/"):  # a weak ETag does not vouch for every byte
        version = response.headers.get("Last-Modified")
    if version:
        _version_file(part).write_text(version, encoding="utf-8")
    else:
        _version_file(part).unlink(missing_ok=True)


def _version_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _one_line(error: object) -> str:
    return " ".join(str(getattr(error, "reason", error)).split())

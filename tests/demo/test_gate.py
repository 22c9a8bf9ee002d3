"""The gate: what the page asks passes unchanged, and everything else is refused."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse import InputError
from dse.demo.gate import LARGEST_QUESTION, LARGEST_UPLOAD, LOOPBACK, Gate, uploaded_file

JOIN, FILE = "/gradio_api/queue/join", "/gradio_api/file="


@pytest.fixture
def uploads(tmp_path):
    """A folder of uploads with one photograph, beside a file that is none of a visitor's."""
    (tmp_path / "uploads" / "abc").mkdir(parents=True)
    (tmp_path / "uploads" / "abc" / "bird.png").write_bytes(b"png")
    (tmp_path / "uploads-2.txt").write_text("secret", encoding="utf-8")
    return tmp_path / "uploads"


def ask(uploads, path, *, method="GET", body=b"", hosts=LOOPBACK, headers=()):
    """The status and the body of an answer; 200 and what was read, where the gate let it through.

    The body is sent in two pieces, as a server does with long ones.
    """
    headers = {"host": "127.0.0.1:7860", "content-length": str(len(body)), **dict(headers)}
    pieces = [body[: len(body) // 2], body[len(body) // 2 :]]
    sent = []

    async def receive():
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message):
        sent.append(message)

    async def app(scope, receive, send):
        read, more = b"", True
        while more:
            message = await receive()
            read, more = read + message["body"], message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": read})

    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
    }
    asyncio.run(Gate(app, uploads, hosts)(scope, receive, send))
    start, *rest = sent
    assert any(name == b"content-security-policy" for name, _ in start["headers"])
    return start["status"], b"".join(part["body"] for part in rest)


def question(uploads, value, headers=()):
    body = json.dumps(value).encode()
    return ask(uploads, JOIN, method="POST", body=body, headers=headers)


@pytest.mark.parametrize(
    "path",
    ["/", "/config", "/theme.css", "/assets/index.js", "/static/img/logo.svg",
     "/gradio_api/queue/data", "/gradio_api/heartbeat/abc"],
)  # fmt: skip
def test_what_the_page_needs_passes(uploads, path):
    assert ask(uploads, path) == (200, b"")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/docs"), ("GET", "/gradio_api/info"), ("GET", "/gradio_api/proxy=http://localhost/"),
     ("GET", "/gradio_api/file/etc/passwd"), ("GET", "//gradio_api/file=/etc/passwd"),
     ("POST", "/gradio_api/run/rank"), ("POST", "/gradio_api/call/rank"),
     ("POST", "/gradio_api/process_recording"), ("POST", "/gradio_api/component_server"),
     ("POST", "/"), ("PUT", "/gradio_api/upload"), ("OPTIONS", JOIN)],
)  # fmt: skip
def test_what_the_page_never_asks_is_not_there(uploads, method, path):
    assert ask(uploads, path, method=method)[0] == 404


def test_a_question_and_an_uploaded_file_pass_unchanged(uploads):
    file = {"path": str(uploads / "abc" / "bird.png"), "meta": {"_type": "gradio.FileData"}}
    asked = {"data": [file, "ein Vogel, 鳥"], "fn_index": 1}
    status, read = question(uploads, asked)
    assert status == 200 and json.loads(read) == asked
    assert question(uploads, {"data": [None, ""]})[0] == 200
    assert ask(uploads, f"{FILE}{uploads}/abc/bird.png")[0] == 200
    body = os.urandom(1000)
    assert ask(uploads, "/gradio_api/upload", method="POST", body=body) == (200, body)


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../uploads-2.txt", "{uploads}-2.txt", "{uploads}/../uploads-2.txt",
     "{uploads}/abc/../../uploads-2.txt", "{uploads}/link.png", "{uploads}/abc", "{uploads}",
     "http://localhost/bird.png", "data:image/png;base64,", "", "\0", "\ud800", "x" * 9000],
)  # fmt: skip
def test_no_file_but_an_uploaded_one_may_be_named(uploads, path):
    (uploads / "link.png").symlink_to(uploads.parent / "uploads-2.txt")
    path = path.replace("{uploads}", str(uploads))
    for value in ({"data": [{"path": path}]}, [[[{"a": {"path": path, "meta": {}}}]]]):
        assert question(uploads, value)[0] == 403
    assert ask(uploads, FILE + path)[0] == 403
    with pytest.raises(InputError, match="photograph"):
        uploaded_file(path, uploads)


@pytest.mark.parametrize("value", [None, 1, ["a"], {"path": "a"}, True])
def test_a_path_is_text(uploads, value):
    assert question(uploads, {"data": [{"path": value}]})[0] == 403


@given(st.text())
def test_no_text_leads_out_of_the_folder(text):
    folder = Path(__file__).parent
    for path in (text, f"{folder}/{text}", f"{folder}/../{text}"):
        try:
            file = uploaded_file(path, folder)
        except InputError:
            continue
        assert file.parent == folder or folder in file.parents


@pytest.mark.parametrize("body", [b"[", b"\xff", b"[" * 90_000, b"{'data': 1}"])
def test_a_question_is_json(uploads, body):
    assert ask(uploads, JOIN, method="POST", body=body)[0] == 400


def test_no_more_is_read_than_a_page_sends(uploads):
    upload = "/gradio_api/upload"
    assert ask(uploads, JOIN, method="POST", body=b"0" * (LARGEST_QUESTION + 1))[0] == 413
    large = str(2 * LARGEST_UPLOAD)
    assert ask(uploads, upload, method="POST", headers={"content-length": large})[0] == 413
    largest = str(LARGEST_UPLOAD)
    assert ask(uploads, upload, method="POST", headers={"content-length": largest})[0] == 200
    for unknown in ("-1", "1e3", ""):
        assert ask(uploads, upload, method="POST", headers={"content-length": unknown})[0] == 411


def test_pages_of_other_sites_are_refused(uploads):
    for host in ("127.0.0.1", "localhost:7860", "[::1]:7860", "LOCALHOST"):
        assert ask(uploads, "/", headers={"host": host})[0] == 200
    for host in ("evil.example", "127.0.0.1.evil.example:7860", ""):
        assert ask(uploads, "/", headers={"host": host})[0] == 403
    assert ask(uploads, "/", headers={"host": "birds.example"}, hosts=None)[0] == 200
    assert question(uploads, {}, headers={"origin": "http://127.0.0.1:7860"})[0] == 200
    for origin in ("http://evil.example", "http://127.0.0.1:1", "null", ""):
        assert question(uploads, {}, headers={"origin": origin})[0] == 403


def test_a_question_that_is_cut_off_is_refused_and_a_websocket_gets_no_answer(uploads):
    """A browser that leaves sends `http.disconnect` in place of the rest."""
    sent, headers = [], [(b"host", b"127.0.0.1:7860"), (b"content-length", b"2")]

    async def disconnect():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    async def app(*_):
        pytest.fail("the gate let it through")

    question = {"type": "http", "method": "POST", "path": JOIN, "headers": headers}
    asyncio.run(Gate(app, uploads, LOOPBACK)(question, disconnect, send))
    assert sent[0]["status"] == 400
    sent.clear()
    asyncio.run(Gate(app, uploads, LOOPBACK)({**question, "type": "websocket"}, disconnect, send))
    assert not sent

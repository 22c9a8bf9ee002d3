"""Transfers from a real server that breaks off, stalls, lies and refuses."""

import shutil
import socket
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest

from dse.datasets.download.transfer import ATTEMPTS, TransferError, transfer
from dse.utils.errors import InputError
from faults.corruptions import NO_FILE, PLACE

CONTENT = np.random.default_rng(0).bytes(200_000)


@pytest.fixture(autouse=True)
def content(publisher):
    publisher.content = CONTENT


@pytest.fixture
def file(tmp_path):
    return tmp_path / "birds.tgz"


@pytest.fixture
def part(tmp_path):
    return tmp_path / "birds.tgz.part"


def get(publisher, file, **options):
    transfer(publisher.url, file, progress=False, timeout=0.5, pause=0, **options)


def refused(publisher, file):
    """The one line that a transfer ends with."""
    with pytest.raises(TransferError) as error:
        get(publisher, file)
    assert "\n" not in str(error.value) and publisher.url in str(error.value)
    return str(error.value)


def assert_whole(file):
    assert file.read_bytes() == CONTENT
    assert list(file.parent.iterdir()) == [file]


def test_a_file_arrives_with_one_request(publisher, file):
    get(publisher, file)
    assert_whole(file)
    assert [request.range for request in publisher.requests] == [None]


def test_a_length_may_be_unknown(publisher, file):
    publisher.faults = ["sends chunks"]
    get(publisher, file)
    assert_whole(file)


@pytest.mark.parametrize("fault", ["breaks off", "stalls"])
def test_an_interrupted_transfer_is_resumed(publisher, file, fault):
    publisher.faults = [fault, fault]
    get(publisher, file)
    assert_whole(file)
    assert [request.sent for request in publisher.requests] == [
        (0, 100_000), (100_000, 150_000), (150_000, 200_000),
    ]  # fmt: skip
    assert publisher.requests[1].range == "bytes=100000-"
    assert publisher.requests[1].if_range == '"first"'


def test_progress_earns_new_attempts(publisher, file):
    publisher.faults = ["breaks off"] * (ATTEMPTS + 3)
    get(publisher, file)
    assert_whole(file)


def test_a_killed_transfer_is_resumed(publisher, file, part):
    part.write_bytes(CONTENT[:1000])
    get(publisher, file)
    assert_whole(file)
    assert [request.sent for request in publisher.requests] == [(1000, 200_000)]


def test_a_part_that_is_the_whole_is_taken(publisher, file, part):
    part.write_bytes(CONTENT)
    get(publisher, file)
    assert_whole(file)
    assert [request.sent for request in publisher.requests] == [None]


@pytest.mark.parametrize(("size", "version"), [(1000, '"older"'), (300_000, None)])
def test_a_part_of_another_file_is_fetched_again(publisher, file, part, size, version):
    part.write_bytes(bytes(size))
    if version:
        part.with_name("birds.tgz.part.version").write_text(version)
    get(publisher, file)
    assert_whole(file)
    assert publisher.requests[0].range == f"bytes={size}-"
    assert publisher.requests[0].if_range == version


@pytest.mark.parametrize("version", [b"", b"\xff\xfe", b'"a"\r\nHost: elsewhere', b"\0"])
def test_a_damaged_version_is_no_reason_to_resume(publisher, file, part, version):
    part.write_bytes(CONTENT[:1000])
    part.with_name("birds.tgz.part.version").write_bytes(version)
    get(publisher, file)
    assert_whole(file)
    assert [request.range for request in publisher.requests] == [None]


@pytest.mark.parametrize("instead", [n for n in NO_FILE if n != "a file beyond all bounds"])
def test_a_part_that_is_no_file_is_named(publisher, file, part, instead):
    part.touch()
    PLACE[instead](part, Random(0))
    with pytest.raises(InputError, match=r"birds\.tgz\.part"):
        get(publisher, file)
    assert not publisher.requests


@pytest.mark.parametrize(
    ("headers", "if_range"),
    [
        ({}, None),
        ({"Last-Modified": "Tue, 24 Nov 2020 09:00:00 GMT"}, "Tue, 24 Nov 2020 09:00:00 GMT"),
        ({"ETag": 'W/"weak"'}, None),
    ],
)
def test_what_tells_a_version(publisher, file, headers, if_range):
    publisher.headers, publisher.faults = headers, ["breaks off"]
    get(publisher, file)
    assert_whole(file)
    assert publisher.requests[1].range == "bytes=100000-"
    assert publisher.requests[1].if_range == if_range


@pytest.mark.parametrize("fault", ["ignores range", "sends another part"])
def test_a_server_that_cannot_resume_sends_all_of_it_again(publisher, file, fault):
    publisher.faults = ["breaks off", fault]
    get(publisher, file)
    assert_whole(file)
    assert publisher.requests[-1].sent == (0, 200_000)


def test_a_server_that_never_gets_further_is_given_up(publisher, file):
    publisher.faults = ["ignores range, breaks off"] * 20
    message = refused(publisher, file)
    assert "cannot be fetched (the connection was closed before the end of the file;" in message
    assert len(publisher.requests) == 1 + ATTEMPTS


def test_more_announced_than_sent(publisher, file):
    publisher.faults = ["announces more"]
    get(publisher, file)
    assert_whole(file)
    assert publisher.requests[1].range == "bytes=200000-"


def test_what_was_given_up_is_kept_for_the_next_call(publisher, file, part):
    publisher.faults = ["breaks off"] + ["503"] * ATTEMPTS
    message = refused(publisher, file)
    assert "cannot be fetched (HTTP 503 Service Unavailable; 0.1 MB are kept)" in message
    assert len(publisher.requests) == 1 + ATTEMPTS
    assert not file.exists() and part.read_bytes() == CONTENT[:100_000]
    get(publisher, file)
    assert_whole(file)
    assert publisher.requests[-1].sent == (100_000, 200_000)


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (403, 1), (500, ATTEMPTS)])
def test_refusals(publisher, file, status, requests):
    publisher.faults = [str(status)] * 20
    assert f"HTTP {status} " in refused(publisher, file)
    assert len(publisher.requests) == requests


def test_nobody_there_and_no_such_host(file, monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    nobody = SimpleNamespace(url="http://127.0.0.1:9/birds.tgz")
    assert "cannot be fetched (" in refused(nobody, file)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    no_host = SimpleNamespace(url="http://no-such-host.invalid/birds.tgz")
    assert "cannot be fetched (" in refused(no_host, file)


def test_a_web_page_is_not_the_file_and_the_part_is_kept(publisher, file, part):
    publisher.faults = ["breaks off", "web page"]
    assert "answers with a web page" in refused(publisher, file)
    assert part.read_bytes() == CONTENT[:100_000]


def test_a_full_disk_is_noticed_first(publisher, file, part, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=150_000))
    with pytest.raises(InputError, match="GB free where"):
        get(publisher, file)
    assert not part.exists()
    part.write_bytes(CONTENT[:100_000])  # what is there needs no room
    with pytest.raises(InputError, match="GB free where"):
        get(publisher, file, reserve=50_001)
    get(publisher, file, reserve=50_000)
    assert_whole(file)

"""Data sets fetched from a real server: checked, put in place, and what a person reads if not."""

import hashlib
import io
import shutil
import tarfile
from dataclasses import replace
from pathlib import PurePosixPath
from random import Random
from types import SimpleNamespace

import pytest

from dse.cli import main
from dse.datasets.download import download_dataset, fetch
from dse.datasets.download.archives import ARCHIVES, Archive
from dse.utils.errors import InputError
from faults.corruptions import PLACE

MEMBERS = {"birds/images.txt": b"1 red.jpg\n", "birds/images/red.jpg": bytes(5000)}


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def birds(publisher):
    """A good archive at the publisher's."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in MEMBERS.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    publisher.content = buffer.getvalue()
    return Archive(
        url=publisher.url,
        page="http://birds.example/",
        file_name="birds.tgz",
        target="birds",
        md5=md5(publisher.content),
        required=("images.txt",),
    )


def get(archive, root):
    return fetch(archive, root, progress=False, timeout=0.5, pause=0)


def refused(archive, root):
    """The one line that a download ends with."""
    with pytest.raises(InputError) as error:
        get(archive, root)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_download_is_unpacked_and_leaves_nothing_else(birds, publisher, tree, tmp_path):
    root = tmp_path / "new"
    publisher.faults = ["breaks off"]
    assert get(birds, root) == root / "birds"
    assert tree(root) == MEMBERS
    assert [path.name for path in root.iterdir()] == ["birds"]


@pytest.mark.parametrize(
    "left", ["", "downloads.lock", "downloads/birds.tgz", "downloads/", ".birds.a1b2c3d4.dse/"]
)
@pytest.mark.parametrize("also", ["", "downloads/birds.tgz"])
def test_a_second_call_asks_nobody_and_clears_up(birds, publisher, tmp_path, left, also):
    get(birds, tmp_path)
    for name in filter(None, (left, also)):  # by a process that was killed at its very end
        if "/" in name:
            (tmp_path / name.partition("/")[0]).mkdir(exist_ok=True)
        if not name.endswith("/"):
            (tmp_path / name).touch()
    assert get(birds, tmp_path) == tmp_path / "birds"
    assert len(publisher.requests) == 1
    assert [*tmp_path.iterdir()] == [tmp_path / "birds"]


def test_a_killed_download_is_resumed(birds, publisher, tree, tmp_path):
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads/birds.tgz.part").write_bytes(publisher.content[:100])
    get(birds, tmp_path)
    assert tree(tmp_path) == MEMBERS
    assert [request.range for request in publisher.requests] == ["bytes=100-"]


def test_the_wrong_file_is_removed_and_both_sums_are_named(birds, publisher, tree, tmp_path):
    publisher.content = b"another"
    message = refused(birds, tmp_path)
    assert md5(b"another") in message and birds.md5 in message and "it was removed" in message
    assert not tree(tmp_path)


@pytest.mark.parametrize("checksum", [True, False])
def test_less_announced_than_sent(birds, publisher, tree, tmp_path, checksum):
    publisher.faults = ["announces less"]
    message = refused(birds if checksum else replace(birds, md5=None), tmp_path)
    assert ("is not the published file" if checksum else "is damaged, cut short") in message
    assert not tree(tmp_path)
    get(birds, tmp_path)
    assert tree(tmp_path) == MEMBERS


def test_a_web_page_sends_people_to_the_browser(birds, publisher, tree, tmp_path):
    publisher.faults = ["web page"]
    saved = tmp_path / "downloads/birds.tgz"
    message = refused(birds, tmp_path)
    assert f"{birds.url} answers with a web page" in message
    assert f"open {birds.page} in a browser, save birds.tgz as {saved}" in message
    saved.write_bytes(publisher.content)
    get(birds, tmp_path)
    assert tree(tmp_path) == MEMBERS
    assert len(publisher.requests) == 1


@pytest.mark.parametrize("checksum", [True, False])
def test_a_web_page_under_another_type_is_recognised(birds, publisher, tree, tmp_path, checksum):
    publisher.content = b"\n<!DOCTYPE html><title>Sign in</title>"
    message = refused(birds if checksum else replace(birds, md5=None), tmp_path)
    assert "is a web page in place of the archive; it was removed" in message
    assert not tree(tmp_path)


@pytest.mark.parametrize("status", [404, 500])
def test_a_refusal_says_what_to_do(birds, publisher, tmp_path, status):
    publisher.faults = [str(status)] * 20
    message = refused(birds, tmp_path)
    assert birds.url in message and f"HTTP {status}" in message
    assert f": run the command again, or open {birds.page} in a browser" in message


def test_a_damaged_archive_is_removed(birds, publisher, tree, tmp_path):
    publisher.content = publisher.content[:-50]
    message = refused(replace(birds, md5=None), tmp_path)
    assert "is damaged" in message and "it was removed: run the command again" in message
    assert not tree(tmp_path)


def test_a_plain_file_is_put_in_place_and_checked(birds, publisher, tree, tmp_path):
    labels = replace(birds, target="labels/birds.tgz", required=())
    assert get(labels, tmp_path).read_bytes() == publisher.content
    assert get(labels, tmp_path).is_file() and len(publisher.requests) == 1
    (tmp_path / "labels/birds.tgz").write_bytes(b"mine")
    message = refused(labels, tmp_path)
    assert md5(b"mine") in message and "move it away" in message
    assert tree(tmp_path) == {"labels/birds.tgz": b"mine"}


def test_what_stands_in_the_way_is_named_and_left(birds, publisher, tree, tmp_path):
    (tmp_path / "birds").mkdir()
    (tmp_path / "birds/mine.txt").write_bytes(b"mine")
    assert f"{tmp_path / 'birds'} exists but has no images.txt" in refused(birds, tmp_path)
    assert not publisher.requests and tree(tmp_path) == {"birds/mine.txt": b"mine"}


def test_a_disk_that_refuses_is_one_line(birds, publisher, tmp_path):
    (tmp_path / "downloads").write_text("")
    assert f"{tmp_path / 'downloads'} cannot be read or written" in refused(birds, tmp_path)
    (tmp_path / "downloads").rename(tmp_path / "file")
    archive = replace(birds, target="file/birds")
    assert "file cannot be read or written" in refused(archive, tmp_path)


@pytest.mark.parametrize("instead", ["a pipe", "a link to an endless file", "a socket"])
@pytest.mark.parametrize("place", ["downloads/birds.tgz", "labels/birds.tgz"])
def test_what_is_no_file_is_refused_before_it_is_read(birds, tmp_path, instead, place):
    archive = replace(birds, target="labels/birds.tgz", required=())
    path = tmp_path / place
    path.parent.mkdir()
    path.touch()
    PLACE[instead](path, Random(0))
    assert "birds.tgz is no file" in refused(archive, tmp_path)


def test_a_full_disk_is_noticed_before_unpacking(birds, publisher, tree, tmp_path, monkeypatch):
    saved = tmp_path / "downloads/birds.tgz"
    saved.parent.mkdir()
    saved.write_bytes(publisher.content)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=999))
    large = replace(birds, unpacked_bytes=1000)
    assert f"{tmp_path} has 0.0 GB free where" in refused(large, tmp_path)
    assert tree(tmp_path) == {"downloads/birds.tgz": publisher.content}  # it is kept
    get(replace(birds, unpacked_bytes=999), tmp_path)


def test_a_full_disk_is_noticed_before_the_download(birds, publisher, tree, tmp_path, monkeypatch):
    free = len(publisher.content) + 1000
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    assert "GB free where" in refused(replace(birds, unpacked_bytes=1001), tmp_path)
    assert not tree(tmp_path)
    get(replace(birds, unpacked_bytes=1000), tmp_path)


def test_a_data_set_is_what_is_missing_of_it(birds, publisher, tmp_path, monkeypatch):
    labels = replace(birds, target="labels/birds.tgz", required=())
    monkeypatch.setitem(ARCHIVES, "cub", (birds, labels))
    monkeypatch.setenv("DSE_ROOT", str(tmp_path))
    assert download_dataset("cub", progress=False) == [tmp_path / "birds", tmp_path / labels.target]
    abandoned = tmp_path / ".birds.a1b2c3d4.dse"
    abandoned.mkdir()
    assert download_dataset("cub", str(tmp_path)) == []
    assert not abandoned.exists()
    (tmp_path / labels.target).unlink()
    assert download_dataset("cub", tmp_path, progress=False) == [tmp_path / labels.target]
    assert len(publisher.requests) == 3


def test_the_command_says_what_is_in_place(birds, publisher, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(ARCHIVES, "cub", (birds,))
    assert main(["download", "cub", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'birds'}: in place\n"
    assert main(["download", "cub", "--root", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "cub is complete: nothing to download\n"


def test_nothing_is_fetched_while_something_is_amiss(birds, publisher, tmp_path, monkeypatch):
    labels = replace(birds, target="labels/birds.tgz", required=())
    monkeypatch.setitem(ARCHIVES, "cub", (labels, birds))
    (tmp_path / "birds").mkdir()
    with pytest.raises(InputError, match=r"has no images\.txt"):
        download_dataset("cub", tmp_path)
    assert not publisher.requests


def test_a_wrong_name_and_no_root(monkeypatch):
    monkeypatch.delenv("DSE_ROOT", raising=False)
    with pytest.raises(InputError, match="nothing to download for 'imagenet'"):
        download_dataset("imagenet", "data")
    with pytest.raises(InputError, match="cub needs --root"):
        download_dataset("cub")


def test_the_table_of_archives_is_sound():
    for archive in sum(ARCHIVES.values(), ()):
        assert archive.url.startswith("https://") and archive.page.startswith("https://")
        assert archive.md5 is None or len(bytes.fromhex(archive.md5)) == 16
        assert archive.is_packed == bool(archive.required) == bool(archive.unpacked_bytes)
        assert archive.md5 is not None or archive.is_packed  # something vouches for each
        assert ".." not in PurePosixPath(archive.target).parts

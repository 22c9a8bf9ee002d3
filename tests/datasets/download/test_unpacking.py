"""Archives good, odd, damaged and evil: they become a complete folder, or an error and nothing."""

import io
import shutil
import tarfile
import zlib
from contextlib import suppress

import numpy as np
import pytest

from dse.datasets.download import unpacking
from dse.datasets.download.archives import Archive
from dse.datasets.download.unpacking import unpack
from dse.utils.errors import InputError

IMAGE = np.random.default_rng(0).bytes(100_000)
MEMBERS = {"birds/images.txt": b"1 red.jpg\n", "birds/images/red.jpg": IMAGE}


def tar(members, mode="w:gz"):
    """A tar of {name: content}; in place of content, a `TarInfo` says what kind of member it is."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def special(name, kind, link=""):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def half_deflated(content):
    """What gzip makes of the content, and then bytes that it cannot have made."""
    gzip = zlib.compressobj(wbits=31)
    return gzip.compress(content) + gzip.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 100


def unpacked(content, folder, **options):
    """Unpack in `folder`/root."""
    (folder / "root").mkdir(exist_ok=True)
    (folder / "birds.tgz").write_bytes(content)
    archive = Archive("", "", "birds.tgz", "birds", required=("images.txt",), **options)
    assert unpack(folder / "birds.tgz", archive, folder / "root", progress=False)
    return folder / "root"


@pytest.mark.parametrize("mode", ["w:gz", "w:"])
def test_a_tar_is_unpacked_compressed_or_not(tmp_path, tree, mode):
    root = unpacked(tar(MEMBERS, mode), tmp_path)
    assert tree(root) == MEMBERS
    assert [path.name for path in root.iterdir()] == ["birds"]


def test_a_top_folder_may_lack_where_that_is_known(tmp_path, tree):
    content = tar(
        {
            "": special("./", tarfile.DIRTYPE),
            "./images.txt": b"1 red.jpg\n",
            "./images/red.jpg": IMAGE,
        }
    )
    assert tree(unpacked(content, tmp_path, flat=True)) == MEMBERS
    with pytest.raises(InputError, match="which is not below birds/"):
        unpacked(content, tmp_path)


def test_what_macos_adds_is_left_out(tmp_path, tree):
    members = {**MEMBERS, "._birds": b"x", "birds/._images.txt": b"x", "__MACOSX/birds": b"x"}
    assert tree(unpacked(tar(members), tmp_path)) == MEMBERS


def test_a_file_beside_the_folder_goes_beside_it(tmp_path, tree):
    members = {"./attributes.txt": b"1 red\n", **MEMBERS}
    root = unpacked(tar(members), tmp_path, beside=("attributes.txt",))
    assert tree(root) == {**MEMBERS, "attributes.txt": b"1 red\n"}
    (root / "attributes.txt").write_bytes(b"mine")
    shutil.rmtree(root / "birds")
    unpacked(tar(members), tmp_path, beside=("attributes.txt",))
    assert tree(root) == {**MEMBERS, "attributes.txt": b"mine"}


RECORD = special("header", tarfile.XHDTYPE)
RECORD.size = 512
LONG_RECORD = RECORD.tobuf() + (b"9" * 30 + b" path=x\n").ljust(512)
LINK = special("birds/way", tarfile.SYMTYPE, "../../outside")
HARD_LINK = special("birds/x", tarfile.LNKTYPE, "/etc/hosts")
EVIL = {
    "symbolic link": (tar({"": LINK, "birds/way/x": b"x"}), "holds a link or a device"),
    "hard link": (tar({"": HARD_LINK}), "holds a link or a device"),
    "device": (tar({"": special("birds/null", tarfile.CHRTYPE)}), "holds a link or a device"),
    "pipe": (tar({"": special("birds/pipe", tarfile.FIFOTYPE)}), "holds a link or a device"),
    "absolute": (tar({"/birds/x": b"x"}), "'/birds/x', which is not below"),
    "dots": (tar({"birds/../../../outside": b"x"}), "outside the destination"),
    "dots beside": (tar({"birds/../outside": b"x"}), "holds no images.txt"),
    "backslashes": (tar({"birds\\..\\outside": b"x"}), "which is not below"),
    "a byte 0": (tar({"birds/" + "long" * 40 + "\0": b"x"}), "is damaged"),
    "a long name": (tar({f"birds/{'a' * 300}": b"x"}), "a name of more than 255 bytes"),
    "another top folder": (tar({**MEMBERS, "nest/egg": b"x"}), "'nest/egg', which is not below"),
    "too many": (tar({f"birds/{i}": b"" for i in range(9)}), "holds more than 8 files"),
    "too large": (tar({"birds/x": bytes(300_001)}), "or 300000 bytes"),
    "a file as a folder": (tar({"birds/x": b"x", "birds/x/y": b"y"}), "is damaged"),
    "a file as a folder's folder": (tar({"birds/x": b"x", "birds/x/y/z": b"z"}), "is damaged"),
    "a folder as a file": (tar({"birds/x/y": b"y", "birds/x": b"x"}), "is damaged"),
    "a file as the target": (tar({"birds": b"x"}), "is damaged"),
    "no images.txt": (tar({"birds/images/red.jpg": IMAGE}), "holds no images.txt"),
    "empty": (b"", "is damaged"),
    "no archive": (b"GIF89a" * 1000, "is damaged"),
    "a record beyond all bounds": (LONG_RECORD, "is damaged"),
    "not deflated": (half_deflated(tar(MEMBERS, "w:")[:50_000]), "is damaged"),
    "cut short": (tar(MEMBERS)[:50_000], "is damaged"),
    "cut before its checksum": (tar(MEMBERS)[:-8], "is damaged"),
    "cut and not compressed": (tar(MEMBERS, "w:")[:50_000], "is damaged"),
}


@pytest.mark.parametrize("evil", EVIL)
def test_evil_leaves_nothing_behind(tmp_path, tree, monkeypatch, evil):
    monkeypatch.setattr(unpacking, "MAX_MEMBERS", 8)
    monkeypatch.setattr(unpacking, "MAX_UNPACKED_BYTES", 300_000)
    content, expected = EVIL[evil]
    with pytest.raises(InputError) as error:
        unpacked(content, tmp_path)
    assert expected in str(error.value) and "\n" not in str(error.value)
    assert str(tmp_path / "birds.tgz") in str(error.value)
    assert tree(tmp_path) == {"birds.tgz": content}
    assert not list((tmp_path / "root").iterdir())


@pytest.mark.parametrize("name", ["{}/outside", "../../../outside"])
def test_no_name_leads_out_of_an_archive_without_a_top_folder(tmp_path, name):
    members = {"images.txt": b"1 red.jpg\n", name.format(tmp_path): b"x"}
    with suppress(InputError):
        unpacked(tar(members), tmp_path, flat=True)
    assert {path.name for path in tmp_path.iterdir()} == {"birds.tgz", "root"}
    assert {path.name for path in (tmp_path / "root").iterdir()} <= {"birds"}


@pytest.mark.parametrize("mode", ["w:gz", "w:"])
def test_damage_anywhere_leaves_all_or_nothing(tmp_path, mode):
    good = tar({"birds/images.txt": b"1 red.jpg\n", f"birds/{'long' * 40}.txt": b"red"}, mode)
    random = np.random.default_rng(0)
    for _ in range(100):
        content = bytearray(good)
        content[random.integers(min(len(good), 4000))] = random.integers(256)
        with suppress(InputError):
            unpacked(content, tmp_path)
            assert (tmp_path / "root/birds/images.txt").is_file()
            shutil.rmtree(tmp_path / "root/birds")
        assert not list((tmp_path / "root").iterdir())

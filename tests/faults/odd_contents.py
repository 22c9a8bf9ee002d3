"""Contents of single formats that are whole files and still wrong: bombs, programs, odd values."""

import io
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import torch
from PIL import Image
from scipy.io import savemat

from dse.utils.torch7 import TorchObject
from faults.corruptions import Corruption
from faults.weight_roots import port_weights
from torch7_writer import Function, Storage, Tensor, torch7_bytes


def of_bytes(make: Callable[[Random], bytes]) -> Corruption:
    return lambda path, random: path.write_bytes(make(random))


class Program:
    """Unpickled, it writes a file."""

    def __reduce__(self):
        return os.system, ("touch ran",)


def pickled(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def zipped(value: object) -> bytes:
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


@cache
def bomb_of_weights() -> bytes:
    """1.2 GB of zeros, compressed to 5 MB."""
    stored, file = io.BytesIO(zipped({"conv1_weight": torch.zeros(10)})), io.BytesIO()
    with (
        zipfile.ZipFile(stored) as source,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for part in source.infolist():
            is_tensor = part.filename.endswith("data/0")
            target.writestr(part.filename, bytes(1_200_000_000) if is_tensor else source.read(part))
    return file.getvalue()


def another_state(random: Random) -> bytes:
    """A state dict with one tensor that is not a plain one of the right kind."""
    state = dict(port_weights())
    name = random.choice(list(state))
    value = state[name]
    odd = random.choice(
        [
            lambda: value[:1, ...].expand(10**6, *value.shape[1:]),
            lambda: torch.zeros(1).expand(10**12),
            lambda: torch.zeros(1).expand(10**6, 10**6),
            lambda: value.half(),
            lambda: value.long(),
            lambda: value.bool(),
            lambda: torch.complex(value, value),
            lambda: value.to_sparse(),
            lambda: value.to("meta"),
            lambda: value * torch.nan,
            lambda: value * 1e30,
            lambda: value[..., :-1].contiguous(),
            lambda: torch.nn.Parameter(value),
            lambda: value.tolist(),
            lambda: "weights",
            lambda: {"nested": value},
        ]
    )
    if random.random() < 0.2:
        del state[name]
        name = random.choice(["", "conv4_weight", "conv1.weight.bias", "\x1b[2J", "a" * 5000])
    return zipped(state | {name: odd()})


def another_t7(random: Random) -> bytes:
    """Torch7 files that are whole, and not what is expected."""
    zeros = np.zeros((2, 6, 10), np.float32)
    values = [
        None, 1, "bird", True, {}, {1: zeros}, Function(), TorchObject("nn.Linear", {}),
        zeros[0], zeros[:1], zeros[:, :5].copy(), zeros + np.nan, zeros + 1e30, zeros - 1e300,
        zeros.astype(np.uint8), Tensor(Storage(zeros.ravel()), (10**9, 10**9), (0, 0)),
        Tensor(Storage(zeros.ravel()), (2, 6, 10**6), (0, 0, 0)),
        Tensor(None, (2, 6, 10), (60, 10, 1), kind="Float"),
        {str(n): n for n in range(1, 200)}, {"a": 1, "b": 3}, {"\x1b": 1},
    ]  # fmt: skip
    return torch7_bytes(random.choice(values))


def nested_t7(random: Random) -> bytes:
    opening = b"".join(struct.pack("<iiiid", 3, n, 1, 1, 1.0) for n in range(1, 50_000))
    return opening + struct.pack("<i", 0)


def vocabulary_of_millions(random: Random) -> bytes:
    words = (
        struct.pack("<ii", 2, 7) + b"%07d" % n + struct.pack("<id", 1, n)
        for n in range(1, 2_000_001)
    )
    return struct.pack("<iii", 3, 1, 2_000_000) + b"".join(words)


def vocabulary_of_thousands(random: Random) -> bytes:
    return torch7_bytes({f"word{n}": n for n in range(1, 200_001)})


def _saved_mat(variables: dict) -> bytes:
    file = io.BytesIO()
    savemat(file, variables, do_compression=True)
    return file.getvalue()


def another_mat(random: Random) -> bytes:
    labels = random.choice(
        [
            *(1.5, np.nan, np.inf, 0, 103, -1, 1e30, 1 + 1j, True, "labels", {"a": 1}),
            *([[]], [["a", "b"]], np.array([[1, "a"]], object), np.zeros((3, 4, 5))),
        ]
    )
    return _saved_mat({random.choice(["labels", "labels", "label"]): labels})


@cache
def mat_of_millions() -> bytes:
    return _saved_mat({"labels": np.zeros((1, 200_000_000), np.uint8)})


@cache
def _large_picture(mode: str) -> bytes:
    """A PNG of 89 million pixels in one colour, 0.1 to 0.4 MB."""
    width, height = 9_400, 9_500
    depth, kind, size = {"RGB": (8, 2, 3), "RGBA": (8, 6, 4), "I;16": (16, 0, 2)}[mode]
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    rows = zlib.compressobj(1)
    pixels = b"".join(rows.compress(bytes(1 + size * width)) for _ in range(height)) + rows.flush()

    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = zlib.crc32(name + content)
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", checksum)

    parts = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def large_pictures(path: Path, random: Random) -> None:
    """Some at once: threads decode them."""
    content = _large_picture(random.choice(["RGB", "RGBA", "I;16"]))
    for other in [path, *path.parent.glob("*.jpg")][:2]:
        other.write_bytes(content)


def another_format(random: Random) -> bytes:
    file = io.BytesIO()
    name = random.choice(["GIF", "BMP", "TIFF", "PPM", "ICO", "PDF", "EPS"])
    Image.new("RGB", (16, 16)).save(file, name)
    return file.getvalue()


def postscript(random: Random) -> bytes:
    return b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(ran) (w) file closefile {} loop\n"


def odd_tar(random: Random) -> bytes:
    """Members that lead out of the folder, or are no files."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name in ("bird/text_c10/1.txt", random.choice(_TAR_NAMES)):
            member = tarfile.TarInfo(name)
            member.size = 3
            tar.addfile(member, io.BytesIO(b"new"))
        odd = tarfile.TarInfo("bird/odd")
        odd.type = random.choice(
            [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
        )
        odd.linkname = random.choice(["../../elsewhere/kept.txt", "/etc/passwd", "odd", ""])
        if random.random() < 0.5:
            tar.addfile(odd)
    return file.getvalue()


_TAR_NAMES = (
    "../elsewhere/kept.txt", "/tmp/../elsewhere", "bird/../../elsewhere/kept.txt", "bird/\x1b[2J",
    "bird/a\nb", "", ".", "bird/" + "a/" * 200, "bird/" + "a" * 300, "other/1.txt", "bird/text_c10",
    "bird/text_c10/1.txt/2.txt",
)  # fmt: skip


def tar_bomb(random: Random) -> bytes:
    """30 GB by its header, of zeros."""
    member = tarfile.TarInfo("bird/text_c10/1.txt")
    member.size = 30_000_000_000
    packed = zlib.compressobj(1, wbits=31)
    head = packed.compress(member.tobuf())
    return head + b"".join(packed.compress(bytes(1 << 20)) for _ in range(100)) + packed.flush()


def odd_names(path: Path, random: Random) -> None:
    """Give the class's folder, or the image and its captions, a name that is hard to show."""
    odd = random.choice(
        [b"caf\xe9", b"line\nbreak", b"\x1b[2J\x1b[31m", b"\xff\xfe", b"-rf", b"a b", b"*", b"..."]
        + [name.encode() for name in ("e\u0301", "\u202egpj", "\u200b", "\U0001f426", "a" * 200)]
    )
    if random.random() < 0.5:
        os.rename(path.parent, os.path.join(os.fsencode(path.parent.parent), odd))
    else:
        for own in path.parent.glob(f"{path.stem}.*"):
            new = odd + own.suffix.encode()
            os.rename(own, os.path.join(os.fsencode(path.parent), new))
    if random.random() < 0.5:
        (path.parents[2] / "splits.json").unlink()


PICTURES: dict[str, Corruption] = {
    "a program": of_bytes(postscript),
    "another format": of_bytes(another_format),
    "89 million pixels": large_pictures,
}
MAT: dict[str, Corruption] = {
    "another value": of_bytes(another_mat),
    "a bomb": of_bytes(lambda random: mat_of_millions()),
}
T7: dict[str, Corruption] = {
    "another value": of_bytes(another_t7),
    "nested deep": of_bytes(nested_t7),
}
VOCABULARY: dict[str, Corruption] = {
    "2 million words": of_bytes(vocabulary_of_millions),
    "200,000 words": of_bytes(vocabulary_of_thousands),
}
PTH: dict[str, Corruption] = {
    "another state": of_bytes(another_state),
    "a program": of_bytes(lambda random: zipped({"conv1_weight": Program()})),
    "a program, old": of_bytes(lambda random: pickled({"conv1_weight": Program()})),
    "a bomb": of_bytes(lambda random: bomb_of_weights()),
}
TAR: dict[str, Corruption] = {"odd members": of_bytes(odd_tar), "a bomb": of_bytes(tar_bomb)}
NAMES: dict[str, Corruption] = {"an odd name": odd_names}

"""Every command that writes, on a disk that is full and on one that cannot be written to."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import dse
from dse.cli import main
from dse.datasets import fieldguide as guide
from dse.datasets.download.archives import ARCHIVES, Archive
from dse.utils.progress import progress_bar
from faults.calls import TRAINING, called_with, small_world
from faults.data_roots import folder, small_guide
from faults.run_roots import CELL, world
from faults.works import an_archive, publisher

SMALL = 16 * 4096
"""Bytes of the disk."""
DISKS = ("full", "read-only")
PHOTO, FOLDER = "HERE/photos/1.png", ("folder", "--root", "HERE/own")
WRITERS = {
    "data": ["data", "cub", "--json", "DISK/figures.json"],
    "data, FieldGuide into the cache": ["data", "fieldguide"],
    "features into the cache": ["features", *FOLDER, "--image-encoder", "fieldguide"],
    "download": ["download", "cub", "--root", "DISK/data"],
    "train": ["train", "cub", *TRAINING, "--out", "DISK/run"],
    "evaluate": ["evaluate", "HERE/run", "--json", "DISK/below/figures.json"],
    "embed": ["embed", "HERE/run", "HERE/captions.txt", "--out", "DISK/rows.npy"],
    "embed, safetensors": ["embed", "HERE/run", "HERE/captions.txt", "--out", "DISK/r.safetensors"],
    "explain": ["explain", "HERE/run", "a crown", "--image", PHOTO, "--out", "DISK/why.html"],
    "search": ["search", "HERE/run", "a crown", "--images", "HERE/photos", "--out", "DISK/s"],
    "describe": ["describe", "HERE/run", "--image", PHOTO, "--captions", "HERE/captions.txt"]
    + ["--json", "DISK/figures.json"],
    "classify": ["classify", "HERE/run", "--images", "HERE/photos", "--classes"]
    + ["HERE/classes.txt", "--out", "DISK/c"],
    "reproduce": ["reproduce", "cub", "--only", CELL.name, "--steps", "2"]
    + ["--out", "DISK/results"],
    "import-weights": ["import-weights", "HERE/weights.pth", "--out", "DISK/imported"],
}  # fmt: skip
"""A command for each; the cache is on the disk where the name says so."""


def mounted(place: Path, *options: str) -> bool:
    """Whether a disk in memory could be mounted: that is for the superuser alone."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(place)]
    return not subprocess.run(command, capture_output=True).returncode


@contextmanager
def disk_of(kind: str, place: Path) -> Iterator[None]:
    """A disk without room, or one that cannot be written to.

    Raises:
        PermissionError: nobody but the superuser may mount one.
    """
    if not mounted(place, f"size={SMALL}"):
        raise PermissionError("disks can be mounted by the superuser alone")
    try:
        (place / "filler").write_bytes(bytes(SMALL))
        if kind == "read-only":
            assert mounted(place, "remount", "ro")
        yield
    finally:
        subprocess.run(["umount", place], check=True)


def what_is_wrong(name: str, kind: str, here: Path) -> str:
    """Call a command on such a disk, then on one with room; empty if all is as it should be."""
    place = here / "disk"
    place.mkdir()
    called_with([])(here)
    (here / "captions.txt").write_text("a red crown\n" * 10, encoding="utf-8")
    folder(here / "own")
    an_archive(here)
    publisher().content = (here / "birds.tar.gz").read_bytes()
    words = [word.replace("HERE", str(here)).replace("DISK", str(place)) for word in WRITERS[name]]
    cache = (place if "cache" in name else here) / "cache"
    with disk_of(kind, place), mock.patch.dict(os.environ, DSE_CACHE=str(cache)):
        code, line = call(words)
        if code != 2 or not line.startswith("dse: ") or str(place) not in line:
            return f"exit code {code}: {line}"
        left = [path.name for path in place.rglob("*") if path.is_file() or path.name[0] == "."]
        if [name for name in left if not name.endswith(".lock")] != ["filler"]:  # the cache's locks
            return f"left over: {left}"
        assert mounted(place, "remount", "rw", f"size={64 << 20}")
        code, line = call(words)
        if code:
            return f"with room, exit code {code}: {line}"
        left = [path.name for path in place.rglob("*") if is_leftover(path)]
        return f"left over: {left}" if left else ""


def is_leftover(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix in (".partial", ".part")


def call(words: list[str]) -> tuple[int, str]:
    """The exit code of a command and its last line of errors."""
    archive = Archive(publisher().url, "a page", "birds.tgz", "birds", required=("noise.bin",))
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(StringIO()))
        errors = stack.enter_context(redirect_stderr(StringIO()))
        stack.enter_context(mock.patch.dict(ARCHIVES, cub=(archive,)))
        if words[:2] == ["data", "fieldguide"]:
            stack.enter_context(mock.patch.object(dse, "read_dataset", draw_a_small_guide))
        elif words[0] != "features":
            stack.enter_context(small_world())
        code = main(words)
    return code, (errors.getvalue().splitlines() or [""])[-1]


def draw_a_small_guide(name: str, root: object) -> dse.DescribedImages:
    """Four birds into the cache; others are described, for four have no splits."""
    with small_guide():
        guide.read_fieldguide()
    return world()


def campaign() -> dict[str, Any]:
    """Each command on each of the two disks: how many of them ended as they should."""
    started, rows, forbidden = time.monotonic(), [], []
    for name in progress_bar(WRITERS, desc="disks", unit="command"):
        row = {"command": name}
        for kind in DISKS:
            with TemporaryDirectory(prefix="disks-") as place:
                wrong = what_is_wrong(name, kind, Path(place))
            row[kind] = "refused" if not wrong else "forbidden"
            forbidden += [{"command": name, "disk": kind, "what": wrong}] if wrong else []
        rows.append(row)
    about = {"cases": 2 * len(rows), "seconds": round(time.monotonic() - started)}
    return about | {"table": rows, "forbidden": forbidden}

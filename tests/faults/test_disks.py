"""On a disk that is full, or that cannot be written to, every command says so and loses nothing."""

import subprocess

import pytest

from dse.cli import main
from faults.calls import TRAINING, small_world
from faults.run_roots import a_run
from faults.weight_roots import port

SMALL = 16 * 4096
"""Bytes of the disk."""


def mount(folder, *options):
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", folder], capture_output=True
    )
    if done.returncode:
        pytest.skip("disks can be mounted by the superuser alone")


@pytest.fixture(params=["full", "read-only"])
def disk(request, tmp_path):
    """A disk without room, or one that cannot be written to."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, f"size={SMALL}")
    try:
        (folder / "filler").write_bytes(bytes(SMALL))
        if request.param == "read-only":
            mount(folder, "remount", "ro")
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


WRITERS = {
    "train": ["train", "cub", *TRAINING, "--out", "DISK/run"],
    "embed": ["embed", "HERE/run", "HERE/captions.txt", "--out", "DISK/rows.npy"],
    "embed, safetensors": ["embed", "HERE/run", "HERE/captions.txt", "--out", "DISK/r.safetensors"],
    "figures": ["evaluate", "HERE/run", "--json", "DISK/below/figures.json"],
    "reproduce": ["reproduce", "cub", "--only", "bag-of-words-ds-seed0", "--steps", "2"]
    + ["--out", "DISK/results"],
    "import-weights": ["import-weights", "HERE/weights.pth", "--out", "DISK/imported"],
}  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_says_so_and_leaves_nothing(disk, tmp_path, name, capsys):
    a_run(tmp_path, dim=1024)
    port(tmp_path)
    (tmp_path / "captions.txt").write_text("a red crown\n" * 10, encoding="utf-8")
    words = [
        word.replace("HERE", str(tmp_path)).replace("DISK", str(disk)) for word in WRITERS[name]
    ]
    with small_world():
        assert main(words) == 2
        line = capsys.readouterr().err.splitlines()[-1]
        assert line.startswith("dse: ") and str(disk) in line
        assert all(path.is_dir() or path.name == "filler" for path in disk.rglob("*"))
        assert not list(disk.rglob(".*"))
        mount(disk, "remount", "rw", f"size={64 << 20}")
        assert main(words) == 0
    assert not list(disk.rglob(".*")) and not list(disk.rglob("*.partial"))

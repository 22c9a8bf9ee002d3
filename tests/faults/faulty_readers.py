"""Readers with each fault that the campaign has to see: python faulty_readers.py."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from dse.utils.errors import InputError
from faults.campaign import Reading, Target, cases, run

BIRD, DAMAGED = "a red bird", "a blue bird"


def build(root: Path) -> None:
    (root / "bird.txt").write_text(BIRD, encoding="utf-8")


def damage(path: Path, random: Random) -> None:
    path.write_text(DAMAGED, encoding="utf-8")


def read(root: Path) -> str:
    return (root / "bird.txt").read_text(encoding="utf-8")


def refuse(line: str) -> None:
    raise InputError(line)


READERS: dict[str, Callable[[Path], Any]] = {
    "same": lambda root: Reading(BIRD),
    "changed": lambda root: Reading(DAMAGED),
    "noted": lambda root: Reading(DAMAGED, ["It is another bird."]),
    "refused": lambda root: refuse(f"{root}/bird.txt is damaged: mend it"),
    "refused by the system": lambda root: (root / "bird.txt" / "wing").read_bytes(),
    "forbidden: a traceback": lambda root: {}["bird"],
    "forbidden: a line without the file": lambda root: refuse("something is wrong"),
    "forbidden: a note of two lines": lambda root: Reading(DAMAGED, ["two\nlines"]),
    "forbidden: a hang": lambda root: time.sleep(1000),
    "forbidden: too much memory": lambda root: bytearray(3 << 30),
    "forbidden: the end of the process": lambda root: os._exit(1),
    "forbidden: a stray file": lambda root: Path("stray.txt").touch(),
    "forbidden: others' file": lambda root: Path("kept.txt").write_bytes(b"mine"),
    "forbidden: an unnoticed change": lambda root: Reading(DAMAGED),
}


def only_of_damaged(reader: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """The valid file is read without a fault."""
    return lambda root: Reading(BIRD) if read(root) == BIRD else reader(root)


TARGETS = [
    Target(
        name, build, "bird.txt", only_of_damaged(reader), {"damage": damage},
        has_checksum=name.endswith("unnoticed change"),
    )
    for name, reader in READERS.items()
]  # fmt: skip


if __name__ == "__main__":
    for result in run(cases(TARGETS, 2 * len(TARGETS), seed=0), seconds=2):
        print(result.case.target.name, result.outcome, sep="\t")

"""The campaign itself: each outcome is told from the others, and a seed gives its cases again."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from faults.campaign import cases
from faults.corruptions import BINARY, JSON, PLACE, TEXT
from faults.faulty_readers import READERS, TARGETS


def test_each_outcome_is_told_from_the_others():
    command = [sys.executable, Path(__file__).with_name("faulty_readers.py")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    found = sorted(line.split("\t") for line in ended.stdout.splitlines())
    assert [name for name, _ in found] == sorted([*READERS, *READERS])
    assert all(name.startswith(outcome) for name, outcome in found)


def test_a_seed_gives_its_cases_again_and_another_one_others():
    first, again, other = (cases(TARGETS, 100, seed) for seed in (0, 0, 1))
    assert [case.seed for case in first] == [case.seed for case in again]
    assert len({case.seed for case in first + other}) == 200
    number = {target.name: 0 for target in TARGETS}
    for case in first:
        number[case.target.name] += 1
    assert max(number.values()) - min(number.values()) <= 1


CORRUPTIONS = TEXT | JSON | BINARY | PLACE


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_follows_from_its_seed(tmp_path, name):
    content = b'{\n "train": ["wren", "jay"],\n "val": ["tit"],\n "test": [7, 8]\n}\n'
    results = []
    for seed in [0, 0, *range(1, 9)]:
        path = tmp_path / str(len(results)) / "file.json"
        path.parent.mkdir()
        path.write_bytes(content)
        CORRUPTIONS[name](path, Random(seed))
        is_file = path.is_file() and path.stat().st_size < 1 << 30
        results.append(path.read_bytes() if is_file else str(path.is_symlink()))
    assert results[0] == results[1]
    assert any(result != content for result in results)

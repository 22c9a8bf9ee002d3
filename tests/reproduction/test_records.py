"""Run files: read as they are, and one line for every file that cannot be used."""

import json

import pytest

from dse.reproduction import Cell, read_records
from dse.reproduction.records import NEEDED, SAME_DATA
from dse.utils.errors import InputError

CELLS = [Cell("char-cnn"), Cell("word-cnn")]


def written(folder, records):
    folder.mkdir(parents=True)
    for cell, content in records.items():
        (folder / f"{cell.name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_records_are_those_of_the_files_and_others_are_passed_over(record, tmp_path):
    records = {cell: record(cell) for cell in CELLS}
    folder = written(tmp_path / "cub", records)
    (folder / "curve-of-something.json").write_text("{}")
    assert read_records(folder) == records
    assert read_records(tmp_path / "nothing") == {}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"data": "1" * 16}, "different data"),
        ({"image_encoder": "other"}, "different data"),
        ({"length": "full"}, "another length of training"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(record, tmp_path, changes, complaint):
    one, other = CELLS
    folder = written(tmp_path / "cub", {one: record(one), other: record(other, **changes)})
    with pytest.raises(InputError, match=complaint):
        read_records(folder)


@pytest.mark.parametrize("key", [*SAME_DATA, *NEEDED])
def test_a_file_without_something_needed_is_named(record, tmp_path, key):
    content = record(CELLS[0])
    del content[key]
    with pytest.raises(InputError, match=r"char-cnn-ds-seed0.json is damaged"):
        read_records(written(tmp_path / "cub", {CELLS[0]: content}))


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"1", b"\xff\xfe", b'{"top1": 0.5'])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "char-cnn-ds-seed0.json").write_bytes(content)
    with pytest.raises(InputError, match=r"char-cnn-ds-seed0.json is damaged"):
        read_records(tmp_path)

"""Run files: read as they are, and one line for every file that cannot be used."""

import json

import pytest

from dse.reproduction import Cell, read_records
from dse.reproduction.records import Record, command_of_a_cell
from dse.utils.errors import InputError
from dse.utils.records import with_checksum

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


REQUIRED = [name for name, field in Record.model_fields.items() if field.is_required()]


@pytest.mark.parametrize("key", REQUIRED)
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


@pytest.mark.parametrize(
    ("part", "key", "value", "reason"),
    [
        (None, "steps", "7", "steps"),
        (None, "top1", 50, "top1"),
        (None, "top1", 0.123, "top1 is 0.123"),
        (None, "ap50", 0.123, "ap50 is 0.123"),
        (None, "classes", 11, "10 of 11 classes"),
        (None, "images", 1, "images is 1"),
        (None, "seed", 1, "another cell"),
        (None, "captions_per_image", 4, "another cell"),
        (None, "caption_curve", [], "caption_curve"),
        (None, "challenges", {}, "challenge"),
        (None, "colour", "red", "colour"),
        ("single_caption", "ap50", 0.123, "single_caption"),
        ("per_class", "class 0", {"top1": 0.5}, "class 0"),
        ("caption_curve", 0, {"captions": 1, "top1": [0.5], "ap50": [0.5]}, "too few draws"),
    ],
)
def test_what_cannot_be_true_is_named(record, tmp_path, part, key, value, reason):
    content = record(CELLS[0])
    (content if part is None else content[part])[key] = value
    with pytest.raises(InputError, match=rf"char-cnn-ds-seed0.json is damaged \(.*{reason}"):
        read_records(written(tmp_path / "cub", {CELLS[0]: content}))


def test_a_changed_figure_is_noticed_by_the_checksum(record, tmp_path):
    content = with_checksum(record(CELLS[0]))
    folder = written(tmp_path / "cub", {CELLS[0]: content})
    assert read_records(folder) == {CELLS[0]: content}
    content["minutes"] = 2.5
    folder.rename(tmp_path / "before")
    with pytest.raises(InputError, match="checksum"):
        read_records(written(folder, {CELLS[0]: content}))


def test_the_command_of_a_cell_has_what_is_not_usual():
    data = {"image_encoder": "googlenet", "views": 10, "float16": True, "length": "full"}
    told = "--image-encoder googlenet --views 10 --float16 --full --only CELL"
    assert told in command_of_a_cell("flowers", data)
    plain = data | {"views": 1, "float16": False, "length": 6000}
    assert "--image-encoder googlenet --steps 6000 --only" in command_of_a_cell("cub", plain)

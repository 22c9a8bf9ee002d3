"""The run files of a folder: read, checked, and what they have in common."""

import json
from collections.abc import Mapping
from pathlib import Path

from dse.reproduction.cells import Cell
from dse.utils.errors import InputError

Records = Mapping[Cell, dict]
"""Run records by cell, as `dse.reproduction.measurement.measure_cell` makes them."""
SAME_DATA = ("dataset", "image_encoder", "views", "data")
"""What the records of one summary must agree on, besides their `length`."""
NEEDED = ("float16", "image_size", "notes", "classes", "images", "steps", "top1", "ap50",
          "per_class", "single_caption", "caption_curve")  # fmt: skip
"""What else a summary reads of a record."""


def read_records(folder: Path) -> dict[Cell, dict]:
    """The run files of a folder by cell, in the order of their names; other files are passed over.

    Raises:
        InputError: a file is damaged, or was measured on other data or with another length of
            training than the others.
    """
    records: dict[Cell, dict] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            cell = Cell.from_name(path.stem)
        except InputError:
            continue
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            own = _must_agree(record)
            if not record.keys() >= set(NEEDED):
                raise KeyError
        except (OSError, ValueError, KeyError, TypeError):
            raise InputError(f"{path} is damaged or of an older form: remove it") from None
        for other, known in records.items():
            if own != _must_agree(known):
                raise InputError(
                    f"{path} and {other.name}.json were measured on different data, or with "
                    "another length of training: give each a folder of its own"
                )
        records[cell] = record
    return records


def _must_agree(record: dict) -> dict:
    """Files of the grid's own length may lack `length`: they are older than the others."""
    return {**{key: record[key] for key in SAME_DATA}, "length": record.get("length")}


def shared_by(records: Records) -> dict | None:
    """What the records have in common, and their numbers of steps; None without any."""
    if not records:
        return None
    first = next(iter(records.values()))
    shared = ("float16", "image_size", "notes", "classes", "images")
    return {
        **_must_agree(first),
        **{key: first[key] for key in shared},
        "steps": sorted({record["steps"] for record in records.values()}),
    }


def command_of_a_cell(dataset: str, data: dict | None) -> str:
    """What measures a cell again, with its name in place of `CELL`.

    Args:
        dataset: the name of the data set.
        data: as `shared_by` makes it.

    Example:
        >>> command_of_a_cell("fieldguide", None)
        'dse reproduce fieldguide --only CELL --out again'
    """
    words = ["dse reproduce", dataset]
    if dataset != "fieldguide":
        words.append("--root DATA")
        if data is not None:
            words.append(f"--image-encoder {data['image_encoder']}")
    if data is not None and data["views"] > 1:
        words.append(f"--views {data['views']}")
    if data is not None and data["float16"]:
        words.append("--float16")
    if data is not None and data["length"] is not None:
        words.append("--full" if data["length"] == "full" else f"--steps {data['length']}")
    return " ".join([*words, "--only CELL --out again"])

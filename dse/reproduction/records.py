"""The run files of a folder: read, checked, and what they have in common."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from dse.datasets.fieldguide.challenges import CHALLENGES
from dse.reproduction.caption_curves import CAPTIONS
from dse.reproduction.cells import Cell
from dse.run_files import Share
from dse.utils.errors import InputError
from dse.utils.records import CHECKSUM, Strict, read_json, with_checksum

Records = Mapping[Cell, dict]
"""Run records by cell, as `dse.reproduction.measurement.measure_cell` makes them."""
SAME_DATA = ("dataset", "image_encoder", "views", "data")
"""What the records of one summary must agree on, besides their `length`."""
REMEDY = "remove it, and measure the cell again"
ROUNDING = 1e-5
"""By how much a figure may differ from the mean of its parts: all are rounded to six digits."""


class ClassFigures(Strict):
    top1: Share
    ap50: Share
    ap: Share = 0.0
    images: int


class PairFigure(Strict):
    classes: list[str]
    accuracy: Share


class ChallengeFigures(Strict):
    top1: Share
    ap50: Share
    pair_accuracy: Share
    per_pair: list[PairFigure]


class WithoutLevel(Strict):
    ap50: Share
    per_class: list[Share]


class SingleCaption(Strict):
    top1: Share
    ap50: Share
    ap50_per_class: list[Share]


class CurvePoint(Strict):
    captions: int | Literal["all"]
    top1: list[Share]
    ap50: list[Share]


class Record(Strict):
    """A run file; what has a value here is missing in older ones, or is not read again."""

    dataset: str
    image_encoder: str | None
    views: int
    float16: bool
    data: str
    notes: list[str]
    image_size: list[int] | None
    text_encoder: str = ""
    objective: str = ""
    seed: int = 0
    form: str | None = None
    length: int | Literal["full"] | None = None
    steps: int
    captions_per_image: int = 10
    config: dict[str, Any] = Field(default_factory=dict)
    top1: Share
    top1_per_class: Share
    ap50: Share
    map: Share = 0.0
    classes: int
    images: int
    per_class: dict[str, ClassFigures]
    precision: dict[str, Share] = Field(default_factory=dict)
    without_level: WithoutLevel | None = None
    pair_accuracy: Share | None = None
    per_pair: list[PairFigure] | None = None
    challenges: dict[str, ChallengeFigures] | None = None
    single_caption: SingleCaption | None
    caption_curve: list[CurvePoint] | None
    confusion: list[list[int]] = Field(default_factory=list)
    final_loss: float = 0.0
    minutes: float
    versions: dict[str, str] = Field(default_factory=dict)
    machine: dict[str, Any] = Field(default_factory=dict)
    sha256: str = ""


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
        records[cell] = read_record(path, cell)
        first = next(iter(records))
        if _must_agree(records[cell]) != _must_agree(records[first]):
            raise InputError(
                f"{path} and {first.name}.json were measured on different data, or with another "
                "length of training: give each a folder of its own"
            )
    return records


def read_record(path: Path, cell: Cell) -> dict:
    """One run file.

    Raises:
        InputError: it is damaged, was changed, or is that of another cell.
    """
    record = read_json(path, Record, REMEDY)
    for reason in _contradictions(record, cell):
        raise InputError(f"{path} is damaged ({reason}): {REMEDY}")
    return record


def _contradictions(record: dict, cell: Cell) -> Iterator[str]:
    """What cannot be true at once."""
    if CHECKSUM in record and record != with_checksum(record):
        yield "its checksum is that of another content"
    own = {key: getattr(cell, key) for key in ("text_encoder", "objective", "seed", "form")}
    own["captions_per_image"] = cell.captions or 10
    if any(record.get(key, value) != value for key, value in own.items()):
        yield "it is that of another cell"
    for name, figure, mean in _means(record):
        if not abs(figure - mean) <= ROUNDING:
            yield f"{name} is {figure}, and {mean:.6f} by its parts"
    for name, values in _by_class(record):
        if len(values) != record["classes"]:
            yield f"{name} has {len(values)} of {record['classes']} classes"
    curve = record["caption_curve"]
    if curve is not None and [point["captions"] for point in curve] != [*CAPTIONS, "all"]:
        yield "caption_curve has other points"
    for point in (curve or [])[:-1]:
        if min(len(point["top1"]), len(point["ap50"])) < 2:
            yield "caption_curve has too few draws"
    challenges = record.get("challenges")
    if challenges is not None and not challenges.keys() >= set(CHALLENGES):
        yield "a challenge is missing"


def _means(record: dict) -> Iterator[tuple[str, float, float]]:
    """Figures, and what they are by the figures of classes or pairs."""
    top1, ap50, images = (
        [own[key] for own in record["per_class"].values()] for key in ("top1", "ap50", "images")
    )
    yield "images", record["images"], sum(images)
    yield "top1", record["top1"], np.average(top1, weights=images)
    yield "top1_per_class", record["top1_per_class"], np.mean(top1)
    yield "ap50", record["ap50"], np.mean(ap50)
    for name, by_class in _by_class(record):
        if name != "per_class":
            yield f"ap50 of {name}", record[name]["ap50"], np.mean(by_class)
    for name, own in (record.get("challenges") or {}).items():
        shares = [pair["accuracy"] for pair in own["per_pair"]]
        yield f"pair_accuracy of {name}", own["pair_accuracy"], np.mean(shares)


def _by_class(record: dict) -> Iterator[tuple[str, list]]:
    yield "per_class", list(record["per_class"])
    for name, part in (("single_caption", "ap50_per_class"), ("without_level", "per_class")):
        if record.get(name) is not None:
            yield name, record[name][part]


def _must_agree(record: dict) -> dict:
    """Files of the grid's own length may lack `length`: they are older than the others."""
    own = {key: record[key] for key in SAME_DATA}
    return {**own, "length": record.get("length"), "test_classes": list(record["per_class"])}


def shared_by(records: Records) -> dict | None:
    """What the records have in common, and their numbers of steps; None without any."""
    if not records:
        return None
    first = next(iter(records.values()))
    shared = ("float16", "image_size", "notes", "classes", "images")
    return {
        **{key: first[key] for key in SAME_DATA},
        "length": first.get("length"),
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

"""One figure at a time, in percent: what was measured, resampled, or published for a cell."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from dse.datasets.fieldguide import confusable_pairs
from dse.reproduction.cells import Cell
from dse.reproduction.intervals import RESAMPLES, interval, resampled_means
from dse.reproduction.records import Records

PAPER_TABLE = {"cub": "table1", "flowers": "table2", "fieldguide": "table1"}
"""The table that a data set is set beside. FieldGuide has CUB's, as it is made after CUB."""

PARTS_OF_RECORD = {
    "single_caption_ap50": ("single_caption", "ap50_per_class"),
    "ap50_without_level": ("without_level", "per_class"),
}
"""Metrics that lie in a part of a record, and their figures by class there."""


class Measured:
    """The figures of run records.

    A metric is `top1`, `ap50`, `ap50_without_level` or `single_caption_ap50`.

    Args:
        records: by cell, all of the same classes.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Example:
        >>> measured = Measured({Cell("char-cnn"): {"top1": 0.25}})
        >>> measured.value(Cell("char-cnn"), "top1"), measured.value(Cell("word-cnn"), "top1")
        (25.0, None)
    """

    def __init__(self, records: Records, resamples: int = RESAMPLES, seed: int = 0):
        self.records = records
        self._resamples, self._seed = resamples, seed

    def seeds(self, cell: Cell) -> list[int]:
        """The seeds that a cell was trained with."""
        return sorted(c.seed for c in self.records if replace(c, seed=cell.seed) == cell)

    def value(self, cell: Cell, metric: str) -> float | None:
        """The figure of this very cell."""
        return None if cell not in self.records else _value(self.records[cell], metric)

    def by_class(self, cell: Cell, metric: str) -> np.ndarray | None:
        """The figure of this very cell for each class, (C,)."""
        own = None if cell not in self.records else _by_class(self.records[cell], metric)
        return None if own is None else 100 * np.array(own)

    def length(self, cell: Cell) -> int | str | None:
        """How long this very cell was trained: its minibatches, or `full` for the authors' length.

        Cells of the authors' length are alike, whatever their number of minibatches is.
        """
        if cell not in self.records:
            return None
        record = self.records[cell]
        return "full" if record.get("length") == "full" else record["steps"]

    def resampled(self, by_class: np.ndarray, metric: str, repeat: int = 0) -> np.ndarray:
        """Figures by seed and class, (..., S, C), over resampled seeds and test units: (..., R).

        Every `repeat` has draws of its own.
        """
        per_class = next(iter(self.records.values()))["per_class"]
        weights, units = _weights(per_class, metric), unit_of_class(list(per_class))
        seed = (self._seed, repeat)
        return resampled_means(by_class, weights, units, self._resamples, seed)


def difference(
    record: dict | Sequence[dict], other: dict | Sequence[dict], metric: str
) -> tuple[float, float, float]:
    """How much better one run is than another, in points, and the 95 % interval of that.

    The interval of one pair of runs is what the test classes leave open, not what seeds do. For
    runs with several seeds it is of the mean difference, and resamples the seeds, too.

    Args:
        record: of a run, or of several that differ in their seeds alone.
        other: of a run that was measured on the same test classes; of as many runs as `record`,
            with the same seeds in the same order.
        metric: as in `Measured`.

    Returns:
        (points, low, high).

    Raises:
        ValueError: they were measured on different classes, or are not as many.

    Chapter: 7, birds.

    Example:
        >>> classes = {"tern": {"images": 2, "top1": 0.5}, "wren": {"images": 2, "top1": 1.0}}
        >>> others = {name: {"images": 2, "top1": 0.5} for name in classes}
        >>> one = {"top1": 0.75, "per_class": classes}
        >>> other = {"top1": 0.5, "per_class": others}
        >>> difference(one, other, "top1")
        (25.0, 0.0, 50.0)
    """
    records, others = ([own] if isinstance(own, dict) else list(own) for own in (record, other))
    per_class = records[0]["per_class"]
    images = [{c: own["images"] for c, own in r["per_class"].items()} for r in records + others]
    if any(own != images[0] for own in images):
        raise ValueError("runs that were measured on different test classes have no difference")
    pairs = list(zip(records, others, strict=True))
    by_class = [100 * np.subtract(*(_by_class(run, metric) for run in pair)) for pair in pairs]
    weights, units = _weights(per_class, metric), unit_of_class(list(per_class))
    bounds = interval(resampled_means(np.array(by_class), weights, units))
    return float(np.mean([_value(a, metric) - _value(b, metric) for a, b in pairs])), *bounds


def unit_of_class(class_names: list[str]) -> np.ndarray:
    """The unit of each test class, int (C,): classes of one unit are drawn together.

    A class is a unit of its own. FieldGuide's confusable pairs are one unit each: what a text
    encoder gains on one species of a pair it tends to lose on the other.

    Example:
        >>> unit_of_class(["tern", "eastern pippen", "western pippen", "wren"]).tolist()
        [0, 1, 1, 2]
    """
    first = np.arange(len(class_names))
    for one, other in confusable_pairs(class_names).tolist():
        first[[one, other]] = min(one, other)
    return np.unique(first, return_inverse=True)[1]


def published(paper: dict, dataset: str, cell: Cell, metric: str) -> float | None:
    """The paper's figure for a cell.

    Args:
        paper: the content of `dse/reproduction/paper.json`.
        dataset: see `PAPER_TABLE`; the paper's figures beyond its tables are all of CUB.
        cell: its seed is passed over.
        metric: `top1`, `ap50` or `single_caption_ap50`.
    """
    table = PAPER_TABLE.get(dataset)
    if table is None:
        return None
    if metric == "single_caption_ap50":
        known = paper["single_caption"]["ap50"] if table == "table1" else {}
        return known.get(cell.text_encoder) if cell.captions is None else None
    if cell.captions is None:
        row = paper[table]["rows"].get(cell.text_encoder)
        return None if row is None else row[metric][cell.objective]
    figure = paper["figure4a"]
    curve = figure[metric].get(cell.text_encoder)
    if table != "table1" or curve is None or cell.captions not in figure["captions_per_image"]:
        return None
    return curve[figure["captions_per_image"].index(cell.captions)]


def rounded(value, digits: int):
    """The same, with every float in it rounded.

    Example:
        >>> rounded({"top1": [0.51234, 3]}, 2)
        {'top1': [0.51, 3]}
    """
    if isinstance(value, float):
        return round(value, digits)
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    return value


def _weights(per_class: dict[str, dict], metric: str) -> np.ndarray:
    """What a class counts for: its images in top-1, 1 in retrieval."""
    images = [own["images"] for own in per_class.values()]
    return np.array(images if metric == "top1" else np.ones(len(images)))


def _value(record: dict, metric: str) -> float | None:
    if metric in PARTS_OF_RECORD:
        own = record.get(PARTS_OF_RECORD[metric][0])
        return None if own is None else 100 * own["ap50"]
    return 100 * record[metric]


def _by_class(record: dict, metric: str) -> list[float] | None:
    if metric in PARTS_OF_RECORD:
        part, by_class = PARTS_OF_RECORD[metric]
        return None if record.get(part) is None else record[part][by_class]
    return [own[metric] for own in record["per_class"].values()]

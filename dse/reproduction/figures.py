"""One figure at a time, in percent: what was measured, resampled, or published for a cell."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dse.reproduction.cells import Cell
from dse.reproduction.intervals import resampled_means

PAPER_TABLE = {"cub": "table1", "flowers": "table2", "fieldguide": "table1"}
"""The table that a data set is set beside. FieldGuide has CUB's, as it is made after CUB."""

Records = Mapping[Cell, dict]
"""Run records by cell, as `dse.reproduction.measurement.measure_cell` makes them."""


class Measured:
    """The figures of run records.

    A metric is `top1`, `ap50` or `single_caption_ap50`.

    Args:
        records: by cell.

    Example:
        >>> measured = Measured({Cell("char-cnn"): {"top1": 0.25}})
        >>> measured.value(Cell("char-cnn"), "top1"), measured.value(Cell("word-cnn"), "top1")
        (25.0, None)
    """

    def __init__(self, records: Records):
        self.records = records

    def seeds(self, cell: Cell) -> dict[int, dict]:
        """The records that differ from a cell in nothing but the seed, by seed."""
        own = {c.seed: r for c, r in self.records.items() if replace(c, seed=cell.seed) == cell}
        return dict(sorted(own.items()))

    def value(self, cell: Cell, metric: str) -> float | None:
        """The figure of this very cell."""
        return None if cell not in self.records else _value(self.records[cell], metric)

    def mean(self, cell: Cell, metric: str) -> float | None:
        """The mean over the seeds of a cell."""
        values = [_value(record, metric) for record in self.seeds(cell).values()]
        return None if not values or None in values else float(np.mean(values))

    def resampled(self, cell: Cell, metric: str, every_seed: bool = True) -> np.ndarray | None:
        """The figure over resampled test classes, (R,): of the mean over seeds, or of this cell."""
        if every_seed:
            records = list(self.seeds(cell).values())
        else:
            records = [self.records[cell]] if cell in self.records else []
        by_class = [_by_class(record, metric) for record in records]
        if not by_class or None in by_class:
            return None
        return 100 * resampled_means(np.mean(by_class, axis=0), _weights(records[0], metric))


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


def _value(record: dict, metric: str) -> float | None:
    if metric == "single_caption_ap50":
        single = record["single_caption"]
        return None if single is None else 100 * single["ap50"]
    return 100 * record[metric]


def _by_class(record: dict, metric: str) -> list[float] | None:
    if metric == "single_caption_ap50":
        single = record["single_caption"]
        return None if single is None else single["ap50_per_class"]
    return [own[metric] for own in record["per_class"].values()]


def _weights(record: dict, metric: str) -> np.ndarray:
    """What a class counts for: its images in top-1, 1 in retrieval."""
    images = [own["images"] for own in record["per_class"].values()]
    return np.array(images if metric == "top1" else np.ones(len(images)))

"""From the files of the runs to one summary: the paper's figures, ours, and what follows.

The summary is a pure function of the files, so nothing in it is edited by hand.
"""

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from dse.objective import OBJECTIVES
from dse.reproduction.cells import BASELINES, MODERN_ENCODERS, PAPER_ENCODERS, PARTS, Cell
from dse.reproduction.challenges import challenge_rows
from dse.reproduction.claims import Published, claims_about, judge
from dse.reproduction.earlier_methods import earlier_methods
from dse.reproduction.figures import PAPER_TABLE, Measured, published, rounded
from dse.reproduction.intervals import RESAMPLES, interval, spearman
from dse.reproduction.records import Records, command_of_a_cell, read_records, shared_by
from dse.reproduction.report import to_markdown
from dse.utils.errors import InputError
from dse.utils.files import written_whole
from dse.utils.records import CHECKSUM, read_json, with_checksum

METRICS = ("top1", "ap50")
PAPER_CHECKSUM = "b2a09e45d9e8991e6d99edb617efec198412b12651d96e52f881d491f807ea77"
"""Of `paper.json`, as `with_checksum` counts it."""
CAPTION_ENCODERS = (*PAPER_ENCODERS[1:], *BASELINES, *MODERN_ENCODERS)


def write_summary(folder: Path) -> dict:
    """Write `summary.json` and `summary.md` into a folder of run files, from these alone.

    Args:
        folder: `results/NAME`.

    Returns:
        The summary, as in the file.

    Raises:
        InputError: there is no run file; one is damaged, or was measured on other data or with
            another length of training than the others.

    Chapter: 7, birds.
    """
    records = read_records(folder)
    for cell, record in records.items():
        if record["dataset"] != folder.name:
            raise InputError(
                f"{folder / cell.name}.json was measured on {record['dataset']}: it belongs into a "
                "folder of that name"
            )
    if not records:
        raise InputError(
            f"{folder} holds no run file: measure some cells first, without --only summary"
        )
    summary = summarise(folder.name, records, read_paper())
    with written_whole(folder / "summary.json") as path:
        path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    with written_whole(folder / "summary.md") as path:
        path.write_text(to_markdown(summary), encoding="utf-8")
    return summary


def read_paper() -> dict:
    """The figures that the paper published, from `paper.json` beside this module."""
    path, remedy = Path(__file__).with_name("paper.json"), "install dse again"
    paper = read_json(path, dict[str, Any], remedy)
    if with_checksum(paper)[CHECKSUM] != PAPER_CHECKSUM:
        raise InputError(f"{path} is damaged (its figures are not those published): {remedy}")
    return paper


def summarise(
    dataset: str, records: Records, paper: dict, resamples: int = RESAMPLES, seed: int = 0
) -> dict:
    """Set what was measured beside what was published.

    All figures are in percent; one that is missing is None. The parts:

    - `data`: what the records share; `paper_data`: what the paper's table was measured on.
    - `command`: what measures a cell again, with its name in place of `CELL`.
    - `table` (Table 1 or 2, and the encoders that the paper has not), `figure4a`: a row for each
      cell and metric. `other_length`: it was trained for another number of minibatches than most
      of its column, and cannot be compared with it.
    - `figure4b`, `single_caption`: a row for each encoder, metric and number of captions.
    - `da_forms`: `AP@50` under DS-SJE, under DA-SJE, and under DA-SJE in the forms of training of
      `dse.reproduction.cells.FORMS`; and the same with each image's level taken off.
    - `table3`: see `dse.reproduction.earlier_methods.earlier_methods`.
    - `challenges`: see `dse.reproduction.challenges.challenge_rows`; FieldGuide's alone.
    - `seeds`: the spread where a cell has several seeds.
    - `rank_correlation`: Spearman's, of the encoders' order, for each column of the table; without
      cells of another length, which are named as `left_out`. Its interval resamples the test units.
    - `claims`: see `dse.reproduction.claims.judge`.
    - `files`: what it was made of.

    Args:
        dataset: the name of the data set.
        records: run records by cell.
        paper: the content of `dse/reproduction/paper.json`.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Chapter: 7, birds.
    """
    measured, theirs = Measured(records, resamples, seed), partial(published, paper, dataset)
    table = _rows(_table_cells(dataset), measured, theirs)
    summary = {
        "dataset": dataset,
        "data": shared_by(records),
        "paper_data": _paper_data(dataset, paper),
        "command": command_of_a_cell(dataset, shared_by(records)),
        "table": table,
        "rank_correlation": _rank_correlations(measured, table),
        "da_forms": _da_forms(dataset, measured),
        "table3": earlier_methods(dataset, records, paper),
        "challenges": challenge_rows(records, resamples, seed),
        "seeds": _seed_spreads(dataset, measured),
        "claims": judge(claims_about(dataset), measured, theirs),
        "figure4a": _rows(PARTS["figure4a"], measured, theirs),
        "figure4b": _figure4b(dataset, records, paper),
        "single_caption": _single_captions(dataset, records, paper),
        "files": sorted(f"{cell.name}.json" for cell in records),
    }
    # One digit more than the records have: another rounding must not move a digit that is shown.
    return rounded(summary, digits=5)


def _table_cells(dataset: str) -> list[Cell]:
    cells = [*PARTS["table"], *PARTS["baselines"], *PARTS["modern"]]
    return [c for c in cells if (c.text_encoder, dataset) != ("attributes", "flowers")]


def _paper_data(dataset: str, paper: dict) -> dict | None:
    """What the paper's table was measured on."""
    if dataset not in PAPER_TABLE:
        return None
    return {key: v for key, v in paper[PAPER_TABLE[dataset]].items() if key != "rows"}


def _rows(cells: Sequence[Cell], measured: Measured, theirs: Published) -> list[dict]:
    """A row for each cell and metric, of the cell's own seed."""
    rows = []
    usual = _usual_lengths(cells, measured)
    for cell in cells:
        length = measured.length(cell)
        for metric in METRICS:
            paper, ours = theirs(cell, metric), measured.value(cell, metric)
            resampled = _resampled(measured, [cell], metric)
            rows.append(
                {
                    "cell": cell.name,
                    "text_encoder": cell.text_encoder,
                    "objective": cell.objective,
                    "captions_per_image": cell.captions or 10,
                    "metric": metric,
                    "paper": paper,
                    "ours": ours,
                    "interval": None if resampled is None else interval(resampled[0]),
                    "length": length,
                    "other_length": length not in (None, usual[cell.objective]),
                }
            )
    return rows


def _usual_lengths(cells: Sequence[Cell], measured: Measured) -> dict[str, int | str | None]:
    """How long most cells of an objective were trained."""
    usual = {}
    for objective in OBJECTIVES:
        own = (measured.length(cell) for cell in cells if cell.objective == objective)
        lengths = Counter(length for length in own if length is not None)
        usual[objective] = lengths.most_common(1)[0][0] if lengths else None
    return usual


def _resampled(measured: Measured, cells: Sequence[Cell], metric: str) -> np.ndarray | None:
    """The figures of cells, each of its own seed, over resampled test units: (cells, R)."""
    by_class = [measured.by_class(cell, metric) for cell in cells]
    if any(own is None for own in by_class):
        return None
    return measured.resampled(np.stack(by_class)[:, None], metric)


def _rank_correlations(measured: Measured, table: list[dict]) -> list[dict]:
    """How alike the paper and we rank the text encoders, -1 to 1, for each column of the table."""
    correlations = []
    for metric in METRICS:
        for objective in OBJECTIVES:
            known = [
                row
                for row in table
                if (row["metric"], row["objective"]) == (metric, objective)
                and None not in (row["paper"], row["ours"])
            ]
            column = [row for row in known if not row["other_length"]]
            paper, ours = [row["paper"] for row in column], [row["ours"] for row in column]
            enough = len(column) > 2 and len(set(ours)) > 1
            cells = [Cell.from_name(row["cell"]) for row in column]
            resampled = _resampled(measured, cells, metric) if enough else None
            correlations.append(
                {
                    "metric": metric,
                    "objective": objective,
                    "encoders": len(column),
                    "left_out": [row["text_encoder"] for row in known if row["other_length"]],
                    "spearman": float(spearmanr(paper, ours).statistic) if enough else None,
                    "interval": interval(spearman(paper, resampled)) if enough else None,
                }
            )
    return correlations


def _da_forms(dataset: str, measured: Measured) -> list[dict]:
    """Why DA-SJE retrieves so little: a row for each text encoder and form of training."""
    rows = []
    for encoder in dict.fromkeys(cell.text_encoder for cell in PARTS["da"]):
        if (encoder, dataset) == ("attributes", "flowers"):
            continue
        variants = [cell for cell in PARTS["da"] if cell.text_encoder == encoder]
        for cell in (Cell(encoder), Cell(encoder, "da"), *variants):
            row = {"text_encoder": encoder, "objective": cell.objective, "form": cell.form}
            for metric in ("ap50", "ap50_without_level"):
                resampled = _resampled(measured, [cell], metric)
                row[metric] = measured.value(cell, metric)
                row[f"{metric}_interval"] = None if resampled is None else interval(resampled[0])
            rows.append(row)
    return rows


def _seed_spreads(dataset: str, measured: Measured) -> list[dict]:
    """The figures of the table's cells that were trained with several seeds."""
    spreads = []
    for cell in _table_cells(dataset):
        seeds = [replace(cell, seed=seed) for seed in measured.seeds(cell)]
        for metric in METRICS if len(seeds) > 1 else ():
            values = [measured.value(own, metric) for own in seeds]
            spreads.append(
                {
                    "text_encoder": cell.text_encoder,
                    "objective": cell.objective,
                    "metric": metric,
                    "seeds": [own.seed for own in seeds],
                    "values": values,
                    "mean": statistics.mean(values),
                    "sd": statistics.stdev(values),
                }
            )
    return spreads


def _figure4b(dataset: str, records: Records, paper: dict) -> list[dict]:
    """The curves over test captions: means and standard deviations of the draws, or None."""
    figure = paper["figure4b"]
    curves = []
    for encoder in CAPTION_ENCODERS:
        record = records.get(Cell(encoder))
        for metric in METRICS:
            known = figure[metric].get(encoder) if PAPER_TABLE.get(dataset) == "table1" else None
            draws = None if record is None else [p[metric] for p in record["caption_curve"]]
            curves.append(
                {
                    "text_encoder": encoder,
                    "metric": metric,
                    "captions": figure["captions"],
                    "paper": known and known["mean"],
                    "paper_sd": known and known["sd"],
                    "ours": draws and [100 * statistics.mean(values) for values in draws],
                    "ours_sd": draws and [100 * statistics.stdev(values) for values in draws[:-1]],
                }
            )
    return curves


def _single_captions(dataset: str, records: Records, paper: dict) -> list[dict]:
    """Figures of one caption a class, over every caption there is."""
    rows = []
    for encoder in CAPTION_ENCODERS:
        record = records.get(Cell(encoder))
        rows.append(
            {
                "text_encoder": encoder,
                "paper_ap50": published(paper, dataset, Cell(encoder), "single_caption_ap50"),
                "ap50": None if record is None else 100 * record["single_caption"]["ap50"],
                "top1": None if record is None else 100 * record["single_caption"]["top1"],
            }
        )
    return rows

"""From the files of the runs to one summary: the paper's figures, ours, and what follows.

The summary is a pure function of the files, so nothing in it is edited by hand.
"""

import json
import statistics
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from dse.objective import OBJECTIVES
from dse.reproduction.cells import MODERN_ENCODERS, PAPER_ENCODERS, PARTS, Cell
from dse.reproduction.claims import claims_about, judged
from dse.reproduction.figures import PAPER_TABLE, Measured, Records, published, rounded
from dse.reproduction.intervals import interval, spearman
from dse.reproduction.report import to_markdown
from dse.utils.errors import InputError
from dse.utils.files import written_whole

METRICS = ("top1", "ap50")
SAME_DATA = ("dataset", "image_encoder", "views", "data")
"""What the records of one summary must agree on, besides their `length`."""


def write_summary(folder: Path) -> dict:
    """Write `summary.json` and `summary.md` into a folder of run files, from these alone.

    Args:
        folder: `results/NAME`.

    Returns:
        The summary, as in the file.

    Raises:
        InputError: a run file is damaged, or was measured on other data or with another length of
            training than the others.

    Chapter: 6, zero-shot results.
    """
    summary = summarise(folder.name, read_records(folder), read_paper())
    with written_whole(folder / "summary.json") as path:
        path.write_text(json.dumps(summary, indent=1) + "\n")
    with written_whole(folder / "summary.md") as path:
        path.write_text(to_markdown(summary))
    return summary


def read_paper() -> dict:
    """The figures that the paper published, from `paper.json` beside this module."""
    return json.loads(Path(__file__).with_name("paper.json").read_text(encoding="utf-8"))


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
            record = json.loads(path.read_text())
            own = _must_agree(record)
        except (ValueError, KeyError, TypeError):
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


def summarise(dataset: str, records: Records, paper: dict) -> dict:
    """Set what was measured beside what was published.

    All figures are in percent; one that is missing is None. The parts:

    - `data`: what the records share; `paper_data`: what the paper's table was measured on.
    - `table` (Table 1 or 2, and the encoders that the paper has not), `figure4a`: a row a cell and
      metric, with the command that measures it again.
    - `figure4b`, `single_caption`: a row an encoder, metric and number of captions.
    - `seeds`: the spread where a cell has several seeds.
    - `rank_correlation`: Spearman's, of the encoders' order, a row a column of the table; its
      interval over resampled test classes.
    - `claims`: see `dse.reproduction.claims`; over the mean of a cell's seeds.
    - `files`: what it was made of.

    Args:
        dataset: the name of the data set.
        records: run records by cell.
        paper: the content of `dse/reproduction/paper.json`.

    Chapter: 6, zero-shot results.
    """
    measured = Measured(records)
    row = partial(_row, dataset, measured, paper)
    table = [row(cell, metric) for cell in _table_cells(dataset) for metric in METRICS]
    claims = [
        judged(claim, measured.mean, measured.resampled, partial(published, paper, dataset))
        for claim in claims_about(dataset)
    ]
    summary = {
        "dataset": dataset,
        "data": _shared(records),
        "paper_data": _paper_data(dataset, paper),
        "table": table,
        "rank_correlation": _rank_correlations(measured, table),
        "seeds": _seed_spreads(measured),
        "claims": claims,
        "figure4a": [row(cell, metric) for cell in PARTS["figure4a"] for metric in METRICS],
        "figure4b": _figure4b(dataset, records, paper),
        "single_caption": _single_captions(dataset, records, paper),
        "files": sorted(f"{cell.name}.json" for cell in records),
    }
    return rounded(summary, digits=4)  # as the records: one more rounding may move a digit shown


def _table_cells(dataset: str) -> list[Cell]:
    cells = [*PARTS["table"], *PARTS["modern"]]
    return [c for c in cells if (c.text_encoder, dataset) != ("attributes", "flowers")]


def _paper_data(dataset: str, paper: dict) -> dict | None:
    """What the paper's table was measured on."""
    if dataset not in PAPER_TABLE:
        return None
    return {key: v for key, v in paper[PAPER_TABLE[dataset]].items() if key != "rows"}


def _shared(records: Records) -> dict | None:
    """What the runs have in common, their total time, and their numbers of steps."""
    if not records:
        return None
    first = next(iter(records.values()))
    shared = ("float16", "image_size", "notes", "classes", "images")
    return {
        **_must_agree(first),
        **{key: first[key] for key in shared},
        "steps": sorted({record["steps"] for record in records.values()}),
        "minutes": sum(record["minutes"] for record in records.values()),
    }


def _row(dataset: str, measured: Measured, paper: dict, cell: Cell, metric: str) -> dict:
    theirs, ours = published(paper, dataset, cell, metric), measured.value(cell, metric)
    resampled = measured.resampled(cell, metric, every_seed=False)
    return {
        "cell": cell.name,
        "text_encoder": cell.text_encoder,
        "objective": cell.objective,
        "captions_per_image": cell.captions or 10,
        "metric": metric,
        "paper": theirs,
        "ours": ours,
        "difference": None if theirs is None or ours is None else ours - theirs,
        "interval": None if resampled is None else interval(resampled),
        "command": _command(dataset, cell, _shared(measured.records)),
    }


def _command(dataset: str, cell: Cell, data: dict | None) -> str:
    """What measures a cell again, beside the file that is there."""
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
    return " ".join([*words, f"--only {cell.name} --out again"])


def _rank_correlations(measured: Measured, table: list[dict]) -> list[dict]:
    """How alike the paper and we rank the text encoders, -1 to 1, for each column of the table."""
    correlations = []
    for metric in METRICS:
        for objective in OBJECTIVES:
            column = [
                row
                for row in table
                if (row["metric"], row["objective"]) == (metric, objective)
                and None not in (row["paper"], row["ours"])
            ]
            paper, ours = [row["paper"] for row in column], [row["ours"] for row in column]
            enough = len(column) > 2 and len(set(ours)) > 1
            cells = [Cell.from_name(row["cell"]) for row in column]
            resampled = [measured.resampled(cell, metric, every_seed=False) for cell in cells]
            correlations.append(
                {
                    "metric": metric,
                    "objective": objective,
                    "encoders": len(column),
                    "spearman": float(spearmanr(paper, ours).statistic) if enough else None,
                    "interval": interval(spearman(paper, np.stack(resampled))) if enough else None,
                }
            )
    return correlations


def _seed_spreads(measured: Measured) -> list[dict]:
    """The figures of the table's cells that were trained with several seeds."""
    spreads = []
    for cell in (*PARTS["table"], *PARTS["modern"]):
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
    for encoder in (*PAPER_ENCODERS[1:], *MODERN_ENCODERS):
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
    for encoder in (*PAPER_ENCODERS[1:], *MODERN_ENCODERS):
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

"""Table 3: earlier methods of zero-shot recognition, the paper's networks, and ours beside them."""

from dse.reproduction.cells import PAPER_ENCODERS, Cell
from dse.reproduction.formats import grid, number
from dse.reproduction.records import Records

OBJECTIVE_ROWS = ("DS-SJE", "DA-SJE")
"""The rows of Table 3 that are the paper's own."""


def earlier_methods(dataset: str, records: Records, paper: dict) -> list[dict]:
    """A row for each method of Table 3 with a figure for the data set, then one for each of ours.

    - `method`; `whose`: `earlier`, `paper` or `here`.
    - `top1`: over images, as the paper's rows are; `top1_per_class`: the mean over classes, as
      those of the earlier methods are. One of them is None where it was not published.

    Args:
        dataset: the name of the data set.
        records: run records by cell.
        paper: the content of `dse/reproduction/paper.json`.

    Source: paper, Table 3. Chapter: 7, birds.
    """
    rows = []
    for row in paper["table3"]["rows"]:
        own = row["method"] in OBJECTIVE_ROWS
        if row.get(dataset) is not None:
            rows.append(
                {
                    "method": row["method"],
                    "whose": "paper" if own else "earlier",
                    "top1": row[dataset] if own else None,
                    "top1_per_class": None if own else row[dataset],
                }
            )
    if rows:
        rows += [
            _ours(cell, records[cell]) for cell in map(Cell, PAPER_ENCODERS) if cell in records
        ]
    return rows


def _ours(cell: Cell, record: dict) -> dict:
    return {
        "method": f"DS-SJE, {cell.text_encoder}",
        "whose": "here",
        "top1": 100 * record["top1"],
        "top1_per_class": 100 * record["top1_per_class"],
    }


def earlier_methods_section(rows: list[dict]) -> list[str]:
    """The rows as Markdown; nothing for a data set that Table 3 has not."""
    if not rows:
        return []
    lines = [
        [row["method"], row["whose"], number(row["top1"], missing="–"),
         number(row["top1_per_class"], missing="–")]
        for row in rows
    ]  # fmt: skip
    return [
        "## Table 3: earlier methods",
        "The earlier methods report the mean over classes, the paper the share of images. Both are "
        "here for our runs. Features and, on CUB, classes differ: the figures cannot be compared "
        "across *whose*.",
        grid(["method", "whose", "top-1", "top-1 per class"], lines),
    ]

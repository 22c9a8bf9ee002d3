"""The summary as a page to read, in Markdown."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

METRIC_NAMES = {"top1": "top-1", "ap50": "AP@50"}


def to_markdown(summary: dict) -> str:
    """The page of a summary, see `dse.reproduction.summary.summarise`.

    Figures are in percent. `missing` stands where nothing has been measured, a dash where the paper
    has no figure.
    """
    name = summary["dataset"]
    parts = [
        f"# {name}: the paper's figures, measured again",
        f"Written by `dse reproduce {name} --only summary` from the run files named at the end; "
        "not edited by hand. All figures are in percent. AP@50 is the precision at 50. An interval "
        "is the middle 95 % of 2,000 bootstrap resamples of the test classes; it knows nothing of "
        "the spread between seeds.",
        "## What differs from the paper",
        *_differences(summary),
        "## The table",
        _table(summary["table"], "objective", lambda row: row["objective"].upper()),
        "## The order of the text encoders",
        "Spearman's rank correlation between the paper's column and ours; 1 is the same order. The "
        "interval resamples the test classes, as above.",
        _grid(
            ["column", "encoders", "correlation", "interval"],
            [
                [
                    f"{METRIC_NAMES[row['metric']]}, {row['objective'].upper()}",
                    row["encoders"],
                    number(row["spearman"], digits=2),
                    bounds(row["interval"], digits=2),
                ]
                for row in summary["rank_correlation"]
            ],
        ),
        "## Claims",
        "Each claim is a difference that should be above 0; ours is over the mean of the seeds "
        "that there are. It holds if the interval of the difference (paired: the same resampled "
        "classes on both sides) lies above 0, does not hold if it lies below, and is undecided "
        "between.",
        _claims(summary["claims"]),
        "## Seeds",
        _seeds(summary["seeds"]),
        "## Figure 4a: captions of an image in training",
        _table(summary["figure4a"], "captions", lambda row: row["captions_per_image"]),
        "## Figure 4b: captions of a class in the test",
        "Means of ten draws, and their standard deviation.",
        _figure4b(summary["figure4b"]),
        "## Single captions",
        "Every test caption as a query of its own; and every class described by one caption.",
        _grid(
            ["text encoder", "AP@50, paper", "AP@50, here", "top-1, here"],
            [
                [
                    row["text_encoder"],
                    number(row["paper_ap50"], missing="–"),
                    number(row["ap50"]),
                    number(row["top1"]),
                ]
                for row in summary["single_caption"]
            ],
        ),
        "## Made of",
        "\n".join(f"- `{file}`" for file in summary["files"]) or "No run file yet.",
    ]
    return "\n\n".join(parts) + "\n"


def paper_table(summary: Mapping, objective: str) -> pd.DataFrame:
    """One half of Table 1 or 2, to be shown: the paper's figure, ours, and its interval.

    Args:
        summary: as `dse.reproduction.summarise` makes it.
        objective: `ds` or `da`.

    Returns:
        A data frame of text, a row a text encoder, in percent.

    Chapter: 6, zero-shot results.
    """
    lines: dict[str, dict[str, str]] = {}
    for row in summary["table"]:
        if row["objective"] == objective:
            metric = METRIC_NAMES[row["metric"]]
            lines.setdefault(row["text_encoder"], {}).update(
                {
                    f"{metric}, paper": number(row["paper"], missing="–"),
                    f"{metric}, here": number(row["ours"]),
                    f"{metric}, interval": bounds(row["interval"]),
                }
            )
    return pd.DataFrame.from_dict(lines, orient="index")


def number(value: float | None, digits: int = 1, signed: bool = False, missing="missing") -> str:
    """A figure as text, or what stands for one that is missing.

    Example:
        >>> number(56.84), number(56.84, signed=True), number(None)
        ('56.8', '+56.8', 'missing')
    """
    return missing if value is None else f"{value:{'+' if signed else ''}.{digits}f}"


def bounds(interval: Sequence[float] | None, digits: int = 1, signed: bool = False) -> str:
    """An interval as text.

    Example:
        >>> bounds([48.21, 66.0])
        '48.2 to 66.0'
    """
    if interval is None:
        return "missing"
    return " to ".join(number(bound, digits, signed) for bound in interval)


def _differences(summary: dict) -> list[str]:
    data, paper = summary["data"], summary["paper_data"]
    if data is None:
        return ["Nothing has been measured yet."]
    lines = []
    if paper is None:
        lines.append("The paper has no figures on these data.")
    else:
        if paper["dataset"] != summary["dataset"]:
            lines.append(
                f"**Other data.** The paper's figures beside ours are those of {paper['dataset']}: "
                "the order of the encoders may be compared, the figures may not."
            )
        lines.append(
            f"**Classes.** {data['classes']} test classes with {data['images']} images; in the "
            f"paper {paper['classes']} with {paper['images']}. A guess is right in "
            f"{100 / data['classes']:.1f} % of cases; in the paper, in "
            f"{100 / paper['classes']:.1f} %."
        )
        lines.append(
            f"**Features.** {data['image_encoder']}, {data['views']} view"
            f"{'s' if data['views'] > 1 else ''} in training; in the paper GoogLeNet, 10 views."
        )
        fewest, most = (f"{n:,}" for n in (data["steps"][0], data["steps"][-1]))
        steps = most if fewest == most else f"{fewest} to {most}, as the cells' files say"
        lines.append(
            f"**Steps.** {steps}; in the authors' scripts {paper['steps_in_scripts']:,}. "
            f"Training took {data['minutes']:.0f} minutes for all runs together."
        )
        if data["image_size"] and paper["dataset"] == summary["dataset"]:
            width, height = data["image_size"]
            lines.append(
                f"**Crops.** Every test image has {width} × {height} pixels. The published "
                "photographs differ in size: these are somebody's crops."
            )
    return [*lines, *(f"**Note.** {note}" for note in data["notes"])]


def _table(rows: list[dict], column: str, label: Callable[[dict], str | int]) -> str:
    """One line a cell, both metrics beside each other; the label goes into the second column."""
    by_cell: dict[str, dict[str, dict]] = {}
    for row in rows:
        by_cell.setdefault(row["cell"], {})[row["metric"]] = row
    lines = []
    for metrics in by_cell.values():
        first = metrics["top1"]
        lines.append(
            [
                first["text_encoder"],
                label(first),
                *(cell for metric in ("top1", "ap50") for cell in _comparison(metrics[metric])),
                f"`{first['command']}`",
            ]
        )
    figures = ["paper", "here", "difference", "interval"]
    header = [f"{called}, {figure}" for called in METRIC_NAMES.values() for figure in figures]
    return _grid(["text encoder", column, *header, "command"], lines)


def _comparison(row: dict) -> list[str]:
    return [
        number(row["paper"], missing="–"),
        number(row["ours"]),
        number(row["difference"], signed=True, missing="–"),
        bounds(row["interval"]),
    ]


def _claims(rows: list[dict]) -> str:
    return _grid(
        ["claim", "paper", "here", "interval", "verdict here"],
        [
            [
                row["claim"],
                number(row["paper"], signed=True, missing="–"),
                number(row["ours"], signed=True),
                bounds(row["interval"], signed=True),
                row["verdict"],
            ]
            for row in rows
        ],
    )


def _seeds(rows: list[dict]) -> str:
    if not rows:
        return "No cell has several seeds yet."
    return _grid(
        ["text encoder", "objective", "metric", "seeds", "figures", "mean", "standard deviation"],
        [
            [
                row["text_encoder"],
                row["objective"].upper(),
                METRIC_NAMES[row["metric"]],
                ", ".join(map(str, row["seeds"])),
                ", ".join(map(number, row["values"])),
                number(row["mean"]),
                number(row["sd"]),
            ]
            for row in rows
        ],
    )


def _figure4b(rows: list[dict]) -> str:
    lines = []
    for row in rows:
        label = [row["text_encoder"], METRIC_NAMES[row["metric"]]]
        for whose, missing in (("paper", "–"), ("ours", "missing")):
            means, spreads = row[whose], row[f"{whose}_sd"]
            if means is None:
                cells = [missing] * len(row["captions"])
            else:
                cells = [f"{m:.1f} ± {s:.1f}" for m, s in zip(means, spreads, strict=False)]
                cells.append(number(means[-1]))
            lines.append([*label, "paper" if whose == "paper" else "here", *cells])
    return _grid(["text encoder", "metric", "", *map(str, rows[0]["captions"])], lines)


def _grid(header: Sequence, rows: Sequence[Sequence]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)

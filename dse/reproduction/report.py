"""The summary as a page to read, in Markdown."""

from collections.abc import Mapping

import pandas as pd

from dse.reproduction.challenges import challenge_section
from dse.reproduction.earlier_methods import earlier_methods_section
from dse.reproduction.formats import METRIC_NAMES, bounds, grid, number, probability

OTHER_LENGTH = "†"


def to_markdown(summary: dict) -> str:
    """The page of a summary, see `dse.reproduction.summary.summarise`.

    Figures are in percent. `missing` stands where nothing has been measured, a dash where the paper
    has no figure.
    """
    name = summary["dataset"]
    parts = [
        f"# {name}: the paper's figures, measured again",
        f"Written by `dse reproduce {name} --only summary` from the run files named at the end; "
        "not edited by hand. All figures are in percent; AP@50 is the precision at 50. To measure "
        "a cell again, put its name (a file's name without `.json`) in place of CELL:",
        f"```sh\n{summary['command']}\n```",
        "Intervals in parentheses are the middle 95 % of a bootstrap over the test classes; on "
        "FieldGuide over its confusable pairs, whose two classes depend on each other. The "
        "interval of a single run does not contain the spread between seeds.",
        "## What differs from the paper",
        *_differences(summary),
        "## The table",
        *_table(summary["table"]),
        "## DA-SJE in several forms",
        *_da_forms(summary["da_forms"]),
        *earlier_methods_section(summary["table3"]),
        *challenge_section(summary["challenges"]),
        "## Seeds",
        *_seeds(summary["seeds"]),
        "## The order of the text encoders",
        *_order(summary["rank_correlation"]),
        "## Claims",
        *_claims(summary["claims"]),
        "## Figure 4a: captions of an image in training",
        *_figure4a(summary["figure4a"]),
        "## Figure 4b: captions of a class in the test",
        *_figure4b(summary["figure4b"]),
        "## Single captions",
        "Every test caption as a query of its own; and every class described by one caption.",
        grid(
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
        f"## Made of {len(summary['files'])} run files",
        ", ".join(f"`{file}`" for file in summary["files"]) or "No run file yet.",
    ]
    return "\n\n".join(parts) + "\n"


def paper_table(summary: Mapping, objective: str) -> pd.DataFrame:
    """One half of Table 1 or 2, to be shown: the paper's figure, ours, and its interval.

    A dagger marks a cell that was trained for another length than most of its column.

    Args:
        summary: as `dse.reproduction.summarise` makes it.
        objective: `ds` or `da`.

    Returns:
        A data frame of text, a row a text encoder, in percent.

    Chapter: 7, birds.
    """
    lines: dict[str, dict[str, str]] = {}
    for row in summary["table"]:
        if row["objective"] == objective:
            metric = METRIC_NAMES[row["metric"]]
            lines.setdefault(row["text_encoder"], {}).update(
                {
                    f"{metric}, paper": number(row["paper"], missing="–"),
                    f"{metric}, here": _marked(row),
                    f"{metric}, interval": bounds(row["interval"]),
                }
            )
    return pd.DataFrame.from_dict(lines, orient="index")


def _differences(summary: dict) -> list[str]:
    data, paper = summary["data"], summary["paper_data"]
    if data is None:
        return ["Nothing has been measured yet."]
    lines = []
    if paper is None:
        lines.append("The paper has no numbers on these data.")
    else:
        if paper["dataset"] != summary["dataset"]:
            lines.append(
                f"**Other data.** The paper's figures beside ours are those of {paper['dataset']}: "
                "the order of the encoders may be compared, the figures may not."
            )
        lines.append(
            f"**Classes.** {data['classes']} test classes with {data['images']} images; in the "
            f"paper {paper['classes']} with {paper['images']}. Chance level of top-1: "
            f"{100 / data['classes']:.1f} %; in the paper {100 / paper['classes']:.1f} %."
        )
        lines.append(
            f"**Features.** {data['image_encoder']}, {data['views']} view"
            f"{'s' if data['views'] > 1 else ''} in training; in the paper GoogLeNet, 10 views."
        )
        fewest, most = (f"{n:,}" for n in (data["steps"][0], data["steps"][-1]))
        steps = most if fewest == most else f"{fewest} to {most}"
        epochs = ", as many epochs as the authors'" if data["length"] == "full" else ""
        lines.append(
            f"**Minibatches of a run.** {steps}{epochs}; in the authors' scripts "
            f"{paper['steps_in_scripts']:,}."
        )
        if data["image_size"] and paper["dataset"] == summary["dataset"]:
            width, height = data["image_size"]
            lines.append(
                f"**Crops.** Every test image has {width} × {height} pixels. The published "
                "photographs differ in size: these are somebody's crops."
            )
    return [*lines, *(f"**Note.** {note}" for note in data["notes"])]


def _table(rows: list[dict]) -> list[str]:
    """A line for each text encoder; a pair of columns for each metric and objective."""
    columns = {(row["metric"], row["objective"]): None for row in rows if row["ours"] is not None}
    columns = list(columns) or [("top1", "ds"), ("ap50", "ds")]
    columns.sort(key=lambda column: (list(METRIC_NAMES).index(column[0]), column[1] != "ds"))
    cells = {(row["text_encoder"], row["metric"], row["objective"]): row for row in rows}
    header = ["text encoder"]
    for metric, objective in columns:
        called = f"{METRIC_NAMES[metric]}, {objective.upper()}"
        header += [f"{called}: paper", "here"]
    lines = []
    for encoder in dict.fromkeys(row["text_encoder"] for row in rows):
        line = [encoder]
        for column in columns:
            own = cells.get((encoder, *column))
            line += ["–", "–"] if own is None else [number(own["paper"], missing="–"), _cell(own)]
        lines.append(line)
    marked = [row for row in rows if row["other_length"]]
    return [grid(header, lines), *_footnote(marked, rows)]


def _cell(row: dict) -> str:
    """Our figure with its interval and mark."""
    if row["ours"] is None:
        return "missing"
    return f"{_marked(row)} ({bounds(row['interval'])})"


def _marked(row: dict) -> str:
    return number(row["ours"]) + (f" {OTHER_LENGTH}" if row["other_length"] else "")


def _footnote(marked: list[dict], rows: list[dict]) -> list[str]:
    """What the daggers of a table mean."""
    if not marked:
        return []
    lengths = {row["text_encoder"]: f"{row['length']:,}" for row in marked}
    usual = sorted({row["length"] for row in rows if row["length"] and not row["other_length"]})
    own = ", ".join(f"{encoder} {length}" for encoder, length in lengths.items())
    return [
        f"{OTHER_LENGTH} Trained for another number of minibatches than the rest of the column "
        f"({own}; the rest {' or '.join(f'{n:,}' for n in usual)}): not to be compared with it."
    ]


def _order(rows: list[dict]) -> list[str]:
    left_out = list(dict.fromkeys(name for row in rows for name in row["left_out"]))
    text = (
        "Spearman's rank correlation between the paper's column and ours, over the encoders that "
        "were trained for the same length; 1 is the same order. The interval is the bootstrap's, "
        "as above."
    )
    if left_out:
        text += f" Left out, being of another length: {', '.join(left_out)}."
    lines = [
        [
            f"{METRIC_NAMES[row['metric']]}, {row['objective'].upper()}",
            row["encoders"],
            number(row["spearman"], digits=2),
            bounds(row["interval"], digits=2),
        ]
        for row in rows
    ]
    return [text, grid(["column", "encoders", "correlation", "interval"], lines)]


def _claims(rows: list[dict]) -> list[str]:
    """The claims, a table for each group."""
    known = [row for row in rows if row["verdict"] != "missing"]
    parts = [
        "A claim is a difference that should be above 0. All its cells are compared on the seeds "
        "that every one of them has. The interval and the p value come from a paired bootstrap: "
        "the same resampled test units on both sides and, where there are several seeds, the same "
        "resampled seeds. With one seed they do not contain the spread between seeds, and the "
        "verdict is on these runs alone. A claim about several encoders takes the smallest of "
        "their differences.",
        "The verdict follows the *adjusted* p value: Holm's, over the "
        f"{len(known)} claims measured here. Below 0.05 a claim *holds*, or *does not hold* if the "
        "difference has the other sign; else the two sides are *not told apart*. The interval is "
        "of one claim alone, so it may leave out 0 where the verdict does not. *In the paper* "
        "says whether the published figures themselves have the claimed sign; they come without "
        "intervals.",
    ]
    for group in dict.fromkeys(row["group"] for row in known):
        own = [row for row in known if row["group"] == group]
        lines = [
            [
                row["claim"].removeprefix(f"{group}: ")
                + ("" if row["same_length"] else f" {OTHER_LENGTH}"),
                number(row["paper"], signed=True, missing="–"),
                row["paper_verdict"] or "–",
                number(row["ours"], signed=True),
                bounds(row["interval"], signed=True),
                len(row["seeds"]),
                probability(row["p"]),
                probability(row["adjusted_p"]),
                _verdict(row),
            ]
            for row in own
        ]
        header = ["claim", "paper", "in the paper", "here", "interval", "seeds", "p", "adjusted p"]
        parts += [f"### {group}", grid([*header, "verdict"], lines)]
    if not all(row["same_length"] for row in known):
        parts.append(f"{OTHER_LENGTH} The cells were trained for different numbers of minibatches.")
    missing = len(rows) - len(known)
    if missing:
        parts.append(f"{missing} of {len(rows)} claims are missing: a cell has not been measured.")
    return parts


def _da_forms(rows: list[dict]) -> list[str]:
    """AP@50 with the images as they are ranked, and without their levels: a table each."""
    if all(row["ap50"] is None for row in rows if row["form"]):
        return ["Missing: no cell has been measured."]
    lines: dict[str, dict[str, list]] = {"ap50": {}, "ap50_without_level": {}}
    columns = dict.fromkeys(
        f"{row['objective'].upper()}, {row['form'] or 'float32'}" for row in rows
    )
    for row in rows:
        for metric, own in lines.items():
            cell = "missing"
            if row[metric] is not None:
                cell = f"{number(row[metric])} ({bounds(row[f'{metric}_interval'])})"
            own.setdefault(row["text_encoder"], [row["text_encoder"]]).append(cell)
    header = ["text encoder", *columns]
    return [
        "DA-SJE leaves the level of an image free: adding a number to all its scores changes no "
        "term of the loss. So the output bias has a gradient of 0, but for rounding: *float64* "
        "rounds less, *zero-bias* has no bias to drift.",
        "AP@50:",
        grid(header, list(lines["ap50"].values())),
        "AP@50 with each image's level, its mean score over the classes, taken off:",
        grid(header, list(lines["ap50_without_level"].values())),
    ]


def _verdict(row: dict) -> str:
    """In words; a verdict on one seed says so."""
    one_run = len(row["seeds"]) == 1 and row["verdict"] != "not told apart"
    return row["verdict"] + (" (one seed)" if one_run else "")


def _seeds(rows: list[dict]) -> list[str]:
    if not rows:
        return ["No cell has several seeds yet."]
    lines: dict[tuple, list[str]] = {}
    for row in rows:
        key = (row["text_encoder"], row["objective"].upper())
        spread = f"{number(row['mean'])} ± {number(row['sd'])} ({len(row['seeds'])})"
        lines.setdefault(key, []).append(spread)
    header = ["text encoder", "objective", *METRIC_NAMES.values()]
    return [
        "Mean ± standard deviation (number of seeds) of the cells that were trained more than "
        "once. The table above holds seed 0.",
        grid(header, [[*key, *spreads] for key, spreads in lines.items()]),
    ]


def _figure4a(rows: list[dict]) -> list[str]:
    measured = {row["text_encoder"] for row in rows if row["ours"] is not None}
    if not measured:
        return ["Missing: no cell has been measured."]
    missing = dict.fromkeys(r["text_encoder"] for r in rows if r["text_encoder"] not in measured)
    rows = [row for row in rows if row["text_encoder"] in measured]
    captions = list(dict.fromkeys(row["captions_per_image"] for row in rows))
    lines: dict[tuple, list[str]] = {}
    for row in rows:
        key = (row["text_encoder"], METRIC_NAMES[row["metric"]])
        lines.setdefault((*key, "paper"), []).append(number(row["paper"], missing="–"))
        lines.setdefault((*key, "here"), []).append(_cell(row))
    table = [[*key, *cells] for key, cells in lines.items()]
    marked = [row for row in rows if row["other_length"]]
    return [
        grid(["text encoder", "metric", "", *captions], table),
        *_footnote(marked, rows),
        *([f"Missing: {', '.join(missing)}."] if missing else []),
    ]


def _figure4b(rows: list[dict]) -> list[str]:
    lines = []
    for row in rows:
        for whose in ("paper", "ours"):
            means, spreads = row[whose], row[f"{whose}_sd"]
            if means is not None:
                cells = [f"{m:.1f} ± {s:.1f}" for m, s in zip(means, spreads, strict=False)]
                name = "paper" if whose == "paper" else "here"
                metric = METRIC_NAMES[row["metric"]]
                lines.append([row["text_encoder"], metric, name, *cells, number(means[-1])])
    header = ["text encoder", "metric", "", *map(str, rows[0]["captions"])]
    return ["Mean ± standard deviation of ten draws.", grid(header, lines)]

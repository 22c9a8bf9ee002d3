"""The tables and figures of the paper beside ours, and what a run sees. All return their figure.

Most are drawn from a summary, the paper's dashed and ours solid, `confusion_matrix` from a record.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dse.datasets.described_images import DescribedImages
from dse.evaluation import score
from dse.images.views import read_image
from dse.plots.grids import ImageGrid, Picture
from dse.plots.style import GREY, STYLE, STYLES, WHOLE_NUMBERS, WIDTH, finished
from dse.reproduction.formats import METRIC_NAMES
from dse.runs import Run

PANELS = ("top1", "ap50")
VERDICT_MARKS = {
    "holds": {"marker": "o"},
    "not told apart": {"marker": "o", "markerfacecolor": "none"},
    "does not hold": {"marker": "X"},
}
HUES = ("#0072B2", "#CC7A00", "#2A9D4B", "#C8371B", "#8E44AD")
HUES += ("#0E9AA7", "#CC5FA0", "#6A7FDB", "#8A5A00", "#555555")
"""Of pairs of classes; each stands out from white, and turned over from black."""
PAPER_MARK = {"marker": "D", "markerfacecolor": "none", "color": GREY, "markersize": 5}


@plt.rc_context(STYLE)
def against_paper(summary: Mapping, objective: str = "ds") -> Figure:
    """Our figures against the paper's, a point a text encoder, with its 95 % interval.

    The same order on both sides is a line that rises from left to right. A hollow mark is an
    encoder that was trained for another length than the others.

    Args:
        summary: as `dse.reproduction.summarise` makes it.
        objective: `ds` or `da`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.6))
    drawn = []
    for axis, metric in zip(axes, PANELS, strict=True):
        for row in summary["table"]:
            both = None not in (row["paper"], row["ours"])
            if (row["metric"], row["objective"]) == (metric, objective) and both:
                colour, mark = STYLES[row["text_encoder"]]
                axis.plot([row["paper"]] * 2, row["interval"], color=colour, linewidth=1.2)
                inside = "none" if row["other_length"] else colour
                style = {"color": colour, "markersize": 7, "markerfacecolor": inside}
                axis.plot(row["paper"], row["ours"], mark, **style)
                drawn.append(row["text_encoder"])
        axis.set(title=f"{METRIC_NAMES[metric]} (%)", xlabel="in the paper")
    axes[0].set_ylabel("here")
    handles = [
        Line2D([], [], color=STYLES[name][0], marker=STYLES[name][1], ls="", label=name)
        for name in dict.fromkeys(drawn)
    ]
    if any(row["other_length"] for row in summary["table"] if row["objective"] == objective):
        style = {"color": GREY, "markerfacecolor": "none", "ls": ""}
        handles.append(Line2D([], [], marker="o", label="another length", **style))
    return _with_legend_above(figure, handles)


@plt.rc_context(STYLE)
def figure4a(summary: Mapping, encoders: Sequence[str] | None = None) -> Figure:
    """Top-1 and precision at 50 against the captions of an image in training.

    Args:
        summary: as `dse.reproduction.summarise` makes it.
        encoders: those to draw; None: all that were measured.
    """
    figure, axes = _panels("captions of an image in training")
    rows = pd.DataFrame(summary["figure4a"])
    drawn = list(encoders or rows.dropna(subset=["ours"]).text_encoder.unique())
    for axis, metric in zip(axes, PANELS, strict=True):
        for encoder in drawn:
            own = rows[(rows.text_encoder == encoder) & (rows.metric == metric)]
            _pair_of_lines(axis, encoder, own.captions_per_image, own.paper, own.ours)
        _attributes_line(axis, summary, metric)
        axis.set_xticks(sorted(rows.captions_per_image.unique()))
    return _with_legend(figure, drawn, summary)


@plt.rc_context(STYLE)
def figure4b(summary: Mapping, encoders: Sequence[str] | None = None) -> Figure:
    """Top-1 and precision at 50 against the test captions that describe a class.

    The points are means of ten draws, the bars our standard deviation.

    Args:
        summary: as `dse.reproduction.summarise` makes it.
        encoders: those to draw; None: all that were measured.
    """
    figure, axes = _panels("captions of a class in the test")
    rows = summary["figure4b"]
    if encoders is None:
        encoders = list(dict.fromkeys(r["text_encoder"] for r in rows if r["ours"] is not None))
    for row in rows:
        if row["text_encoder"] in encoders:
            axis, places = axes[PANELS.index(row["metric"])], range(len(row["captions"]))
            nothing = [np.nan] * len(places)
            paper, ours = row["paper"] or nothing, row["ours"] or nothing
            _pair_of_lines(axis, row["text_encoder"], places, paper, ours)
            if row["ours_sd"] is not None:
                colour, _ = STYLES[row["text_encoder"]]
                axis.errorbar(
                    places[:-1], ours[:-1], row["ours_sd"], fmt="none", ecolor=colour, capsize=2
                )
    for axis, metric in zip(axes, PANELS, strict=True):
        _attributes_line(axis, summary, metric)
        axis.set_xticks(range(0, len(rows[0]["captions"]), 2), rows[0]["captions"][::2])
    return _with_legend(figure, encoders, summary)


@plt.rc_context(STYLE)
def confusion_matrix(record: Mapping) -> Figure:
    """Who is taken for whom: the share of each class's images that goes to each class.

    The colours follow the root of the share, so that small ones can be seen. Columns stand in the
    order of the rows.

    Args:
        record: of one run, as `dse.reproduction.measure_cell` makes it.
    """
    counts = np.array(record["confusion"])
    names = [re.sub(r"^\d+\.", "", name).replace("_", " ") for name in record["per_class"]]
    shares = 100 * counts / counts.sum(1, keepdims=True)
    side = 0.6 + 0.19 * len(names)
    figure, axis = plt.subplots(figsize=(WIDTH, min(side, 9)), layout="constrained")
    bar = {"label": "share of the class's images (%)", "shrink": 0.6, "pad": 0.02}
    sns.heatmap(
        shares, ax=axis, cmap="Blues", norm=PowerNorm(0.5, vmin=0), cbar_kws=bar, xticklabels=False
    )
    axis.set_yticks(np.arange(len(names)) + 0.5, names, rotation=0)
    axis.tick_params(length=0)
    axis.set(xlabel="taken for (same order)", ylabel="")
    return finished(figure)


@plt.rc_context(STYLE)
def claims(summary: Mapping, group: str | None = None) -> Figure:
    """The paper's claims as differences that should be above 0: ours with its 95 % interval.

    Those of one group, or a panel for each group of claims, the largest difference first. A filled
    dot holds after Holm's correction, a cross is reversed, a hollow dot is not told apart; diamonds
    are the paper's. The colour is that of the encoder that should be above. Claims that are missing
    are left out.

    Args:
        summary: as `dse.reproduction.summarise` makes it.
        group: of claims, as `summary["claims"]` names it.
    """
    known = [row for row in summary["claims"] if row["ours"] is not None]
    known = [row for row in known if group in (None, row["group"])]
    rows = pd.DataFrame(known, columns=[*(known[0] if known else ["group"])])
    groups = dict(list(rows.groupby("group", sort=False)))
    heights = [_claim_names(own).str.count("\n").sum() + len(own) + 1.6 for own in groups.values()]
    heights = heights or [1]
    layout = {"figsize": (WIDTH, 0.9 + 0.27 * sum(heights)), "layout": "constrained"}
    figure, axes = plt.subplots(len(heights), squeeze=False, height_ratios=heights, **layout)
    for axis, (group, own) in zip(axes.flat, groups.items(), strict=False):
        _claims_of_group(axis, group, own.sort_values("ours", ascending=False))
    axes[-1, 0].set_xlabel("difference in points")
    marks = {**VERDICT_MARKS, "paper": PAPER_MARK}
    grey = {"color": GREY, "ls": ""}
    drawn = {row["verdict"] for row in known}
    drawn |= {"paper" for row in known if row["paper"] is not None}
    handles = [Line2D([], [], label=n, **grey | marks[n]) for n in marks if n in drawn]
    figure.legend(handles=handles, ncols=3, loc="outside upper center")
    plt.close(figure)
    return figure


def _claims_of_group(axis: Axes, group: str, rows: pd.DataFrame) -> None:
    names = list(_claim_names(rows))
    colours = [STYLES[own[0]][0] if len(own) == 1 else GREY for own in rows.higher]
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.hlines(names, *zip(*rows.interval, strict=True), color=colours, linewidth=2)
    points = {"y": names, "order": names, "errorbar": None, "linestyle": "none", "ax": axis}
    for verdict, mark in VERDICT_MARKS.items():
        ours = rows.ours.where(rows.verdict == verdict)
        palette = dict(zip(names, colours, strict=True))
        sns.pointplot(x=ours, hue=names, palette=palette, legend=False, **mark, **points)
    sns.pointplot(x=rows.paper.astype(float), **PAPER_MARK, zorder=1, **points)
    axis.set(xlabel="", ylabel="")
    axis.locator_params(axis="x", **WHOLE_NUMBERS)
    axis.set_title(group, loc="left")
    axis.grid(visible=False, axis="y")


def _claim_names(rows: pd.DataFrame) -> pd.Series:
    """The claims of a group without its name, in lines."""
    names = rows.apply(lambda row: row.claim.removeprefix(f"{row.group}: "), axis=1)
    return names.map(lambda name: textwrap.fill(name, 30, break_on_hyphens=False))


@plt.rc_context(STYLE)
def seeds(summary: Mapping) -> Figure:
    """The figures of the cells that were trained with several seeds, a dot a run, and their means.

    Args:
        summary: as `dse.reproduction.summarise` makes it.
    """
    rows = pd.DataFrame(summary["seeds"], columns=["text_encoder", "objective", "metric", "values"])
    rows["cell"] = rows.text_encoder + ", " + rows.objective.str.upper()
    cells = rows.cell.nunique()
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 1.2 + 0.3 * cells), sharey=True)
    for axis, metric in zip(axes, PANELS, strict=True):
        own = rows[rows.metric == metric].explode("values").astype({"values": float})
        palette = {c: STYLES[e][0] for c, e in zip(own.cell, own.text_encoder, strict=True)}
        style = {"x": "values", "y": "cell", "hue": "cell", "palette": palette, "ax": axis}
        if cells:
            sns.stripplot(own, **style, jitter=False, size=7, alpha=0.6, legend=False)
            sns.pointplot(own, **style, errorbar=None, linestyle="none", marker="|", markersize=18)
        axis.set(xlabel=f"{METRIC_NAMES[metric]} (%)", ylabel="")
        axis.grid(visible=False, axis="y")
    return finished(figure)


def retrieval(
    run: Run, test: DescribedImages, queries: Mapping[str, str], images: int = 6
) -> ImageGrid:
    """The images that score highest with a sentence, a row a sentence, as the paper shows them.

    Args:
        run: a trained text encoder.
        test: the classes to search, with images and features, as `data.subset("test")`.
        queries: sentence -> the name of the class that it describes; its images are framed.
        images: in a row, best first.
    """
    scores = score(test, run.encode(list(queries)))
    rows = {}
    for column, (query, wanted) in enumerate(queries.items()):
        best = scores[:, column].topk(images).indices.tolist()
        names = [test.class_names[test.labels[i]] for i in best]
        rows[f"“{query}” ({wanted})"] = [
            Picture(
                np.asarray(read_image(test.image_paths[i])),
                name,
                STYLES["char-cnn-rnn"][0] if name == wanted else None,
            )
            for i, name in zip(best, names, strict=True)
        ]
    return ImageGrid(rows, images)


@plt.rc_context(STYLE)
def species_map(
    images: np.ndarray, labels: Sequence[int], descriptions: np.ndarray, names: Sequence[str]
) -> Figure:
    """Images as dots and the descriptions of their classes as stars, in two dimensions.

    Two classes that follow each other share a hue; the second is drawn in outline, and its star is
    smaller, so that both are seen where they meet.

    Args:
        images: (N, 2).
        labels: N numbers, the class of each image, 0 to C - 1.
        descriptions: (C, 2).
        names: C names, at most 20.
    """
    figure, axis = plt.subplots(figsize=(WIDTH, 5.4))
    faces = ["white" if c % 2 else HUES[c // 2] for c in range(len(names))]
    for c, name in enumerate(names):
        own = images[np.asarray(labels) == c]
        axis.scatter(*own.T, s=16, color=faces[c], edgecolor=HUES[c // 2], label=name)
    for c, place in enumerate(descriptions):
        axis.scatter(*place, 90 if c % 2 else 330, faces[c], "*", edgecolor=HUES[c // 2], zorder=3)
    axis.set(xticks=[], yticks=[])
    drawn, _ = axis.get_legend_handles_labels()
    in_pairs = drawn[::2] + drawn[1::2]  # two that share a hue stand in a row
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0)}
    axis.legend(handles=in_pairs, ncols=2, markerscale=1.4, **place)
    return finished(figure)


def _panels(xlabel: str) -> tuple[Figure, np.ndarray]:
    figure, axes = plt.subplots(1, 2, figsize=(WIDTH, 3.8))
    for axis, metric in zip(axes, PANELS, strict=True):
        axis.set_title(f"{METRIC_NAMES[metric]} (%)")
        axis.locator_params(axis="y", **WHOLE_NUMBERS)
    figure.supxlabel(xlabel, fontsize=STYLE["font.size"])
    return figure, axes


def _pair_of_lines(axis: Axes, encoder: str, x: Sequence, paper: Sequence, ours: Sequence) -> None:
    colour, mark = STYLES[encoder]
    x, paper, ours = (np.array(values, dtype=float) for values in (x, paper, ours))
    axis.plot(x[~np.isnan(paper)], paper[~np.isnan(paper)], "--", color=colour, linewidth=1.2)
    axis.plot(x, ours, color=colour, marker=mark, markersize=5, linewidth=1.8)


def _attributes_line(axis: Axes, summary: Mapping, metric: str) -> None:
    """Attributes do not depend on captions: two flat lines."""
    for row in summary["table"]:
        if (row["text_encoder"], row["objective"], row["metric"]) == ("attributes", "ds", metric):
            for value, line in ((row["paper"], "--"), (row["ours"], "-")):
                if value is not None:
                    axis.axhline(value, color=STYLES["attributes"][0], linestyle=line, linewidth=1)


def _with_legend(figure: Figure, encoders: Sequence[str], summary: Mapping) -> Figure:
    has_attributes = any(row["text_encoder"] == "attributes" for row in summary["table"])
    handles = [
        Line2D([], [], color=STYLES[name][0], marker=STYLES[name][1], label=name)
        for name in [*encoders, *(["attributes"] if has_attributes else [])]
    ]
    handles += [
        Line2D([], [], color=GREY, linestyle=line, label=whose)
        for whose, line in (("here", "-"), ("paper", "--"))
    ]
    return _with_legend_above(figure, handles)


def _with_legend_above(figure: Figure, handles: Sequence[Line2D]) -> Figure:
    figure.set_figheight(figure.get_figheight() + 0.24 * -(-len(handles) // 3))
    figure.set_layout_engine("constrained")
    figure.legend(handles=handles, ncols=3, loc="outside upper left", columnspacing=1.2)
    plt.close(figure)
    return figure

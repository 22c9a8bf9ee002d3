"""The tables and figures of the paper, its figures beside ours, drawn from a summary.

The paper's figures are dashed, ours solid. Every function returns its figure and shows nothing.
"""

import re
import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from dse.datasets.described_images import DescribedImages
from dse.evaluation import score
from dse.reproduction.report import METRIC_NAMES
from dse.runs import Run

PANELS = ("top1", "ap50")
STYLES = {
    "attributes": ("#000000", ""),
    "word2vec": ("#009E73", "v"),
    "bag-of-words": ("#E69F00", "s"),
    "char-cnn": ("#CC79A7", "o"),
    "char-lstm": ("#999999", "D"),
    "char-cnn-rnn": ("#0072B2", "o"),
    "word-cnn": ("#D55E00", "^"),
    "word-lstm": ("#56B4E9", "D"),
    "word-cnn-rnn": ("#7A1FA2", "^"),
    "word-transformer": ("#8C564B", "P"),
    "sentence-vectors": ("#5D8A3A", "X"),
}
"""Colour and mark of each text encoder; the colours are Okabe and Ito's, and three more."""
VERDICT_COLOURS = {"holds": "#0072B2", "undecided": "#999999", "does not hold": "#D55E00"}


def against_paper(summary: Mapping, objective: str = "ds") -> Figure:
    """Our figures against the paper's, a point a text encoder, with its 95 % interval.

    The same order on both sides is a line that rises from left to right.

    Args:
        summary: as `dse.reproduction.summarise` makes it.
        objective: `ds` or `da`.
    """
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.2))
    drawn = []
    for axis, metric in zip(axes, PANELS, strict=True):
        for row in summary["table"]:
            if (row["metric"], row["objective"]) == (metric, objective) and None not in (
                row["paper"],
                row["ours"],
            ):
                colour, mark = STYLES[row["text_encoder"]]
                axis.plot([row["paper"]] * 2, row["interval"], color=colour, linewidth=1.2)
                axis.plot(row["paper"], row["ours"], mark or "*", color=colour, markersize=7)
                drawn.append(row["text_encoder"])
        axis.set_xlabel(f"{METRIC_NAMES[metric]} in the paper (%)")
        axis.set_ylabel(f"{METRIC_NAMES[metric]} here (%)")
        _plain(axis)
    handles = [
        Line2D([], [], color=STYLES[name][0], marker=STYLES[name][1] or "*", ls="", label=name)
        for name in dict.fromkeys(drawn)
    ]
    figure.tight_layout(rect=(0, 0.06 * -(-len(handles) // 5), 1, 1))
    figure.legend(handles=handles, ncols=5, frameon=False, fontsize=9, loc="lower center")
    plt.close(figure)
    return figure


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
        axis.set_xticks(range(len(rows[0]["captions"])), rows[0]["captions"])
    return _with_legend(figure, encoders, summary)


def confusion_matrix(record: Mapping) -> Figure:
    """Who is taken for whom: the share of each class's images that goes to each class.

    The colours follow the root of the share, so that small ones can be seen.

    Args:
        record: of one run, as `dse.reproduction.measure_cell` makes it.
    """
    counts = np.array(record["confusion"])
    names = [re.sub(r"^\d+\.", "", name).replace("_", " ") for name in record["per_class"]]
    figure, axis = plt.subplots(figsize=(8.8, 7.6))
    shares = 100 * counts / counts.sum(1, keepdims=True)
    image = axis.imshow(shares, cmap="cividis", norm=PowerNorm(0.5, vmin=0))
    for set_ticks, rotation in ((axis.set_xticks, 90), (axis.set_yticks, 0)):
        set_ticks(range(len(names)), names, fontsize=7 if len(names) > 35 else 8, rotation=rotation)
    axis.set_xlabel("taken for")
    axis.set_ylabel("images of")
    figure.colorbar(image, ax=axis, label="share of the class's images (%)", shrink=0.8)
    return _finished(figure)


def claims(summary: Mapping) -> Figure:
    """The paper's claims as differences: ours with its interval, and a diamond for the paper's.

    A claim holds where the interval lies right of 0. Claims that are missing are left out.
    """
    rows = [row for row in summary["claims"] if row["ours"] is not None]
    figure, axis = plt.subplots(figsize=(9.5, 0.8 + 0.3 * max(1, len(rows))))
    for place, row in enumerate(rows):
        colour = VERDICT_COLOURS[row["verdict"]]
        axis.plot(row["interval"], [place, place], color=colour, linewidth=2.2)
        axis.plot(row["ours"], place, "o", color=colour, markersize=6)
        if row["paper"] is not None:
            axis.plot(row["paper"], place, "D", color="black", markersize=5, markerfacecolor="none")
    axis.axvline(0, color="#444444", linewidth=0.8)
    axis.set_yticks(range(len(rows)), [row["claim"] for row in rows], fontsize=8.5)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel("difference in points, with its 95 % interval")
    axis.grid(axis="x", color="#dddddd", linewidth=0.6)
    handles = [
        Line2D([], [], color=colour, marker="o", label=verdict)
        for verdict, colour in VERDICT_COLOURS.items()
    ]
    handles.append(
        Line2D(
            [], [], color="black", marker="D", markerfacecolor="none", linestyle="", label="paper"
        )
    )
    figure.legend(handles=handles, ncols=4, frameon=False, fontsize=9, loc="upper center")
    figure.tight_layout(rect=(0, 0, 1, 1 - 0.3 / figure.get_figheight()))
    plt.close(figure)
    return figure


def retrieval(
    run: Run, test: DescribedImages, queries: Mapping[str, str], images: int = 6
) -> Figure:
    """The images that score highest with a sentence, a row a sentence, as the paper shows them.

    Args:
        run: a trained text encoder.
        test: the classes to search, with images and features, as `data.subset("test")`.
        queries: sentence -> the name of the class that it describes; its images are framed blue.
        images: in a row, best first.
    """
    scores = score(test, run.encode(list(queries)))
    height = len(queries) * (9.5 / images + 0.3)
    figure, axes = plt.subplots(len(queries), images, figsize=(9.5, height), squeeze=False)
    for row, (query, wanted) in enumerate(queries.items()):
        best = scores[:, row].topk(images).indices.tolist()
        for axis, i in zip(axes[row], best, strict=True):
            with Image.open(test.image_paths[i]) as image:
                axis.imshow(np.asarray(image.convert("RGB")))
            right = test.class_names[test.labels[i]] == wanted
            axis.spines[:].set(color="#0072B2" if right else "#bbbbbb", linewidth=4 if right else 1)
            axis.set_xticks([])
            axis.set_yticks([])
        title = textwrap.shorten(f"“{query}”", 110, placeholder=" …”") + f"  ({wanted})"
        axes[row, 0].set_title(title, fontsize=9, loc="left", pad=6)
    figure.subplots_adjust(0.01, 0.01, 0.99, 1 - 0.28 / height, wspace=0.05, hspace=0.2)
    plt.close(figure)
    return figure


def species_map(
    images: np.ndarray, labels: Sequence[int], descriptions: np.ndarray, names: Sequence[str]
) -> Figure:
    """Images as dots and the descriptions of their classes as stars, in two dimensions.

    Two classes that follow each other share a hue, and the first has the larger star, so that both
    are seen where they meet.

    Args:
        images: (N, 2).
        labels: N numbers, the class of each image, 0 to C - 1.
        descriptions: (C, 2).
        names: C names, at most 20.
    """
    figure, axis = plt.subplots(figsize=(8, 5.2))
    colours = plt.get_cmap("tab20").colors
    for c, name in enumerate(names):
        own = images[np.asarray(labels) == c]
        axis.scatter(*own.T, s=14, color=colours[c], label=name)
    for c, place in enumerate(descriptions):
        size = 90 if c % 2 else 330
        axis.scatter(*place, s=size, marker="*", color=colours[c], edgecolor="black", zorder=3)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.spines[:].set_color("#bbbbbb")
    axis.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    return _finished(figure)


def _panels(xlabel: str) -> tuple[Figure, np.ndarray]:
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 4.2))
    for axis, metric in zip(axes, PANELS, strict=True):
        axis.set_xlabel(xlabel)
        axis.set_ylabel(f"{METRIC_NAMES[metric]} on unseen classes (%)")
        _plain(axis)
    return figure, axes


def _plain(axis: Axes) -> None:
    axis.grid(axis="y", color="#dddddd", linewidth=0.6)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


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
        Line2D([], [], color="#444444", linestyle=line, label=whose)
        for whose, line in (("here", "-"), ("paper", "--"))
    ]
    figure.tight_layout(rect=(0, 0.06 * -(-len(handles) // 6), 1, 1))
    figure.legend(handles=handles, ncols=6, frameon=False, fontsize=9, loc="lower center")
    plt.close(figure)
    return figure


def _finished(figure: Figure) -> Figure:
    figure.tight_layout()
    plt.close(figure)
    return figure

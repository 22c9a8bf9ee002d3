"""The figures of a search and of a classification: contact sheet, confusion, reliability.

The contact sheet is white, as a picture that is sent around. The others are transparent, and
readable on white and on black.
"""

import io
import textwrap
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
from matplotlib.figure import Figure
from PIL import Image

from dse.plots.style import COLOURS
from dse.search.calibration import Calibration

INK = "#767676"
THEME = {
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    "grid.color": "#76767655",
    "grid.linewidth": 0.6,
}
COLUMNS = 3  # more, and the letters are too small on a phone
COUNTS_SHOWN = 30
"""Classes up to which a confusion has its numbers written in."""


@contextmanager
def _any_script() -> Iterator[None]:
    """Names may hold letters that the font lacks: an empty box is drawn, without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


@_any_script()
def contact_sheet(images: Sequence[Image.Image], titles: Sequence[str], heading: str) -> Figure:
    """Images in ranked order, three in a row, below the description that they were ranked by."""
    squares = [_on_square(image) for image in images]
    columns = min(COLUMNS, len(squares))
    figure = _grid(squares, titles, columns)
    lines = textwrap.fill(heading, 22 * columns)
    figure.suptitle(lines, x=0.02, y=1.01, ha="left", va="bottom", fontsize=12, parse_math=False)
    return figure


def _grid(images: Sequence[np.ndarray], titles: Sequence[str], columns: int) -> Figure:
    side = 2.0
    wrapped = [textwrap.fill(title, 20) for title in titles]
    lines = max((text.count("\n") + 1 for text in wrapped if text), default=0)
    rows = -(-len(images) // columns)
    size = (side * columns, rows * (side + 0.2 * lines + 0.2))
    figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, text in zip(axes.flat, images, wrapped, strict=False):
        axis.imshow(image)
        axis.set_title(text, fontsize=11, loc="left", verticalalignment="bottom", parse_math=False)
    figure.tight_layout(pad=0.5)
    plt.close(figure)
    return figure


def _on_square(image: Image.Image) -> np.ndarray:
    """An image in the middle of a light grey square."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), "#f1f3f5")
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return np.asarray(square)


@_any_script()
def save_png(figure: Figure, path: Path) -> None:
    """Write a figure on white."""
    figure.savefig(path, format="png", dpi=150, facecolor="white", bbox_inches="tight")


@_any_script()
def to_svg(figure: Figure) -> bytes:
    """A figure as SVG, the same bytes each time; its letters are set by the browser."""
    drawn = io.BytesIO()
    with plt.rc_context({**THEME, "svg.hashsalt": "dse", "svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", bbox_inches="tight", metadata={"Date": None})
    return drawn.getvalue()


@_any_script()
@plt.rc_context(THEME)
def confusion_heatmap(counts: torch.Tensor, class_names: Sequence[str]) -> Figure:
    """How many images of each class (row) were taken for each class (column).

    The colour is the share of the row's images. What did not occur is left empty.

    Args:
        counts: int64 (C, C), see `dse.evaluation.confusion`.
        class_names: C names.
    """
    classes = len(class_names)
    names = [textwrap.shorten(name, 28, placeholder=" …") for name in class_names]
    shares = counts / counts.sum(1, keepdim=True).clamp(min=1)
    cell = 0.45 if classes <= COUNTS_SHOWN else 0.2
    figure, axis = plt.subplots(figsize=(2.8 + cell * classes, 1.6 + cell * classes))
    sns.heatmap(
        shares.numpy(),
        mask=(counts == 0).numpy(),
        annot=counts.numpy() if classes <= COUNTS_SHOWN else None,
        fmt="d",
        vmin=0,
        vmax=1,
        cmap="cividis",
        square=True,
        linewidths=0.5,
        linecolor="#76767640",
        xticklabels=names,
        yticklabels=names,
        cbar_kws={"label": "share of the images of a class", "shrink": min(1, 3 / classes + 0.5)},
        ax=axis,
    )
    for label in [*axis.get_xticklabels(), *axis.get_yticklabels()]:
        label.set(fontsize=8.5 if classes <= COUNTS_SHOWN else 6, parse_math=False)
    axis.set_xticks(axis.get_xticks(), axis.get_xticklabels(), rotation=45, ha="right")
    axis.set_yticks(axis.get_yticks(), axis.get_yticklabels(), rotation=0)
    axis.set_xlabel("taken for")
    axis.set_ylabel("folder says")
    figure.tight_layout()
    plt.close(figure)
    return figure


@plt.rc_context(THEME)
def reliability_diagram(calibrations: Mapping[str, Calibration]) -> Figure:
    """How often the predicted class was right, against the confidence in it.

    On the dashed diagonal a confidence is a probability. A larger mark stands for more images.

    Args:
        calibrations: name -> calibration, at most four.
    """
    figure, axis = plt.subplots(figsize=(5.6, 4.6))
    axis.plot([0, 1], [0, 1], "--", color=INK, linewidth=1)
    for (name, measured), colour, mark in zip(
        calibrations.items(), COLOURS.values(), "osD^", strict=False
    ):
        bins = measured.bins
        x, y, images = ([row[key] for row in bins] for key in ("confidence", "accuracy", "images"))
        sizes = 25 + 250 * np.array(images) / len(measured.hits)
        axis.plot(x, y, color=colour, linewidth=1.4)
        axis.scatter(x, y, sizes, color=colour, marker=mark, label=name, alpha=0.85)
    axis.set(xlim=(-0.02, 1.04), ylim=(-0.04, 1.06))
    axis.set_xlabel("confidence: softmax of the scores")
    axis.set_ylabel("share of right predictions")
    axis.grid()
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
    legend = axis.legend(frameon=False, fontsize=9, loc="lower left", bbox_to_anchor=(0, 1))
    for handle in legend.legend_handles:
        handle.set_sizes([45])
    figure.tight_layout()
    plt.close(figure)
    return figure

"""The figures of the book, and one colour for each text encoder in all of them.

Colours are the colour-blind-safe ones of Okabe and Ito. Every function returns its figure and shows
nothing by itself; a notebook shows the figure that a cell ends with.
"""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from dse.text.cnn import ReceptiveField

COLOURS = {"blue": "#0072B2", "orange": "#E69F00", "green": "#009E73", "red": "#D55E00"}
INK = "#767676"
THEME = {
    **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor"), "none"),
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), INK),
    **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    "grid.color": "#76767655",
    "grid.linewidth": 0.6,
}
STYLES = {
    "attributes": (INK, ""),
    "word2vec": ("#009E73", "v"),
    "word2vec-standardised": ("#3FA796", "<"),
    "bag-of-words": ("#E69F00", "s"),
    "bag-of-bigrams": ("#B8860B", "p"),
    "char-cnn": ("#CC79A7", "o"),
    "char-lstm": ("#6A7FDB", "D"),
    "char-cnn-rnn": ("#0072B2", "o"),
    "word-cnn": ("#D55E00", "^"),
    "word-lstm": ("#56B4E9", "D"),
    "word-cnn-rnn": ("#A05EB5", "^"),
    "word-transformer": ("#8C564B", "P"),
    "sentence-vectors": ("#5D8A3A", "X"),
}
"""Colour and mark of each text encoder; the colours are Okabe and Ito's, and some more."""
ENCODER_COLOURS = {encoder: colour for encoder, (colour, _) in STYLES.items()}


def image_grid(
    images: Sequence[np.ndarray], titles: Sequence[str], columns: int = 4, width: float = 9.0
) -> Figure:
    """Images in rows, each with a title that is wrapped to its width.

    Args:
        images: n arrays uint8 (H, W, 3).
        titles: n texts; an empty one leaves no room.
        columns: images in a row.
        width: of the figure, in inches.
    """
    rows = -(-len(images) // columns)
    letters = int(7.2 * width / columns * 1.75)
    wrapped = [textwrap.fill(title, letters) for title in titles]
    lines = max((text.count("\n") + 1 for text in wrapped if text), default=0)
    side = width / columns
    height = rows * (side + 0.17 * lines + 0.12)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for axis, image, text in zip(axes.flat, images, wrapped, strict=False):
        axis.imshow(image)
        axis.set_title(text, fontsize=8.5, loc="left", verticalalignment="bottom", parse_math=False)
    figure.tight_layout(pad=0.5)
    plt.close(figure)
    return figure


def bars(
    values: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    ylabel: str,
    chance: float | None = None,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Groups of bars: one group a label, one bar a series; a dashed line at the chance level."""
    figure, axis = plt.subplots(figsize=(8, 3.4))
    width = 0.8 / len(values)
    places = np.arange(len(labels))
    for i, (name, series) in enumerate(values.items()):
        colour = (colours or ENCODER_COLOURS).get(name, list(COLOURS.values())[i % 4])
        at = places + (i - (len(values) - 1) / 2) * width
        drawn = axis.bar(at, series, width * 0.92, label=name, color=colour)
        if len(labels) <= 6:
            axis.bar_label(drawn, fmt="%.0f", fontsize=9, padding=2)
    turned = {"rotation": 40, "ha": "right"} if len(labels) > 10 else {}
    axis.set_xticks(places, labels, **turned)
    if chance is not None:
        axis.axhline(chance, color="#444444", linestyle="--", linewidth=1, label="chance level")
    axis.set_ylabel(ylabel)
    axis.margins(y=0.12)
    _tidy(figure, legend=len(values) > 1 or chance is not None)
    return figure


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]], xlabel: str, ylabel: str
) -> Figure:
    """Lines, each from (x values, y values)."""
    figure, axis = plt.subplots(figsize=(8, 3.4))
    for i, (name, (x, y)) in enumerate(series.items()):
        colour = ENCODER_COLOURS.get(name, list(COLOURS.values())[i % 4])
        axis.plot(x, y, label=name, color=colour, linewidth=1.8)
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    _tidy(figure, legend=len(series) > 1)
    return figure


def fields_over_text(symbols: Sequence[str], fields: Sequence[ReceptiveField]) -> Figure:
    """What each column of each layer depends on: one band a column, above the symbols of a text.

    Args:
        symbols: characters or words.
        fields: of each layer, see `dse.text.cnn.receptive_fields`.
    """
    colours = list(COLOURS.values())
    figure, axis = plt.subplots(figsize=(9, 1.2 + 0.75 * len(fields)))
    for layer, (columns, stride, size) in enumerate(fields):
        for column in range(columns):
            start = stride * column
            if start < len(symbols):
                lane = layer + 0.86 * (column % 4) / 4 if size > 1 else layer + 0.3
                width = min(size, len(symbols) - start)
                axis.broken_barh(
                    [(start + 0.08, width - 0.16)], (lane, 0.17), color=colours[layer % 4]
                )
    axis.set_xticks(np.arange(len(symbols)) + 0.5, symbols, family="monospace", fontsize=8)
    names = [f"{field.columns} columns\nof {field.size}" for field in fields]
    axis.set_yticks(np.arange(len(fields)) + 0.4, names, fontsize=9)
    axis.tick_params(length=0)
    axis.set_xlim(0, len(symbols))
    _tidy(figure, legend=False)
    axis.grid(visible=False)
    return figure


def training_curve(histories: Mapping[str, "object"], column: str, ylabel: str) -> Figure:
    """A column of runs' histories against the step, averaged over 50 steps.

    Args:
        histories: name -> `Run.history`.
        column: `loss` or `batch_accuracy`.
        ylabel: of the axis.
    """
    smoothed = {
        name: table[column].rolling(50).mean().dropna() for name, table in histories.items()
    }
    return lines({n: (s.index, s.values) for n, s in smoothed.items()}, "step", ylabel)


def matrix(
    values: torch.Tensor | np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    colour_label: str,
    show_values: bool = True,
) -> Figure:
    """A matrix as coloured squares."""
    values = np.asarray(values)
    size = 0.62 if show_values else 0.3
    figure, axis = plt.subplots(
        figsize=(2.6 + size * len(columns), 1.2 + 0.8 * size * len(rows)), squeeze=True
    )
    image = axis.imshow(values, cmap="cividis", aspect="auto")
    axis.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=8.5)
    axis.set_yticks(range(len(rows)), rows, fontsize=8.5)
    if show_values:
        middle = (values.min() + values.max()) / 2
        for (i, j), value in np.ndenumerate(values):
            colour = "black" if value > middle else "white"
            axis.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=8, color=colour)
    figure.colorbar(image, ax=axis, label=colour_label)
    figure.tight_layout()
    plt.close(figure)
    return figure


def minibatch(
    images: Sequence[np.ndarray],
    captions: Sequence[str],
    matrices: Mapping[str, torch.Tensor | np.ndarray],
) -> Figure:
    """The pairs of a minibatch, one a row, and beside them matrices over images and texts.

    Args:
        images: B arrays uint8 (H, W, 3).
        captions: B texts; text i belongs to image i.
        matrices: title -> (B, B), rows are images and columns texts. The higher a value, the
            darker its square; a 0 is left empty.
    """
    size = len(images)
    widths = (0.6, 2.1, *[0.45 * size] * len(matrices))
    figure = plt.figure(figsize=(sum(widths), 0.6 * size + 0.5), layout="constrained")
    grid = figure.add_gridspec(size, len(widths), width_ratios=widths)
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        photo, text = (figure.add_subplot(grid[i, column]) for column in (0, 1))
        photo.imshow(image)
        wrapped = textwrap.fill(f"{i}: {caption}", 32)
        text.text(0, 0.5, wrapped, fontsize=8, verticalalignment="center")
        for axis in (photo, text):
            axis.axis("off")
    for column, (title, values) in enumerate(matrices.items(), start=2):
        values = np.asarray(values)
        axis = figure.add_subplot(grid[:, column])
        axis.imshow(values, cmap="Oranges", aspect="auto", vmax=1.4 * values.max() + 1e-9)
        for (i, j), value in np.ndenumerate(values):
            if value:
                figures = f"{round(float(value), 1) + 0.0:.1f}"  # without a minus for -0.0
                weight = "bold" if i == j else "normal"
                axis.text(j, i, figures, ha="center", va="center", fontsize=9, weight=weight)
        axis.set_title(title, fontsize=9)
        axis.set_xticks(range(size), [f"text {j}" for j in range(size)], fontsize=7.5)
        axis.set_yticks([])
        axis.tick_params(length=0)
        axis.spines[:].set_visible(False)
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.03, hspace=0, wspace=0)
    plt.close(figure)
    return figure


def named_points(
    x: Sequence[float],
    y: Sequence[float],
    names: Sequence[str],
    groups: Sequence[str],
    xlabel: str = "",
    ylabel: str = "",
    log_x: bool = False,
) -> Figure:
    """Points with their names, coloured by group; a name moves aside where it would hide another.

    Args:
        x: n numbers.
        y: n numbers.
        names: n words.
        groups: the group of each point; at most ten different ones.
        xlabel: of the axis; without it the axes have no numbers, as befits a map.
        ylabel: of the axis.
        log_x: draw x on a logarithmic axis.
    """
    figure, axis = plt.subplots(figsize=(9, 5.6))
    x, y, groups = np.asarray(x), np.asarray(y), np.asarray(groups)
    if log_x:
        axis.set_xscale("log")
    colours = dict(zip(dict.fromkeys(groups.tolist()), plt.get_cmap("tab10").colors, strict=False))
    for group, colour in colours.items():
        axis.scatter(x[groups == group], y[groups == group], s=14, color=colour, label=group)
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.margins(0.06)
    _tidy(figure, legend=True)
    if not xlabel:
        axis.set_xticks([])
        axis.set_yticks([])
    _name(axis, np.stack([x, y], 1), names, [colours[group] for group in groups])
    return figure


def _name(axis: plt.Axes, points: np.ndarray, names: Sequence[str], colours: Sequence) -> None:
    """Write a name beside each point, at the first place of several that is still free."""
    places = [(dx, dy) for d in (5, 10, 16, 24) for dy in (0, d, -d) for dx in (d, -d)]
    taken = [Bbox.from_bounds(*(place - 3), 6, 6) for place in axis.transData.transform(points)]
    for point, name, colour in zip(points, names, colours, strict=True):
        for dx, dy in places:
            side = "left" if dx > 0 else "right"
            style = {"fontsize": 8.5, "color": colour, "ha": side, "va": "center"}
            text = axis.annotate(name, point, (dx, dy), textcoords="offset points", **style)
            box = text.get_window_extent()
            if box.count_overlaps(taken) == 0 or (dx, dy) == places[-1]:
                taken.append(box)
                break
            text.remove()


def ranked_images(
    rows: Mapping[str, Sequence[tuple[np.ndarray, str]]], colours: Mapping[str, str]
) -> Figure:
    """Rows of images, best first, each framed in the colour of what it is.

    Args:
        rows: name of the row -> pairs of an image and what it is, as many in each row.
        colours: what an image can be -> its colour.
    """
    columns = len(next(iter(rows.values())))
    side = 9.5 / columns
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(9.5, len(rows) * (side + 0.25)), squeeze=False
    )
    for own, (name, row) in zip(axes, rows.items(), strict=True):
        own[0].set_ylabel(name, fontsize=9)
        for axis, (image, verdict) in zip(own, row, strict=True):
            axis.imshow(image)
            axis.set_title(verdict, fontsize=8.5, pad=3)
            axis.set_xticks([])
            axis.set_yticks([])
            axis.spines[:].set(color=colours[verdict], linewidth=4)
    figure.tight_layout(pad=0.5)
    plt.close(figure)
    return figure


def _tidy(figure: Figure, legend: bool) -> None:
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", color="#dddddd", linewidth=0.6)
        axis.set_axisbelow(True)
        if legend:
            longest = max(len(text) for text in axis.get_legend_handles_labels()[1])
            columns = 1 if longest > 30 else 5
            axis.legend(
                frameon=False, fontsize=9, ncols=columns, loc="lower left", bbox_to_anchor=(0, 1)
            )
    figure.tight_layout()
    plt.close(figure)

"""Charts of matrices and of texts: heat maps, receptive fields, maps of words."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from dse.plots.style import COLOURS, WIDTH, finished
from dse.text.cnn import ReceptiveField


def heatmap(
    values: torch.Tensor | np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
    numbers: bool = True,
) -> Figure:
    """A matrix as coloured squares: diverging from 0 where it has both signs.

    Args:
        values: (R, C).
        rows: R names; empty ones for none.
        columns: C names.
        label: of the colour bar; a matrix of 0s and 1s has none.
        numbers: write each value into its square, with two decimals.
    """
    values = np.asarray(values, dtype=float)
    height = 0.9 + (0.36 if numbers else 0.22) * len(values)
    figure, axis = plt.subplots(figsize=(WIDTH, min(height, 9)), layout="constrained")
    binary = set(np.unique(values)) <= {0.0, 1.0}
    _squares(axis, values, 2 if numbers else None, bar=not binary, label=label)
    _name_squares(axis, rows, columns)
    if binary:
        axis.set_title(label, loc="left")
    return finished(figure)


def heatmaps(
    matrices: Mapping[str, torch.Tensor | np.ndarray],
    rows: Sequence[str],
    columns: Sequence[str],
    digits: int = 1,
) -> Figure:
    """Small matrices of the same shape, two beside each other, on one scale; a 0 stays empty.

    Args:
        matrices: title -> (R, C), rows first.
        rows: R names.
        columns: C names.
        digits: decimals of the numbers.
    """
    arrays = {title: np.asarray(own, dtype=float) for title, own in matrices.items()}
    across = min(2, len(arrays))
    down = -(-len(arrays) // across)
    height = down * (0.95 + 0.34 * len(rows))
    figure, axes = plt.subplots(down, across, figsize=(WIDTH, height), squeeze=False)
    largest = max(np.abs(own).max() for own in arrays.values())
    signed = min(own.min() for own in arrays.values()) < 0
    for axis, (title, own) in zip(axes.flat, arrays.items(), strict=False):
        limits = {"vmin": -largest if signed else 0, "vmax": largest}
        _squares(axis, own, digits, bar=False, mask=own == 0, **limits)
        axis.set_title(
            textwrap.fill(title, 26, break_on_hyphens=False) if across > 1 else title, loc="left"
        )
        _name_squares(axis, rows if axis in axes[:, 0] else [], columns)
    for axis in axes.flat[len(arrays) :]:
        axis.set_visible(False)
    return finished(figure)


def fields_over_text(symbols: Sequence[str], fields: Sequence[ReceptiveField]) -> Figure:
    """What each column of each layer depends on: one band a column, above the symbols of a text.

    Args:
        symbols: characters or words.
        fields: of each layer, see `dse.text.cnn.receptive_fields`.
    """
    colours = list(COLOURS.values())
    figure, axis = plt.subplots(figsize=(WIDTH, 1.0 + 0.8 * len(fields)))
    for layer, (columns, stride, size) in enumerate(fields):
        for column in range(columns):
            start = stride * column
            if start < len(symbols):
                lane = layer + 0.86 * (column % 4) / 4 if size > 1 else layer + 0.3
                band = [(start + 0.08, min(size, len(symbols) - start) - 0.16)]
                axis.broken_barh(band, (lane, 0.17), color=colours[layer % 4])
    words = any(len(symbol) > 1 for symbol in symbols)
    turned = {"rotation": 40, "ha": "right"} if words else {"family": "monospace"}
    axis.set_xticks(np.arange(len(symbols)) + 0.5, symbols, **turned)
    names = [f"{field.columns} columns\nof {field.size}" for field in fields]
    axis.set_yticks(np.arange(len(fields)) + 0.4, names)
    axis.tick_params(length=0)
    axis.set_xlim(0, len(symbols))
    axis.grid(visible=False)
    return finished(figure)


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
    figure, axis = plt.subplots(figsize=(WIDTH, 5.2))
    x, y, groups = np.asarray(x), np.asarray(y), np.asarray(groups)
    if log_x:
        axis.set_xscale("log")
    colours = dict(zip(dict.fromkeys(groups.tolist()), sns.color_palette("dark"), strict=False))
    for group, colour in colours.items():
        axis.scatter(x[groups == group], y[groups == group], s=14, color=colour, label=group)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    axis.margins(0.1)
    if not xlabel:
        axis.set_xticks([])
        axis.set_yticks([])
        axis.grid(visible=False)
    finished(figure, legend=True)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # the names fill the room that there is, and move nothing
    _name(axis, np.stack([x, y], 1), names, [colours[group] for group in groups])
    return figure


def _squares(
    axis: Axes,
    values: np.ndarray,
    digits: int | None,
    bar: bool,
    label: str = "",
    mask: np.ndarray | None = None,
    **limits: float,
) -> None:
    signed = values.min() < 0 < values.max() or limits.get("vmin", 0) < 0
    colours = plt.get_cmap("vlag" if signed else "Blues")
    sns.heatmap(
        values,
        ax=axis,
        cmap=colours if digits is None else _lighter(colours, signed),
        center=0 if signed else None,
        cbar=bar,
        cbar_kws={"label": label} if bar else None,
        mask=mask,
        linewidths=0.5 if values.size < 2000 else 0,
        **limits,
    )
    if digits is not None:
        shown = np.ones_like(values, dtype=bool) if mask is None else ~mask
        style = {"fontsize": 10.5, "color": "black", "ha": "center", "va": "center"}
        for row, column in np.argwhere(shown):
            number = f"{values[row, column]:z.{digits}f}".replace("-", "\N{MINUS SIGN}")
            axis.text(column + 0.5, row + 0.5, number, **style)


def _lighter(colours: Colormap, signed: bool) -> Colormap:
    """The part of a colour map on which black numbers can be read, and white ones turned over."""
    ends = (0.22, 0.78) if signed else (0.0, 0.52)
    return ListedColormap(colours(np.linspace(*ends, 256)))


def _name_squares(axis: Axes, rows: Sequence[str], columns: Sequence[str]) -> None:
    inches = axis.get_position().width * WIDTH / max(len(columns), 1)
    fits = max(map(len, columns), default=0) * 0.08 < inches
    turned = {"rotation": 0} if fits else {"rotation": 40, "ha": "right"}
    axis.set_xticks(np.arange(len(columns)) + 0.5, columns, **turned)
    axis.set_yticks(np.arange(len(rows)) + 0.5, rows, rotation=0)
    axis.tick_params(length=0)
    axis.grid(visible=False)


def _name(axis: Axes, places: np.ndarray, names: Sequence[str], colours: Sequence) -> None:
    """Write a name beside each point, at the first place of several that is still free."""
    offsets = [(dx, dy) for d in (5, 10, 16, 24) for dy in (0, d, -d) for dx in (d, -d)]
    taken = [Bbox.from_bounds(*(place - 3), 6, 6) for place in axis.transData.transform(places)]
    for place, name, colour in zip(places, names, colours, strict=True):
        for dx, dy in offsets:
            side = "left" if dx > 0 else "right"
            style = {"fontsize": 10.5, "color": colour, "ha": side, "va": "center"}
            text = axis.annotate(name, place, (dx, dy), textcoords="offset points", **style)
            box = text.get_window_extent()
            if box.count_overlaps(taken) == 0 or (dx, dy) == offsets[-1]:
                taken.append(box)
                break
            text.remove()

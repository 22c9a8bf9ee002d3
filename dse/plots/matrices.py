"""Heat maps: matrices as coloured squares."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, ListedColormap
from matplotlib.figure import Figure

from dse.plots.style import WIDTH, finished


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

    A matrix with empty squares has a frame, which shows where it ends.

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
        axis.spines[:].set_visible(bool((own == 0).any()))
        axis.set_title(
            textwrap.fill(title, 26, break_on_hyphens=False) if across > 1 else title, loc="left"
        )
        _name_squares(axis, rows if axis in axes[:, 0] else [], columns)
    for axis in axes.flat[len(arrays) :]:
        axis.set_visible(False)
    return finished(figure)


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
        style = {"fontsize": 11, "color": "black", "ha": "center", "va": "center"}
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

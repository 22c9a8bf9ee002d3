"""Charts of numbers: bars, lines, dots, distributions, intervals."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from dse.plots.style import (
    COLOURS,
    GREY,
    INK,
    STYLE,
    STYLES,
    WIDTH,
    colours_of,
    encoder_of,
    finished,
)


def bars(
    values: Mapping[str, Sequence[float]],
    labels: Sequence[str],
    ylabel: str,
    chance: float | None = None,
    intervals: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Figure:
    """Groups of bars: one group a label, one bar a series; a dashed line at the chance level.

    Args:
        values: name -> a number for each label.
        labels: of the groups.
        ylabel: of the axis.
        chance: level that guessing reaches.
        intervals: name -> (lowest, highest) for each label, drawn as thin lines.
    """
    figure, axis = plt.subplots()
    width, colours = 0.8 / len(values), colours_of([*values])
    for i, (name, series) in enumerate(values.items()):
        at = np.arange(len(labels)) + (i - (len(values) - 1) / 2) * width
        drawn = axis.bar(at, series, width * 0.92, label=name, color=colours[name])
        if intervals:
            axis.vlines(at, *zip(*intervals[name], strict=True), color=INK, linewidth=1.2)
        elif len(labels) * len(values) <= 12:
            numbers = [f"{value:z.0f}".replace("-", "\N{MINUS SIGN}") for value in series]
            halo = [withStroke(linewidth=3, foreground="white")]  # the chance level may cross it
            axis.bar_label(drawn, numbers, padding=2, path_effects=halo, zorder=3)
    turned = {"rotation": 40, "ha": "right"} if sum(map(len, labels)) > 50 else {}
    axis.set_xticks(np.arange(len(labels)), labels, **turned)
    axis.set_ylabel(ylabel)
    axis.margins(y=0.12)
    return finished(figure, chance, legend=len(values) > 1)


def lines(
    series: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    xlabel: str,
    ylabel: str,
    chance: float | None = None,
) -> Figure:
    """Lines, each from (x values, y values); dashed is "char-cnn-rnn, 6,000 steps"."""
    figure, axis = plt.subplots()
    colours = colours_of([*series])
    for name, (x, y) in series.items():
        style = "-" if encoder_of(name) in (name, None) else "--"
        axis.plot(x, y, style, label=name, color=colours[name], linewidth=1.8)
    axis.set(xlabel=xlabel, ylabel=ylabel)
    return finished(figure, chance, legend=len(series) > 1)


def training_curve(histories: Mapping[str, pd.DataFrame], column: str, ylabel: str) -> Figure:
    """A column of runs' histories against the step, each point a mean over the last 50 steps.

    Args:
        histories: name -> `Run.history`.
        column: `loss` or `batch_accuracy`.
        ylabel: of the axis.
    """
    smoothed = {
        name: table[column].rolling(50, min_periods=1).mean().dropna()
        for name, table in histories.items()
    }
    return lines({n: (s.index, s.values) for n, s in smoothed.items()}, "step", ylabel)


def strip(
    values: Mapping[str, Sequence[float]], xlabel: str, chance: float | None = None
) -> Figure:
    """Numbers as dots, a row a name, with a bar at each mean: pairs of species, seeds.

    Args:
        values: name -> numbers.
        xlabel: of the axis.
        chance: level that guessing reaches; 0 is a line without a label.
    """
    values = {fill(name, 24): own for name, own in values.items()}
    figure, axis = plt.subplots(figsize=(WIDTH, 1.3 + 0.5 * len(values)))
    table = pd.DataFrame(
        [(name, x) for name, own in values.items() for x in own], columns=["", xlabel]
    )
    palette = colours_of([*values])
    style = {"x": xlabel, "y": "", "hue": "", "palette": palette, "legend": False, "ax": axis}
    sns.swarmplot(table, **style, size=5, alpha=0.75, warn_thresh=1, clip_on=False)
    means = table.groupby("", sort=False)[xlabel].mean()
    axis.scatter(means, means.index, marker="|", s=420, color=INK, zorder=3)
    return finished(figure, chance, vertical=True)


def histogram(values: Mapping[str, Sequence[float]], xlabel: str) -> Figure:
    """Distributions of numbers, each as a share of its own, in outline.

    Args:
        values: name -> numbers.
        xlabel: of the axis.
    """
    figure, axis = plt.subplots()
    table = pd.concat([pd.DataFrame({"x": own, "name": name}) for name, own in values.items()])
    palette = colours_of([*values])
    style = {"stat": "percent", "common_norm": False, "element": "step", "fill": len(values) == 1}
    sns.histplot(table, x="x", hue="name", palette=palette, legend=False, bins=40, ax=axis, **style)
    for name, colour in palette.items():
        axis.plot([], [], color=colour, label=name)
    axis.set(xlabel=xlabel, ylabel="share (%)")
    return finished(figure, legend=len(values) > 1)


def points(table: pd.DataFrame, xlabel: str, chance: float | None = None) -> Figure:
    """A point with its interval for each text encoder, a panel for each question.

    Rows that are of no encoder that `dse` knows have one colour, or beside those each their own.

    Args:
        table: with the columns `text_encoder` and `value`; `low` and `high` where there are
            intervals, `panel` where there is more than one, `chance` where each row has a level
            of its own.
        xlabel: of the axes.
        chance: level that guessing reaches, in all rows.
    """
    table = table if "panel" in table else table.assign(panel="")
    panels = list(table.panel.unique())
    names = list(table.text_encoder.unique())
    alike = dict.fromkeys(names, COLOURS["blue"])
    colours = colours_of(names) if any(map(encoder_of, names)) else alike
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    size = (WIDTH, 0.5 + down * (0.5 + 0.25 * len(names)))
    figure, axes = plt.subplots(down, across, figsize=size, squeeze=False, sharex=True, sharey=True)
    for axis, panel in zip(axes.flat, panels, strict=False):
        for row in table[table.panel == panel].itertuples():
            colour = colours[row.text_encoder]
            _, mark = STYLES.get(row.text_encoder, (colour, "o"))
            y = names.index(row.text_encoder)
            if "low" in table:
                axis.plot([row.low, row.high], [y, y], color=colour, linewidth=2)
            if "chance" in table:
                label = "chance level" if axis is axes[0, 0] and y == 0 else None
                axis.plot(row.chance, y, "|", ms=11, mew=2, color=GREY, label=label)
            axis.plot(row.value, y, mark, color=colour, markersize=6)
        axis.set_title(panel, loc="left")
        axis.set_yticks(range(len(names)), names)
        axis.tick_params(axis="x", labelbottom=True)
        axis.grid(visible=False, axis="y")
        if chance is not None:
            axis.axvline(chance, color=GREY, linestyle="--", linewidth=1)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel(xlabel, fontsize=STYLE["font.size"])
    finished(figure, legend="chance" in table)
    figure.get_layout_engine().set(h_pad=0.08, w_pad=0.08)  # the numbers of two panels do not meet
    return figure

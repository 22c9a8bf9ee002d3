"""One style for all charts, and one colour for each text encoder."""

from collections.abc import Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import seaborn as sns
from matplotlib.figure import Figure

WIDTH = 5.6
"""Inches: 540 pixels in the book, two thirds of that on a phone."""
INK, GREY = "#24303b", "#6b7680"
"""Of text and axes; of marks that belong to no encoder."""
COLOURS = {"blue": "#0072B2", "orange": "#CC7A00", "green": "#2A9D4B", "red": "#C8371B"}
STYLES = {
    "attributes": ("#555555", "*"),
    "word2vec": ("#2A9D4B", "v"),
    "word2vec-standardised": ("#0F766E", "<"),
    "bag-of-words": ("#CC7A00", "s"),
    "bag-of-bigrams": ("#504000", "p"),
    "char-cnn": ("#CC5FA0", "o"),
    "char-lstm": ("#6A7FDB", "D"),
    "char-cnn-rnn": ("#0072B2", "o"),
    "char-cnn-rnn-long": ("#2F5BD7", ">"),
    "char-cnn-rnn-icml-birds": ("#1B2F9E", "H"),
    "char-cnn-rnn-icml-flowers": ("#7A3BE0", "h"),
    "word-cnn": ("#C8371B", "^"),
    "word-lstm": ("#0E9AA7", "D"),
    "word-cnn-rnn": ("#8E44AD", "^"),
    "word-transformer": ("#8C564B", "P"),
    "sentence-vectors": ("#5D8A3A", "X"),
    "clip-text": ("#96003C", "d"),
}
"""Colour and mark of each text encoder; a colour stands out from white by at least 3 to 1."""
OTHERS = ("#D6249F", "#7F7F00", "#693C69", "#E5004F", "#005F6B", "#8700D2")
"""Of what stands beside text encoders and is none of `STYLES`: one of yours, for instance."""
ENCODER_COLOURS = {encoder: colour for encoder, (colour, _) in STYLES.items()}
STYLE = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.figsize": (WIDTH, 3.0),
    "font.size": 11,
    **dict.fromkeys(("axes.labelsize", "xtick.labelsize", "ytick.labelsize"), 11),
    "axes.titlesize": 11.5,
    "legend.fontsize": 11,
    "legend.frameon": False,
    "grid.color": "#dde1e5",
    "grid.linewidth": 0.7,
    "svg.hashsalt": "dse",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
WHOLE_NUMBERS = {"nbins": "auto", "integer": True, "steps": [1, 2, 5, 10]}
"""Of the numbers along an axis, as `Axes.locator_params` takes it."""


def use_style() -> None:
    """Give all figures of a notebook the book's style, as SVG."""
    sns.set_theme(style="ticks", palette=list(COLOURS.values()), rc=STYLE)
    try:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:  # not in a notebook
        return
    set_matplotlib_formats("svg", metadata={"Date": None})


def encoder_of(name: str) -> str | None:
    """The text encoder that a series is of, also if it is called "char-cnn, 6,000 steps"."""
    encoder = name.partition(",")[0]
    return encoder if encoder in STYLES else None


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """The colour of each series: its text encoder's own, or one that no encoder beside it has.

    Example:
        >>> colours_of(["char-cnn-rnn", "mine"]), colours_of(["right", "wrong"])
        ({'char-cnn-rnn': '#0072B2', 'mine': '#D6249F'}, {'right': '#0072B2', 'wrong': '#CC7A00'})
    """
    others = [name for name in names if encoder_of(name) is None]
    palette = cycle(COLOURS.values() if len(others) == len(names) else OTHERS)
    return {
        name: next(palette) if name in others else ENCODER_COLOURS[encoder_of(name)]
        for name in names
    }


def finished(
    figure: Figure, chance: float | None = None, legend: bool = False, vertical: bool = False
) -> Figure:
    """Draw the chance level and the legend, set the layout, and close the figure."""
    axis = figure.axes[0]
    if chance is not None:
        draw = axis.axvline if vertical else axis.axhline
        label = "chance level" if chance else None
        draw(chance, color=GREY, linestyle="--", linewidth=1, label=label)
    axis.set_axisbelow(True)
    handles, names = axis.get_legend_handles_labels()
    if legend or (handles and chance is not None):
        order = sorted(range(len(names)), key=lambda i: names[i] == "chance level")
        longest = max(map(len, names))
        columns = 1 if longest > 24 else 4 if longest < 10 else 3
        figure.legend(
            [handles[i] for i in order],
            [names[i] for i in order],
            ncols=columns,
            loc="outside upper left",
        )
    figure.set_layout_engine("constrained")
    plt.close(figure)
    return figure

"""An explanation as a figure: the caption, coloured by evidence, beside the image."""

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dse.explanation.page import AGAINST, EMPTY, FOR, STRONGEST, strongest, total, unread
from dse.utils.files import written_whole

if TYPE_CHECKING:
    from dse.explanation import Explanation

COLUMNS = 56
"""Characters in a line."""
LONGEST = 10 * COLUMNS
"""Characters that are drawn; the encoders read fewer."""
CHARACTER, LINE = 0.105, 0.27
"""Width of a character and height of a line, in inches."""


def _tint(colour: tuple[int, int, int]) -> tuple[float, ...]:
    """The strongest colour of the pages on white."""
    return tuple(1 - STRONGEST * (1 - value / 255) for value in colour)


EVIDENCE = LinearSegmentedColormap.from_list("evidence", [_tint(AGAINST), (1, 1, 1), _tint(FOR)])
"""From orange (against) to blue (for)."""


def explanation_figure(explanation: "Explanation") -> Figure:
    """The caption in a fixed-width font, coloured by evidence, beside the image.

    The font has Latin, Greek and Cyrillic letters; others are drawn as boxes. HTML shows them.

    Chapter: 5, CNN-RNN.
    """
    caption = explanation.caption[:LONGEST] or EMPTY
    places = wrapped(caption, COLUMNS)
    lines = places[-1][0] + 1
    side = 0.0 if explanation.image is None else 2.4
    text = LINE * lines
    width, height = COLUMNS * CHARACTER + side + 0.6, max(text + 1.35, side + 0.4)
    figure = Figure(figsize=(width, height), facecolor="white")

    def axes(left: float, top: float, width_: float, height_: float) -> Axes:
        """Axes at a place in inches, from the figure's top left corner."""
        box = (left / width, 1 - (top + height_) / height, width_ / width, height_ / height)
        return figure.add_axes(box)

    left = side + 0.4 if side else 0.3
    if side:
        photo = axes(0.2, 0.2, side, side)
        photo.imshow(explanation.image)
        photo.set_anchor("NW")
        photo.axis("off")
    words = axes(left, 0.2, COLUMNS * CHARACTER, text)
    words.set(xlim=(0, COLUMNS), ylim=(lines, 0))
    words.axis("off")
    scale = Normalize(-(strongest(explanation) or 1), strongest(explanation) or 1)
    _write(words, caption, places, explanation, scale)
    if strongest(explanation):
        bar = axes(left + 1.2, text + 0.4, 1.4, 0.14)
        bar.imshow([[0, 0.5, 1]], cmap=EVIDENCE, aspect="auto", interpolation="bilinear")
        bar.axis("off")
        style = {"transform": bar.transAxes, "va": "center", "fontsize": 9}
        bar.text(-1.2 / 1.4, 0.5, f"against {scale.vmin:.2g}", **style)
        bar.text(1.08, 0.5, f"for {scale.vmax:+.2g} (each {explanation.unit})", **style)
    about = f"{total(explanation)}\n{explanation.text_encoder}, {explanation.method}"
    where = (left / width, 1 - (text + 0.75) / height)
    figure.text(*where, about, va="top", fontsize=9, linespacing=1.5, parse_math=False)
    return figure


def write_png(explanation: "Explanation", path: Path) -> None:
    """Write the figure of an explanation as a PNG file."""
    with written_whole(path) as partial, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph", UserWarning)  # drawn as a box
        explanation_figure(explanation).savefig(partial, format="png", dpi=160)


def wrapped(text: str, columns: int) -> list[tuple[int, int]]:
    """The line and the column of each character, if lines break between words.

    Example:
        >>> wrapped("a red bird", 6)[5:]  # the space, then the word in the next line
        [(0, 5), (1, 0), (1, 1), (1, 2), (1, 3)]
    """
    places, line, column = [], 0, 0
    for word in re.findall(r"\S+|\s", text):
        if column and column + len(word) > columns and not word.isspace():
            line, column = line + 1, 0
        for _ in word:
            if column == columns:
                line, column = line + 1, 0
            places.append((line, column))
            column += 1
    return places


def _write(
    axis: Axes,
    caption: str,
    places: list[tuple[int, int]],
    explanation: "Explanation",
    scale: Normalize,
) -> None:
    for token in explanation.tokens:
        for line, column in places[token.start : token.end]:
            colour = EVIDENCE(scale(token.evidence))
            axis.add_patch(Rectangle((column, line + 0.06), 1, 0.88, color=colour, linewidth=0))
    read = len(explanation.caption) - len(unread(explanation))
    style = {"family": "monospace", "fontsize": 11, "ha": "center", "va": "center"}
    for i, (symbol, (line, column)) in enumerate(zip(caption, places, strict=True)):
        if symbol.isprintable():
            colour = "black" if i < read else "grey"
            axis.text(column + 0.5, line + 0.5, symbol, color=colour, parse_math=False, **style)

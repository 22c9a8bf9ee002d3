"""The charts can be read: colours on the page, letters on a phone."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from dse import plots
from dse.plots.style import COLOURS, GREY, INK, OTHERS, STYLE, STYLES, WIDTH
from dse.text import TEXT_ENCODERS

PHONE = 358
"""Pixels of a page's text at a phone's width of 390."""


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast_with_white(colour):
    return 1.05 / (luminance(colour) + 0.05)


def test_text_and_marks_stand_out_from_the_ground():
    assert min(map(contrast_with_white, (INK, GREY))) >= 4.5
    marks = [colour for colour, _ in STYLES.values()] + [*COLOURS.values(), *OTHERS]
    assert min(map(contrast_with_white, marks)) >= 3


def test_every_encoder_has_a_colour_of_its_own():
    assert set(STYLES) == set(TEXT_ENCODERS)
    assert len({*plots.ENCODER_COLOURS.values(), *OTHERS}) == len(STYLES) + len(OTHERS)


def test_letters_are_nine_pixels_high_on_a_phone():
    sizes = [
        value for key, value in STYLE.items() if key.endswith("size") and key != "figure.figsize"
    ]
    assert min(sizes) * 96 / 72 * PHONE / (WIDTH * 96) >= 9


@pytest.fixture
def styled():
    with plt.rc_context(STYLE):
        yield


def numbers():
    return {"bag-of-words": [40.0, 60.0], "char-cnn": [90.0, 80.0]}


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.bars(numbers(), ["top-1", "pairs"], "share (%)", chance=50),
        lambda: plots.lines({"bag-of-words": ([0, 1], [2, 3])}, "step", "loss"),
        lambda: plots.strip(numbers(), "share (%)", chance=50),
        lambda: plots.histogram(numbers(), "characters"),
        lambda: plots.heatmap(np.eye(3) - 0.5, list("abc"), list("abc"), "score"),
        lambda: plots.heatmaps({"a": np.eye(3), "b": 2 * np.eye(3)}, list("abc"), list("abc")),
    ],
    ids=["bars", "lines", "strip", "histogram", "heatmap", "heatmaps"],
)
def test_no_letter_is_smaller_than_the_style_says(styled, draw):
    figure = draw()
    figure.canvas.draw()
    texts = [text for axis in figure.axes for text in axis.findobj(plt.Text) if text.get_text()]
    assert texts and min(text.get_fontsize() for text in texts) >= STYLE["font.size"]
    assert figure.get_figwidth() == WIDTH


TURN_HUES = np.array([[-0.574, 1.43, 0.144], [0.426, 0.43, 0.144], [0.426, 1.43, -0.856]])
"""The matrix of CSS's hue-rotate(180deg)."""
DARK_PAGE = 0x12 / 255


def in_the_dark_theme(colour):
    """What book.css makes of a colour: turned over, its hue kept, added to the page."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    turned = np.clip(TURN_HUES @ (1 - np.array([red, green, blue])), 0, 1)
    return to_hex(1 - (1 - turned) * (1 - DARK_PAGE))


@pytest.mark.parametrize("lowest", [-3.0, 0.1])
def test_the_numbers_of_a_heat_map_can_be_read_in_both_themes(lowest):
    values = np.linspace(lowest, 3, 48).reshape(6, 8)
    for draw in (
        plots.heatmap(values, list("abcdef"), list("abcdefgh"), "score"),
        plots.heatmaps({"scores": values}, list("abcdef"), list("abcdefgh")),
    ):
        draw.canvas.draw()
        axis = draw.axes[0]
        squares = [to_hex(colour) for colour in axis.collections[0].get_facecolors()]
        numbers = {to_hex(text.get_color()) for text in axis.texts}
        for seen in (str, in_the_dark_theme):
            grounds = [luminance(seen(square)) for square in squares]
            inks = [luminance(seen(number)) for number in numbers]
            ratios = [(max(a, b) + 0.05) / (min(a, b) + 0.05) for a in grounds for b in inks]
            assert min(ratios) >= 4.5

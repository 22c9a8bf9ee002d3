"""The charts can be read: colours on the page, letters on a phone."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from dse import plots
from dse.plots.style import COLOURS, GREY, INK, STYLE, STYLES, WIDTH
from dse.reproduction.cells import BASELINES, MODERN_ENCODERS, PAPER_ENCODERS

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
    marks = [colour for colour, _ in STYLES.values()] + list(COLOURS.values())
    assert min(map(contrast_with_white, marks)) >= 3


def test_every_encoder_has_a_colour_of_its_own():
    assert set(STYLES) == {*PAPER_ENCODERS, *BASELINES, *MODERN_ENCODERS}
    assert len(set(plots.ENCODER_COLOURS.values())) == len(STYLES)


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

"""Explanations as PNG: any caption is drawn, without a warning."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dse.explanation import explain
from dse.explanation.plots import EVIDENCE, explanation_figure, wrapped, write_png
from dse.images.views import image_size, read_image
from explained_runs import a_feature, untrained

CAPTIONS = ["", "a red bird", "$x^ \\frac{ _{ a $ red", "鳥は赤い 🐦 птица\n\t\x00", "red " * 900]


@pytest.mark.parametrize("caption", CAPTIONS, ids=range(len(CAPTIONS)))
def test_any_caption_is_drawn(caption, tmp_path):
    why = explain(untrained("char-cnn-rnn"), caption, a_feature())
    write_png(why, tmp_path / "why.png")
    width, height = image_size(tmp_path / "why.png")
    assert width > 800 and height > 150


def test_the_strongest_word_has_the_full_colour_and_the_image_stands_beside(tmp_path):
    run, green = untrained("bag-of-words"), (10, 200, 30)
    why = explain(run, "a red bird", a_feature(), image=Image.new("RGB", (60, 40), green))
    write_png(why, tmp_path / "why.png")
    pixels = np.asarray(read_image(tmp_path / "why.png")).reshape(-1, 3)
    strongest = max(why.terms, key=lambda term: abs(term.evidence))
    colour = np.round(255 * np.array(EVIDENCE(float(strongest.evidence > 0))[:3]))
    assert (abs(pixels - colour) <= 1).all(1).sum() > 500
    assert (pixels == green).all(1).sum() > 10_000


def test_a_figure_says_the_score_and_the_encoder():
    why = explain(untrained("word-lstm"), "a red bird", a_feature())
    figure = explanation_figure(why)
    (text,) = [text.get_text() for text in figure.texts]
    assert f"score {why.score:.4g}" in text and "word-lstm, exact" in text


@given(st.text(max_size=200), st.integers(1, 30))
def test_each_character_has_a_place_of_its_own_in_order(text, columns):
    places = wrapped(text, columns)
    assert len(places) == len(text)
    assert places == sorted(set(places))
    assert all(0 <= column < columns for _, column in places)

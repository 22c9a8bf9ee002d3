"""The drawings of FieldGuide: repeatable, mirrored, the same at any resolution, honest."""

from dataclasses import replace

import numpy as np
import pytest

from dse.datasets.fieldguide.chance import stream
from dse.datasets.fieldguide.drawing import draw_bird
from dse.datasets.fieldguide.species import COLOURED_PARTS, draw_attributes
from dse.datasets.fieldguide.view import COVERED, sample_view

VISIBLY_DIFFERENT = 40
"""Grey levels, of 255, by which a channel must change for a reader to notice."""


def changed_pixels(bird, view, attribute, one, other):
    """Where two birds that differ in one attribute look different: bool (128, 128)."""
    images = [draw_bird({**bird, attribute: value}, view).astype(int) for value in (one, other)]
    return np.abs(images[0] - images[1]).max(2) > VISIBLY_DIFFERENT


def middle(mask):
    """Mean (row, column) of the True pixels."""
    return np.argwhere(mask).mean(0)


def test_an_image_does_not_depend_on_what_was_drawn_before():
    bird, view = draw_attributes(stream(1)), sample_view(stream(2))
    first = draw_bird(bird, view)
    draw_bird(draw_attributes(stream(3)), sample_view(stream(4)), size=64)
    assert np.array_equal(first, draw_bird(bird, view))


def test_a_view_needs_nothing_of_a_generator_but_random():
    class OnlyRandom:
        def __init__(self, rng):
            self.random = rng.random

    assert sample_view(OnlyRandom(stream(2))) == sample_view(stream(2))


def test_another_seed_alone_makes_another_image():
    bird, view = draw_attributes(stream(1)), sample_view(stream(2))
    other = draw_bird(bird, replace(view, seed=view.seed + 1))
    assert np.abs(draw_bird(bird, view).astype(int) - other).mean() > 2


def test_hidden_follows_from_the_cover_and_holds_no_coloured_part():
    view = sample_view(stream(2))
    for cover, attributes in COVERED.items():
        hidden = replace(view, cover=cover).hidden
        assert hidden == set(attributes)
        assert not hidden & set(COLOURED_PARTS)


def test_a_close_view_leaves_the_legs_out():
    """A foot may still show at the edge of a few images, so the average is what counts."""
    seen = {"": 0, "close": 0}
    for seed in range(16):
        bird, view = draw_attributes(stream(3, seed)), sample_view(stream(4, seed))
        for cover in seen:
            shown = replace(view, cover=cover)
            seen[cover] += changed_pixels(bird, shown, "leg_colour", "black", "pink").sum()
    assert seen["close"] < 0.25 * seen[""]


@pytest.mark.parametrize(
    ("attribute", "one", "other"),
    [("leg_colour", "black", "pink"), ("bill_colour", "black", "orange")],
)
def test_an_attribute_that_is_not_hidden_can_be_seen(attribute, one, other):
    for seed in range(8):
        bird = draw_attributes(stream(3, seed))
        view = replace(sample_view(stream(4, seed)), cover="")
        assert changed_pixels(bird, view, attribute, one, other).sum() >= 20


@pytest.mark.parametrize("part", COLOURED_PARTS)
def test_a_part_is_as_different_as_its_colours(part):
    """Changed pixels change by a lot: shading never makes two colours alike."""
    for seed in range(6):
        bird, view = draw_attributes(stream(5, seed)), sample_view(stream(6, seed))
        red = draw_bird({**bird, part: "red"}, view).astype(int)
        blue = draw_bird({**bird, part: "blue"}, view).astype(int)
        difference = np.abs(red - blue).max(2)
        assert difference[difference > 8].mean() > 60


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_mirrored_bird_looks_to_the_left(mirrored):
    bird = draw_attributes(stream(1))
    view = replace(sample_view(stream(2)), mirrored=mirrored, cover="")
    bill = middle(changed_pixels(bird, view, "bill_colour", "black", "orange"))
    wings = middle(changed_pixels(bird, view, "wings", "black", "yellow"))
    assert (bill[1] < wings[1]) == mirrored


def test_parts_lie_where_a_bird_has_them():
    bird = draw_attributes(stream(1))
    view = replace(sample_view(stream(2)), mirrored=False, tilt=0.0, head_angle=0.0, cover="")
    crown, nape, back, breast, belly, _ = (
        middle(changed_pixels(bird, view, part, "black", "yellow")) for part in COLOURED_PARTS
    )
    assert crown[0] < nape[0] < back[0] < belly[0]
    assert back[1] < nape[1] < breast[1]


def test_a_species_size_shows():
    bird, view = draw_attributes(stream(1)), replace(sample_view(stream(2)), cover="")
    areas = [
        changed_pixels({**bird, "size": size}, view, "wings", "black", "yellow").sum()
        for size in ("small", "medium", "large")
    ]
    assert areas[0] < areas[1] < areas[2]


def test_a_larger_image_shows_the_same_bird():
    bird, view = draw_attributes(stream(1)), sample_view(stream(2))
    small = draw_bird(bird, view).astype(float)
    large = draw_bird(bird, view, size=256).astype(float)
    reduced = large.reshape(128, 2, 128, 2, 3).mean((1, 3))
    assert np.abs(small - reduced).mean() < 4

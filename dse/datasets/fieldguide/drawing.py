"""Draws the birds of FieldGuide, one image from one species' attributes and one view."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dse.datasets.fieldguide import scenery
from dse.datasets.fieldguide.anatomy import Build, outline, smooth
from dse.datasets.fieldguide.canvas import (
    blurred,
    disc_mask,
    hex_colour,
    paint,
    polygon_mask,
    shade,
    stroke_mask,
)
from dse.datasets.fieldguide.chance import stream
from dse.datasets.fieldguide.view import View

PLUMAGE = {
    "black": "2e2d33", "white": "f3f0e8", "brown": "80552f", "red": "bf3527",
    "yellow": "ecc03c", "blue": "3b6fb6",
}  # fmt: skip
BILL = {"black": "37342f", "yellow": "e3b437", "orange": "dd742a", "grey": "8c8d90"}
LEGS = {"black": "3b3733", "yellow": "dcaa35", "pink": "dc9a93", "grey": "8d8b88"}
EYE_RING = {"white": "faf8f2", "yellow": "f2cf3d"}
PROPORTIONS = {  # head scale, body length, scale on the canvas
    "small": (1.16, 0.92, 0.355),
    "medium": (1.0, 1.0, 0.38),
    "large": (0.88, 1.08, 0.405),
}


def draw_bird(attributes: Mapping[str, str], view: View, size: int = 128) -> np.ndarray:
    """Draw one image.

    Args:
        attributes: a value for each of `species.ATTRIBUTES`.
        view: how the image is taken.
        size: S, the side of the image in pixels.

    Returns:
        uint8 (S, S, 3). The same on every machine to within one grey level.

    Example:
        >>> from dse.datasets.fieldguide.species import draw_attributes
        >>> from dse.datasets.fieldguide.view import sample_view
        >>> bird = draw_attributes(stream(1))
        >>> draw_bird(bird, sample_view(stream(2)), size=64).shape
        (64, 64, 3)
    """
    build = _build(attributes, view)
    image = scenery.paint_background(size, view.background, view.seed)
    scenery.paint_perch(image, view.perch, build.place, view.seed)
    colours = {part: hex_colour(PLUMAGE[attributes[part]]) for part in _PARTS}
    _paint_tail(image, build, attributes["tail_shape"], colours["wings"])
    _paint_legs(image, build, hex_colour(LEGS[attributes["leg_colour"]]))
    body = polygon_mask(size, build(outline("body")))
    if attributes["crest"] == "crested":
        crest = polygon_mask(size, build(outline("crest")))
        paint(image, colours["crown"] * np.float32(0.9), crest)
    paint(image, _plumage(size, build, colours, view.seed), body)
    _paint_feathers(image, build, body, view.seed)
    _light_body(image, body, view)
    _paint_wing(image, build, attributes["wing_pattern"], colours["wings"], view)
    _paint_bill(image, build, attributes)
    _paint_eye(image, build, attributes["eye_ring"])
    if view.cover in _COVER_PLACES:
        place = build(np.array([_COVER_PLACES[view.cover]]))[0]
        scenery.paint_foreground(image, tuple(place), view.seed)
    return _developed(image, view)


_PARTS = ("crown", "nape", "back", "breast", "belly", "wings")
_FRAME = 0.97
"""The share of the image's width that the longest bird fills."""

_COVER_PLACES = {"legs": (0.0, 0.74), "tail": (-0.98, 0.70), "bill": (0.92, -0.52)}


def _build(attributes: Mapping[str, str], view: View) -> Build:
    """The bird's proportions, posture and place: all of it in the frame, or from close by."""
    head_scale, length, scale = PROPORTIONS[attributes["size"]]
    scale *= view.zoom
    build = Build(head_scale, length, view.head_angle, view.tilt, view.mirrored, scale, (0.0, 0.0))
    if view.cover == "close":  # the head and the breast fill the frame, the feet are below it
        build = replace(build, scale=1.35 * scale)
        middle, feet = build(np.array([[0.32, 0.0]]))[0, 0], 1.12
        return replace(build, place=(0.5 - middle + view.shift[0], feet))
    tail = outline("tail", attributes["tail_shape"])
    reach = build(np.concatenate([tail, _bill_outline(attributes)]))[:, 0]
    width = reach.max() - reach.min()
    fitting = min(1.0, _FRAME / width)
    build = replace(build, scale=scale * fitting)
    middle = fitting * (reach.min() + reach.max()) / 2
    free = (1 - fitting * width) / 2
    shift = min(max(view.shift[0], -free), free)
    return replace(build, place=(0.5 - middle + shift, 0.85 + view.shift[1]))


def _plumage(size: int, build: Build, colours: Mapping[str, np.ndarray], seed: int) -> np.ndarray:
    """The colours of the body without light: the back, then the other parts with ragged edges."""
    plumage = np.broadcast_to(colours["back"], (size, size, 3)).copy()
    ragged = 3.0 * scenery.paper_grain(size)
    layers = (
        ("belly", colours["belly"]),
        ("breast", colours["breast"]),
        ("face", colours["breast"] * np.float32(0.93)),
        ("nape", colours["nape"]),
        ("crown", colours["crown"]),
    )
    for name, colour in layers:
        soft = blurred(polygon_mask(size, build(outline(name))), 0.007)
        paint(plumage, colour, np.clip((soft - 0.5 + ragged * soft * (1 - soft)) * 3 + 0.5, 0, 1))
    variation = 1 + np.float32(0.10) * (stream(seed, 4).random(3).astype(np.float32) - 0.5)
    return plumage * variation


def _paint_feathers(image: np.ndarray, build: Build, body: np.ndarray, seed: int) -> None:
    """Short strokes along the body, some darker and some lighter than what is under them."""
    rng = stream(seed, 5)
    for factor in (0.88, 1.12):
        starts = np.column_stack([1.35 * rng.random(46) - 0.65, 1.3 * rng.random(46) - 0.75])
        strokes = starts[:, None] + np.array([[0.0, 0.0], [-0.05, 0.045], [-0.11, 0.075]])
        strokes = build(strokes.reshape(-1, 2)).reshape(strokes.shape)
        shade(image, factor, stroke_mask(len(image), strokes, 0.008) * body)


def _light_body(image: np.ndarray, body: np.ndarray, view: View) -> None:
    """Light and shadow on the body, from the slope of its blurred silhouette."""
    side = -view.light if view.mirrored else view.light
    relief = blurred(body, 0.045)
    down, right = np.gradient(relief * np.float32(len(body)))
    slope = -(np.float32(0.75) * down * -1 + np.float32(0.5 * side) * right)
    shade(image, 1.04 - np.float32(0.055) * np.clip(-slope, -6, 6) * -1, body)
    shade(image, 0.80 + 0.2 * np.clip(relief * 1.6 - 0.35, 0, 1), body)


def _paint_tail(image: np.ndarray, build: Build, shape: str, colour: np.ndarray) -> None:
    points = build(outline("tail", shape))
    mask = polygon_mask(len(image), points)
    paint(image, colour * np.float32(0.84), mask)
    quills = []
    for spread in (-0.05, 0.0, 0.05):
        line = [[-0.62, 0.42 + spread], [-0.88, 0.61 + 1.2 * spread], [-1.14, 0.80 + 1.5 * spread]]
        quills.append(build(smooth(np.array(line), closed=False)))
    shade(image, 0.72, stroke_mask(len(image), quills, 0.006) * mask)


def _paint_legs(image: np.ndarray, build: Build, colour: np.ndarray) -> None:
    size = len(image)
    legs, toes = [], []
    for hip, foot in ((-0.10, -0.05), (0.14, 0.10)):
        legs.append(build(np.array([[hip, 0.52], [hip - 0.03, 0.68], [foot, 0.86]])))
        for reach in (-0.07, 0.06, 0.11):
            toes.append(
                build(np.array([[foot, 0.85], [foot + reach, 0.875 + 0.02 * (reach > 0.1)]]))
            )
    width = 0.042 * build.scale
    paint(image, colour, stroke_mask(size, legs, width))
    paint(image, colour * np.float32(0.9), stroke_mask(size, toes, width))
    shade(image, 0.72, stroke_mask(size, [leg + 0.012 * build.scale for leg in legs], 0.3 * width))


def _paint_wing(
    image: np.ndarray, build: Build, pattern: str, colour: np.ndarray, view: View
) -> None:
    """The folded wing: shadow, colour, coverts, flight feathers, and its bars or spots."""
    size = len(image)
    wing = polygon_mask(size, build(outline("wing")))
    below = polygon_mask(size, build(outline("wing") + np.array([-0.01, 0.05])))
    shade(image, 0.72, blurred(below, 0.010) * (1 - wing))
    paint(image, colour, wing)
    relief = blurred(wing, 0.03)
    down, _ = np.gradient(relief * np.float32(size))
    shade(image, 1.02 + np.float32(0.03) * np.clip(down, -6, 6), wing)

    light_wing = float(colour.mean()) > 0.6
    quills = [build(np.array(line)) for line in _QUILLS]
    shade(image, 0.80 if light_wing else 0.68, stroke_mask(size, quills, 0.006) * wing)
    edges = [build(np.array(line) + np.array([0.0, 0.022])) for line in _QUILLS]
    shade(image, 1.05 if light_wing else 1.22, stroke_mask(size, edges, 0.005) * wing)
    coverts = [build(smooth(np.array(line), closed=False)) for line in _COVERTS]
    shade(image, 0.86 if light_wing else 0.78, stroke_mask(size, coverts, 0.007) * wing)

    marking = hex_colour("5b4a3c" if light_wing else "f4ecd8")
    if pattern == "barred":
        bars = [build(smooth(np.array(bar), closed=False)) for bar in _BARS]
        paint(image, marking, stroke_mask(size, bars, 0.062 * build.scale) * wing)
    elif pattern == "spotted":
        spots = build(np.array(_SPOTS))
        radii = np.full(len(spots), 0.030 * build.scale)
        paint(image, marking, disc_mask(size, spots, radii) * wing)


_QUILLS = (
    ((-0.02, 0.24), (-0.40, 0.34), (-0.84, 0.53)),
    ((-0.10, 0.17), (-0.42, 0.29), (-0.78, 0.48)),
    ((-0.16, 0.10), (-0.40, 0.22), (-0.68, 0.41)),
    ((-0.18, 0.04), (-0.36, 0.15), (-0.58, 0.32)),
)
_COVERTS = (
    ((0.15, -0.05), (0.11, 0.07), (0.02, 0.14), (-0.06, 0.26)),
    ((0.00, -0.07), (-0.02, 0.04), (-0.12, 0.13), (-0.20, 0.28)),
)
_BARS = (
    ((0.07, -0.09), (0.06, 0.06), (-0.02, 0.17), (-0.06, 0.34)),
    ((-0.11, -0.03), (-0.12, 0.10), (-0.21, 0.20), (-0.26, 0.37)),
)
_SPOTS = (
    (0.14, 0.03), (0.15, 0.15), (0.08, 0.23), (0.03, 0.09), (0.00, -0.02), (-0.06, 0.20),
    (-0.13, 0.08), (-0.18, 0.26), (-0.26, 0.15), (-0.31, 0.30), (-0.40, 0.23), (-0.46, 0.35),
)  # fmt: skip


def _paint_bill(image: np.ndarray, build: Build, attributes: Mapping[str, str]) -> None:
    size, shape = len(image), attributes["bill_shape"]
    length, depth = _bill_size(attributes)
    start = _BILL_START
    colour = hex_colour(BILL[attributes["bill_colour"]])
    mask = polygon_mask(size, build(_bill_outline(attributes)))
    paint(image, colour, mask)
    tip = {"conical": 0.06, "dagger": 0.02, "hooked": 0.14, "curved": 0.46}[shape]
    middle = {"curved": -0.02}.get(shape, 0.0)
    gape = np.array([[0.0, 0.0], [0.5 * length, middle * depth], [length, tip * depth]])
    lower = smooth(start + gape, closed=False)
    shade(image, 0.68, stroke_mask(size, [build(lower)], 0.018 * build.scale * 1.6) * mask)
    shine = build(lower[: len(lower) // 2] + np.array([0.02, -0.07 * depth / 0.26]))
    shade(image, 1.2, stroke_mask(size, [shine], 0.03 * build.scale) * mask)


def _bill_size(attributes: Mapping[str, str]) -> tuple[float, float]:
    """Length and depth of the bill in the bird's coordinates."""
    return (
        0.22 if attributes["bill_length"] == "short" else 0.44,
        0.30 if attributes["bill_shape"] in ("conical", "hooked") else 0.26,
    )


def _bill_outline(attributes: Mapping[str, str]) -> np.ndarray:
    shape = outline("bill", attributes["bill_shape"])
    return _BILL_START + shape * np.array(_bill_size(attributes))


_BILL_START = np.array([0.725, -0.525])


def _paint_eye(image: np.ndarray, build: Build, ring: str) -> None:
    size = len(image)
    centre = build(np.array([[0.585, -0.565]]))
    glint = centre + np.array([[-0.012, -0.018]]) * build.scale
    radius = 0.048 * build.scale * build.head_scale**0.5
    if ring == "none":
        shade(image, 0.72, disc_mask(size, centre, np.array([1.35 * radius])))
    else:
        paint(image, hex_colour(EYE_RING[ring]), disc_mask(size, centre, np.array([1.65 * radius])))
    paint(image, hex_colour("17130f"), disc_mask(size, centre, np.array([radius])))
    paint(image, hex_colour("ffffff"), disc_mask(size, glint, np.array([0.36 * radius])))


def _developed(image: np.ndarray, view: View) -> np.ndarray:
    """Brightness, warmth and paper grain; then to bytes."""
    tint = np.array([1 + 0.035 * view.warmth, 1.0, 1 - 0.045 * view.warmth], dtype=np.float32)
    grain = 1 + np.float32(0.14) * scenery.paper_grain(len(image))
    image = image * (np.float32(view.brightness) * tint) * grain[..., None]
    return (np.clip(image, 0, 1) * np.float32(255) + np.float32(0.5)).astype(np.uint8)

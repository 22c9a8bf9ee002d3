"""Painting with soft masks: polygons to masks, colours over colours, all in float32.

An image is float32 (S, S, 3), 0 to 1. A mask is float32 (S, S), 0 where nothing is painted. Shapes
are in canvas coordinates, 0 to 1, and rounded to 1/64 of a pixel before they are filled, so that
machines whose sines differ in the last digit paint the same.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SUPERSAMPLING = 3


def hex_colour(code: str) -> np.ndarray:
    """`"c0392b"` -> float32 (3,), 0 to 1."""
    return np.frombuffer(bytes.fromhex(code), dtype=np.uint8).astype(np.float32) / np.float32(255)


def polygon_mask(size: int, *shapes: np.ndarray) -> np.ndarray:
    """Filled polygons, each float64 (P, 2), with smooth edges."""

    def fill(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]]) -> None:
        draw.polygon(points, fill=255)

    return _rasterised(size, shapes, fill, margin=1)


def stroke_mask(size: int, lines: Sequence[np.ndarray], width: float) -> np.ndarray:
    """Open lines, each float64 (P, 2), with a width in canvas sides."""
    pixels = max(1, round(width * size * SUPERSAMPLING))

    def stroke(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]]) -> None:
        draw.line(points, fill=255, width=pixels, joint="curve" if pixels > 2 else None)

    return _rasterised(size, lines, stroke, margin=pixels // SUPERSAMPLING + 2)


def disc_mask(size: int, centres: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Discs at centres (n, 2) with radii (n,), in canvas sides."""
    corners = np.stack([centres - radii[:, None], centres + radii[:, None]], axis=1)

    def fill(draw: ImageDraw.ImageDraw, points: list[tuple[float, float]]) -> None:
        draw.ellipse(points, fill=255)

    return _rasterised(size, corners, fill, margin=1)


def blurred(mask: np.ndarray, radius: float) -> np.ndarray:
    """A mask blurred by a radius in canvas sides."""
    size = len(mask)
    image = Image.fromarray((mask * np.float32(255) + np.float32(0.5)).astype(np.uint8))
    image = image.filter(ImageFilter.GaussianBlur(radius * size))
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def paint(image: np.ndarray, colour: np.ndarray, mask: np.ndarray) -> None:
    """Lay a colour, (3,) or (S, S, 3), over an image where the mask says."""
    box = _painted_box(mask)
    colour = colour[box] if colour.ndim == 3 else colour
    image[box] += mask[box][..., None] * (colour - image[box])


def shade(image: np.ndarray, factor: float | np.ndarray, mask: np.ndarray) -> None:
    """Multiply an image by a factor, or a map (S, S) of factors, where the mask says."""
    box = _painted_box(mask)
    factor = factor[box] if isinstance(factor, np.ndarray) else np.float32(factor)
    image[box] *= (1 + mask[box] * (factor - 1))[..., None]


def _painted_box(mask: np.ndarray) -> tuple[slice, slice]:
    """The smallest rows and columns that hold all of the mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _rasterised(
    size: int,
    shapes: Sequence[np.ndarray],
    draw_one: Callable[[ImageDraw.ImageDraw, list[tuple[float, float]]], None],
    margin: int,
) -> np.ndarray:
    """Draw shapes, supersampled, in the rectangle that they need of the whole canvas."""
    mask = np.zeros((size, size), dtype=np.float32)
    points = np.concatenate([np.asarray(shape) for shape in shapes]) * size
    left, top = np.maximum(np.floor(points.min(0)).astype(int) - margin, 0)
    right, bottom = np.minimum(np.ceil(points.max(0)).astype(int) + margin, size)
    if left >= right or top >= bottom:
        return mask
    canvas = Image.new("L", ((right - left) * SUPERSAMPLING, (bottom - top) * SUPERSAMPLING))
    draw = ImageDraw.Draw(canvas)
    origin = np.array([left, top])
    for shape in shapes:
        pixels = np.round((shape * size - origin) * (SUPERSAMPLING * 64)) / 64
        draw_one(draw, [tuple(point) for point in pixels.tolist()])
    reduced = np.asarray(canvas.reduce(SUPERSAMPLING), dtype=np.float32)
    mask[top:bottom, left:right] = reduced / np.float32(255)
    return mask

"""What is around the bird: a background out of focus, something to sit on, something in the way."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image

from dse.datasets.fieldguide.anatomy import smooth
from dse.datasets.fieldguide.canvas import (
    blurred,
    disc_mask,
    hex_colour,
    paint,
    polygon_mask,
    shade,
    stroke_mask,
)
from dse.datasets.fieldguide.chance import pick, stream


@dataclass(frozen=True)
class Background:
    """Colours from the top to the bottom, and of the soft lights in it."""

    gradient: tuple[str, ...]
    lights: tuple[str, ...]


BACKGROUNDS = {
    "sky": Background(("a9c9de", "c9dde6", "e6ebe6"), ("ffffff", "d9e8ee", "bcd3de")),
    "foliage": Background(("93ac78", "7f9c68", "a8b98a"), ("c8d6a0", "6f8f5c", "dfe3b8", "8fae7a")),
    "reeds": Background(("d6cda8", "c4b88c", "a9a274"), ("e9e0bd", "b3a874", "978f62")),
    "sand": Background(("dcd8cc", "e4d8bf", "d2bd97"), ("f1e8d4", "c9b48e")),
    "snow": Background(("cdd8e2", "e3e9ee", "f4f5f5"), ("ffffff", "c3d0dc")),
    "water": Background(("b5c8c9", "8fb0b5", "7da1a9"), ("d5e2e0", "6f959e", "a9c4c6")),
    "dusk": Background(("b7a6bd", "dcb9ab", "efd2a8"), ("f5dfb8", "a993b4", "e5b99f")),
}
PERCHES = ("branch", "branch", "twig", "post", "rock", "ground")
_BARK = ("8a7460", "76614c", "9a8873", "6d5d52")
_LEAF = ("7f9a4e", "98ab5c", "5f8047", "a8a04e")
_STONE = ("a3a09a", "8f8c88", "b5ada0")
_WOOD = ("a39a8c", "8d8272")


@cache
def paper_grain(size: int) -> np.ndarray:
    """Fine soft noise around 0, float32 (size, size)."""
    noise = stream(77, size).random((size, size)).astype(np.float32)
    smooth_noise = blurred(noise, 0.8 / size)
    return smooth_noise - smooth_noise.mean()


def paint_background(size: int, kind: str, seed: int) -> np.ndarray:
    """A background out of focus: float32 (size, size, 3). Painted small, then enlarged."""
    rng = stream(seed, 1)
    scene = BACKGROUNDS[kind]
    small = 48
    colours = np.stack([hex_colour(code) for code in scene.gradient])
    rows = np.linspace(0, len(colours) - 1, small)
    lower = np.minimum(rows.astype(int), len(colours) - 2)
    share = (rows - lower).astype(np.float32)[:, None]
    column = colours[lower] * (1 - share) + colours[lower + 1] * share
    image = np.repeat(column[:, None], small, axis=1).copy()
    for _ in range(4):
        centres = rng.random((3, 2)) * 1.2 - 0.1
        radii = 0.05 + 0.17 * rng.random(3)
        mask = blurred(disc_mask(small, centres, radii), 0.035 + 0.04 * rng.random())
        paint(image, hex_colour(pick(rng, scene.lights)), mask * np.float32(0.75))
    if kind == "reeds":
        stems = [
            np.array([[x, 1.1], [x + 0.12 * (rng.random() - 0.5), -0.1]]) for x in rng.random(9)
        ]
        mask = blurred(stroke_mask(small, stems, 0.035), 0.02)
        paint(image, hex_colour("8b8352"), mask * np.float32(0.45))
    enlarged = Image.fromarray((image * 255 + 0.5).astype(np.uint8)).resize(
        (size, size), Image.Resampling.BICUBIC
    )
    return np.asarray(enlarged, dtype=np.float32) / np.float32(255)


def paint_perch(image: np.ndarray, kind: str, feet: tuple[float, float], seed: int) -> None:
    """Paint what the bird sits on; its upper side passes just under the feet."""
    rng = stream(seed, 2)
    size, (x, y) = len(image), feet
    if kind in ("branch", "twig"):
        _paint_branch(image, x, y, 0.035 if kind == "branch" else 0.018, rng)
    elif kind == "post":
        half = 0.10
        shape = np.array([[x - half, y], [x + half, y - 0.01], [x + half, 1.1], [x - half, 1.1]])
        _paint_solid(image, polygon_mask(size, shape), pick(rng, _WOOD), (x - half, x + half))
        grain = [np.array([[x + d, y + 0.02], [x + d * 1.02, 1.1]]) for d in (-0.06, -0.01, 0.05)]
        shade(image, 0.82, stroke_mask(size, grain, 0.006))
    elif kind == "rock":
        low = 0.30 + 0.15 * rng.random()
        shape = np.array(
            [[x - low, 1.1], [x - 0.8 * low, y + 0.09], [x - 0.25, y + 0.012], [x, y],
             [x + 0.22, y + 0.02], [x + 0.9 * low, y + 0.11], [x + 1.1 * low, 1.1]]
        )  # fmt: skip
        mask = polygon_mask(size, smooth(shape, closed=False))
        _paint_solid(image, mask, pick(rng, _STONE), (x - low, x + low))
        shade(image, 1 + 1.2 * paper_grain(size), mask)
    else:
        left, right = y + 0.05 * (rng.random() - 0.5), y + 0.05 * (rng.random() - 0.5)
        shape = np.array([[-0.1, left], [x, y], [1.1, right], [1.1, 1.1], [-0.1, 1.1]])
        mask = polygon_mask(size, smooth(shape[:3], closed=False), shape)
        colour = hex_colour(pick(rng, ("b9a582", "a8936e", "93a06a", "c2b59b")))
        paint(image, colour, blurred(mask, 0.012))
        pebbles = np.column_stack([rng.random(14), y + 0.03 + (1 - y) * rng.random(14)])
        shade(image, 0.86, disc_mask(size, pebbles, 0.004 + 0.012 * rng.random(14)))
        shadow = disc_mask(
            size, np.array([[x, y + 0.012], [x - 0.05, y + 0.016]]), np.full(2, 0.05)
        )
        shade(image, 0.75, blurred(shadow, 0.02))


def paint_foreground(image: np.ndarray, place: tuple[float, float], seed: int) -> None:
    """Paint leaves out of focus, close to the eye, over a place of the image."""
    rng = stream(seed, 3)
    size = len(image)
    colour = hex_colour(pick(rng, _LEAF))
    for _ in range(3):
        angle = 6.283 * rng.random()
        at = np.array(place) + 0.03 * (rng.random(2) - 0.5)
        leaf = _leaf(at - 0.1 * np.array([np.cos(angle), np.sin(angle)]), angle, 0.24)
        paint(
            image,
            colour * np.float32(0.85 + 0.3 * rng.random()),
            blurred(polygon_mask(size, leaf), 0.012),
        )


def _paint_branch(
    image: np.ndarray, x: float, y: float, thickness: float, rng: np.random.Generator
) -> None:
    size = len(image)
    slope = 0.5 * (rng.random() - 0.5)
    bend = 0.06 * (rng.random() - 0.5)
    ends = np.array([[-0.15, y + slope * (-0.15 - x) + bend], [x - 0.18, y - 0.18 * slope],
                     [x, y], [x + 0.18, y + 0.18 * slope],
                     [1.15, y + slope * (1.15 - x) - bend]])  # fmt: skip
    line = smooth(ends + np.array([0, thickness / 2]), closed=False)
    side_start = line[int(len(line) * (0.15 + 0.2 * rng.random()))]
    if rng.random() < 0.5:
        side_start = line[-1 - int(len(line) * (0.12 + 0.2 * rng.random()))]
    reach = np.array([0.22 * (1 if side_start[0] > x else -1), -0.14 + 0.34 * rng.random()])
    side = smooth(
        np.stack([side_start, side_start + 0.5 * reach + [0, 0.02], side_start + reach]),
        closed=False,
    )
    colour = hex_colour(pick(rng, _BARK))
    leaf_colour = hex_colour(pick(rng, _LEAF))
    leaves = [
        _leaf(
            side[-1 - 4 * k],
            float(np.arctan2(reach[1], reach[0])) + turn,
            0.10 + 0.05 * rng.random(),
        )
        for k, turn in ((0, 0.2), (1, 0.9), (2, -0.8))
    ]
    mask = stroke_mask(size, [side], 0.4 * thickness)
    paint(image, colour * np.float32(0.9), mask)
    mask = stroke_mask(size, [line], thickness)
    paint(image, colour, mask)
    lit = stroke_mask(size, [line - np.array([0, 0.28 * thickness])], 0.3 * thickness)
    shade(image, 1.18, lit * mask)
    dark = stroke_mask(size, [line + np.array([0, 0.32 * thickness])], 0.36 * thickness)
    shade(image, 0.74, dark * mask)
    for leaf in leaves:
        paint(image, leaf_colour * np.float32(0.85 + 0.3 * rng.random()), polygon_mask(size, leaf))
        shade(image, 0.8, stroke_mask(size, [leaf[[0, len(leaf) // 2]]], 0.006))


def _paint_solid(image: np.ndarray, mask: np.ndarray, code: str, span: tuple[float, float]) -> None:
    """Paint something round: lit from the upper left, darker towards its right edge."""
    paint(image, hex_colour(code), mask)
    left, right = span
    across = (np.linspace(0, 1, len(image), dtype=np.float32) - left) / (right - left)
    shade(image, np.broadcast_to(1.14 - 0.4 * np.clip(across, 0, 1), mask.shape), mask)


def _leaf(base: np.ndarray, angle: float, length: float) -> np.ndarray:
    """A pointed leaf that grows from a point."""
    along = np.array([np.cos(angle), np.sin(angle)]) * length
    across = np.array([-along[1], along[0]]) * 0.2
    points = [
        base, base + 0.3 * along + across, base + 0.65 * along + 0.8 * across, base + along,
        base + 0.65 * along - 0.8 * across, base + 0.3 * along - across,
    ]  # fmt: skip
    return smooth(np.stack(points), tension=0.4)

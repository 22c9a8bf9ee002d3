"""The shapes of a bird, as smooth outlines in its own coordinates.

The bird looks to the right; x runs forwards, y down; its body is about two units long. `Build` then
gives it the proportions of its size and the posture of a view, and places it on the canvas.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

HEAD = np.array([0.50, -0.52])
NECK = np.array([0.26, -0.22])
FEET = np.array([0.02, 0.86])

_BODY = (
    (0.745, -0.60), (0.66, -0.745), (0.50, -0.80), (0.33, -0.745), (0.22, -0.60), (0.13, -0.42),
    (-0.04, -0.24), (-0.30, -0.02), (-0.56, 0.22), (-0.76, 0.40), (-0.70, 0.50), (-0.50, 0.53),
    (-0.25, 0.60), (0.02, 0.60), (0.30, 0.48), (0.52, 0.25), (0.62, -0.02), (0.645, -0.22),
    (0.70, -0.37), (0.755, -0.47),
)  # fmt: skip
_CROWN = (
    (0.86, -0.575), (0.72, -0.60), (0.56, -0.615), (0.40, -0.60), (0.27, -0.56), (0.16, -0.66),
    (0.26, -0.86), (0.50, -0.92), (0.74, -0.82),
)  # fmt: skip
_NAPE = (
    (0.42, -0.62), (0.41, -0.52), (0.35, -0.42), (0.29, -0.31), (0.20, -0.19), (0.04, -0.19),
    (-0.12, -0.27), (-0.04, -0.47), (0.12, -0.64), (0.24, -0.66),
)  # fmt: skip
_BREAST = (
    (0.76, -0.44), (0.60, -0.42), (0.42, -0.46), (0.24, -0.32), (0.12, -0.14), (0.12, 0.06),
    (0.26, 0.26), (0.40, 0.31), (0.58, 0.36), (0.80, 0.20), (0.84, -0.20),
)  # fmt: skip
_FACE = (
    (0.86, -0.60), (0.70, -0.63), (0.52, -0.64), (0.40, -0.60), (0.38, -0.46), (0.40, -0.30),
    (0.60, -0.28), (0.84, -0.36),
)  # fmt: skip
_BELLY = (
    (0.70, 0.22), (0.52, 0.19), (0.34, 0.16), (0.14, 0.16), (-0.10, 0.22), (-0.36, 0.34),
    (-0.60, 0.44), (-0.84, 0.50), (-0.70, 0.72), (-0.10, 0.80), (0.45, 0.66), (0.70, 0.44),
)  # fmt: skip
_WING = (
    (0.24, 0.02), (0.25, 0.13), (0.18, 0.24), (0.06, 0.31), (-0.16, 0.34), (-0.42, 0.39),
    (-0.68, 0.47), (-0.90, 0.57), (-0.78, 0.45), (-0.55, 0.30), (-0.30, 0.12), (-0.06, -0.04),
    (0.10, -0.07),
)  # fmt: skip
_TAIL = {
    "square": ((-0.60, 0.30), (-1.14, 0.73), (-1.20, 0.82), (-1.12, 0.90), (-0.52, 0.52)),
    "rounded": (
        (-0.60, 0.30), (-1.02, 0.62), (-1.20, 0.78), (-1.21, 0.90), (-1.06, 0.91), (-0.52, 0.52),
    ),
    "forked": (
        (-0.60, 0.30), (-1.26, 0.68), (-1.33, 0.73), (-1.00, 0.73), (-1.20, 1.00), (-1.17, 1.02),
        (-0.52, 0.52),
    ),
    "pointed": ((-0.60, 0.30), (-1.00, 0.65), (-1.38, 1.01), (-0.96, 0.82), (-0.52, 0.52)),
}  # fmt: skip
_BILL = {  # for a bill of length 1 that starts at (0, 0); the height is half a unit at the base
    "conical": ((0.0, -0.55), (0.55, -0.30), (1.0, 0.06), (0.55, 0.34), (0.0, 0.50)),
    "dagger": ((0.0, -0.30), (0.5, -0.17), (1.0, 0.02), (0.5, 0.16), (0.0, 0.26)),
    "hooked": (
        (0.0, -0.42), (0.5, -0.42), (0.9, -0.26), (1.04, 0.42), (0.82, 0.14), (0.4, 0.26),
        (0.0, 0.36),
    ),
    "curved": (
        (0.0, -0.30), (0.4, -0.30), (0.8, -0.06), (1.0, 0.46), (0.74, 0.24), (0.4, 0.08),
        (0.0, 0.22),
    ),
}  # fmt: skip
_CREST = (
    (0.70, -0.73), (0.50, -0.88), (0.26, -1.00), (0.02, -1.06), (0.14, -0.92), (0.04, -0.86),
    (0.20, -0.76), (0.30, -0.64), (0.50, -0.66),
)  # fmt: skip

SHARP = ("bill", "tail", "crest")
"""Outlines with corners: straight lines between their points."""


@cache
def outline(name: str, kind: str = "") -> np.ndarray:
    """An outline in the bird's own coordinates: float64 (P, 2)."""
    points = {
        "body": _BODY, "crown": _CROWN, "nape": _NAPE, "breast": _BREAST, "belly": _BELLY,
        "wing": _WING, "crest": _CREST, "face": _FACE,
    }.get(name) or {"tail": _TAIL, "bill": _BILL}[name][kind]  # fmt: skip
    return smooth(np.array(points), tension=0.5 if name not in SHARP else 0.18)


def smooth(points: np.ndarray, tension: float = 0.5, closed: bool = True) -> np.ndarray:
    """A cardinal spline through points, eight steps between two of them."""
    if closed:
        before, after = np.roll(points, 1, 0), np.roll(points, -1, 0)
    else:
        before = np.concatenate([points[:1], points[:-1]])
        after = np.concatenate([points[1:], points[-1:]])
    slopes = tension * (after - before)
    t = (np.arange(8) / 8)[:, None, None]
    start, end = points, after
    start_slope, end_slope = slopes, np.roll(slopes, -1, 0)
    curve = (
        (2 * t**3 - 3 * t**2 + 1) * start
        + (t**3 - 2 * t**2 + t) * start_slope
        + (-2 * t**3 + 3 * t**2) * end
        + (t**3 - t**2) * end_slope
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, 2)
    return curve if closed else np.concatenate([curve[:-8], points[-1:]])


@dataclass(frozen=True)
class Build:
    """Proportions, posture and place: the bird's coordinates -> canvas coordinates, 0 to 1.

    Attributes:
        head_scale: size of the head against the body.
        length: stretch of the body along its axis.
        head_angle: radians by which the head is raised (negative) or lowered.
        tilt: radians by which the whole bird leans forwards.
        mirrored: the bird looks to the left.
        scale: canvas sides per unit of the bird.
        place: canvas coordinates of the feet.
    """

    head_scale: float
    length: float
    head_angle: float
    tilt: float
    mirrored: bool
    scale: float
    place: tuple[float, float]

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Place points of the bird, float64 (P, 2), on the canvas."""
        # The head turns and grows about the neck; the share of a point falls off below the neck.
        share = _smoothstep((points - NECK) @ np.array([0.35, -0.94]) / 0.34)[:, None]
        turned = NECK + self.head_scale * _rotate(points - NECK, self.head_angle)
        points = points + share * (turned - points)
        points = points * np.array([self.length, 1.0]) - FEET
        points = _rotate(points, self.tilt)
        if self.mirrored:
            points = points * np.array([-1.0, 1.0])
        return points * self.scale + np.array(self.place)


def _rotate(points: np.ndarray, angle: float) -> np.ndarray:
    cos, sin = np.cos(angle), np.sin(angle)
    return points @ np.array([[cos, sin], [-sin, cos]])


def _smoothstep(x: np.ndarray) -> np.ndarray:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)

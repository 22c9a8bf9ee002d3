"""How an image is taken: posture, place, light, background, and what is in the way."""

from dataclasses import dataclass

import numpy as np

from dse.datasets.fieldguide.chance import pick
from dse.datasets.fieldguide.scenery import BACKGROUNDS, PERCHES

COVERED = {
    "": (),
    "legs": ("leg_colour",),
    "tail": ("tail_shape",),
    "bill": ("bill_shape", "bill_length", "bill_colour"),
    "close": ("tail_shape", "leg_colour"),
}
"""What may be in the way (or, for `close`, out of the frame), and the attributes it hides."""

_COVERS = ("",) * 12 + ("legs",) * 3 + ("tail",) * 2 + ("bill",) + ("close",) * 2


@dataclass(frozen=True)
class View:
    """How one image is taken: the bird's posture, the place, the light, what is in the way.

    Attributes:
        mirrored: the bird looks to the left.
        tilt: radians by which it leans forwards.
        head_angle: radians by which its head is lowered.
        zoom: size in the image against the usual one.
        shift: displacement from the middle, in image sides.
        light: where the light comes from, -1 (behind the bird) to 1 (before it).
        brightness: factor on all colours.
        warmth: from -1 (blue light) to 1 (yellow light).
        background: a key of `scenery.BACKGROUNDS`.
        perch: one of `scenery.PERCHES`.
        cover: a key of `COVERED`.
        seed: of the details: leaves, feathers, clouds.
    """

    mirrored: bool
    tilt: float
    head_angle: float
    zoom: float
    shift: tuple[float, float]
    light: float
    brightness: float
    warmth: float
    background: str
    perch: str
    cover: str
    seed: int

    @property
    def hidden(self) -> frozenset[str]:
        """The attributes that the image does not show; never one of the coloured parts."""
        return frozenset(COVERED[self.cover])


def sample_view(rng: np.random.Generator) -> View:
    """A random view, every choice from `rng.random()`."""

    def between(low: float, high: float) -> float:
        return low + (high - low) * float(rng.random())

    return View(
        mirrored=rng.random() < 0.5,
        tilt=between(-0.30, 0.38),
        head_angle=between(-0.22, 0.22),
        zoom=between(0.90, 1.08),
        shift=(between(-0.05, 0.05), between(-0.03, 0.05)),
        light=between(-1.0, 1.0),
        brightness=between(0.88, 1.06),
        warmth=between(-1.0, 1.0),
        background=pick(rng, tuple(BACKGROUNDS)),
        perch=pick(rng, PERCHES),
        cover=pick(rng, _COVERS),
        seed=int(rng.random() * 2**31),
    )

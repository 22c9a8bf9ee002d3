"""Random choices that are the same on every machine: all of them come from `Generator.random()`."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Option = TypeVar("Option")


def stream(*key: int) -> np.random.Generator:
    """The random numbers of one thing (a species, an image), whatever else is drawn before it."""
    return np.random.default_rng(key)


def happens(rng: np.random.Generator, probability: float) -> bool:
    """True with the given probability."""
    return bool(rng.random() < probability)


def pick(rng: np.random.Generator, options: Sequence[Option]) -> Option:
    """One of the options, each equally likely; repeat an option to make it likelier."""
    return options[int(rng.random() * len(options))]


def shuffled(rng: np.random.Generator, options: Sequence[Option]) -> list[Option]:
    """The options in random order."""
    return [options[i] for i in np.argsort(rng.random(len(options)), kind="stable")]

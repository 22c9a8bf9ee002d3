"""How sure a figure is: the bootstrap over test classes."""

from functools import cache

import numpy as np

RESAMPLES = 2000
COVERAGE = 95
"""Percent of the resampled figures that an interval holds."""


def resampled_means(
    values: np.ndarray, weights: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """The figures that other test classes of the same kind might have given.

    Each resample draws C classes with replacement and takes the weighted mean of their values. The
    classes of a resample are the same for every row of values and every call with the same C and
    seed, so that the difference of two figures is a paired one. A class keeps the figure that it
    had among all classes: what is resampled is which classes enter the mean, not the task.

    Args:
        values: (..., C), one value a class.
        weights: (C,): the number of pictures for top-1, which counts pictures; ones for precision.
        resamples: R.
        seed: of the draws.

    Returns:
        (..., R).

    Source: Efron 1979. Chapter: 6, zero-shot results.

    Example:
        >>> resampled_means(np.array([0.5, 0.5]), np.array([10, 30]), resamples=3).tolist()
        [0.5, 0.5, 0.5]
    """
    counted = _times_drawn(len(weights), resamples, seed) * weights
    return values @ (counted / counted.sum(1, keepdims=True)).T


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled figures: (low, high).

    Example:
        >>> interval(np.arange(1001))
        (25.0, 975.0)
    """
    tail = (100 - COVERAGE) / 2
    low, high = np.percentile(resampled, [tail, 100 - tail])
    return float(low), float(high)


@cache
def _times_drawn(classes: int, resamples: int, seed: int) -> np.ndarray:
    """How often each class is drawn in each resample, (R, C)."""
    drawn = np.random.default_rng(seed).integers(classes, size=(resamples, classes))
    return np.stack([np.bincount(row, minlength=classes) for row in drawn])

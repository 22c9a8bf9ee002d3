"""How sure a figure is: the bootstrap over test classes."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from scipy.stats import rankdata

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
        weights: (C,): the number of images for top-1, which counts images; ones for precision.
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


def spearman(fixed: Sequence[float], resampled: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of one column with each of many.

    A column in which all values are equal has no order: its correlation counts as 0.

    Args:
        fixed: E values.
        resampled: (E, R).

    Returns:
        (R,), each -1 to 1.

    Example:
        >>> spearman([1, 2, 3], np.array([[10, 9], [20, 5], [30, 1]])).round(9).tolist()
        [1.0, -1.0]
    """
    one, many = rankdata(fixed), rankdata(resampled, axis=0)
    one, many = one - one.mean(), many - many.mean(0)
    scale = np.linalg.norm(one) * np.linalg.norm(many, axis=0)
    return np.divide(one @ many, scale, out=np.zeros_like(scale), where=scale > 0)


@cache
def _times_drawn(classes: int, resamples: int, seed: int) -> np.ndarray:
    """How often each class is drawn in each resample, (R, C)."""
    drawn = np.random.default_rng(seed).integers(classes, size=(resamples, classes))
    return np.stack([np.bincount(row, minlength=classes) for row in drawn])

"""How sure a figure is: the bootstrap over seeds and test units, p values, Holm's correction."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.stats import rankdata

RESAMPLES = 100_000
BLOCK = 20_000
"""Resamples that are computed at a time. All draws are kept, a byte for each resample and unit."""
COVERAGE = 95
"""Percent of the resampled figures that an interval holds."""


def resampled_means(
    values: np.ndarray,
    weights: np.ndarray,
    units: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    seed: int | Sequence[int] = 0,
) -> np.ndarray:
    """The figures that other seeds and other test classes of the same kind might have given.

    A paired bootstrap with two levels. Each resample draws U of the U test units and S of the S
    seeds, with replacement, and takes the mean over what it drew: over the classes of the units by
    weight, over the seeds evenly. The draws depend on U, S and `seed` alone, so figures that are
    resampled by separate calls are still paired. A class keeps the figure that it had among all
    classes: what is resampled is which classes enter the mean, not the task.

    One seed cannot be resampled; the spread between seeds is then unknown and left out. With two or
    three the bootstrap underestimates it: its variance is that of the seeds times (S - 1) / S.

    Args:
        values: (..., S, C), one value a seed and class.
        weights: (C,): the number of images for top-1, which counts images; ones for precision.
        units: int (C,), 0 to U - 1, the unit of each class. Classes that depend on each other, as
            FieldGuide's confusable pairs do, are one unit. None: each class is its own.
        resamples: R, how many.
        seed: of the draws.

    Returns:
        (..., R).

    Source: Efron 1979. Chapter: 7, birds.

    Example:
        >>> resampled_means(np.array([[0.5, 0.5]]), np.array([10, 30]), resamples=3).tolist()
        [0.5, 0.5, 0.5]
    """
    of_unit = np.eye(len(weights)) if units is None else np.eye(max(units) + 1)[units]
    sums, sizes = (values * weights) @ of_unit, weights @ of_unit
    seeds = values.shape[-2]
    drawn_units = _times_drawn(len(sizes), resamples, (*np.atleast_1d(seed), 0))
    drawn_seeds = _times_drawn(seeds, resamples, (*np.atleast_1d(seed), 1))
    blocks = []
    for start in range(0, resamples, BLOCK):
        of_block = slice(start, start + BLOCK)
        times = drawn_units[:, of_block].astype(float)
        means = (sums @ times) / (sizes @ times)
        blocks.append((means * drawn_seeds[:, of_block]).sum(-2) / seeds)
    return np.concatenate(blocks, axis=-1)


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled figures: (low, high).

    Example:
        >>> interval(np.arange(1001))
        (25.0, 975.0)
    """
    return interval_of_smallest(np.asarray(resampled)[None])


def interval_of_smallest(differences: np.ndarray) -> tuple[float, float]:
    """An interval, (low, high), for the smallest of K differences.

    The smallest of many noisy differences lies below the smallest true one, so the middle of its
    resampled values would be too low. Instead: the lowest lower end of the K intervals, and the
    lowest upper end of K intervals that are as wide as Bonferroni asks. It leaves out 0 where
    `p_value` is below 0.05.

    Args:
        differences: (K, R), resampled.
    """
    tail = (100 - COVERAGE) / 2
    low, high = np.percentile(differences, [tail, 100 - tail / len(differences)], axis=1).min(1)
    return float(low), float(high)


def p_value(differences: np.ndarray) -> float:
    """Two-sided p value of the claim that the smallest of K differences is above 0.

    Of one difference: twice the smaller share of resamples on either side of 0, both counts plus
    one. Of several: the claim holds only if each difference is above 0, so the largest of their
    p values counts; it is reversed if any of them is below, so the smallest counts, times K.

    Args:
        differences: (K, R), resampled.

    Returns:
        2 / (R + 1) to 1.

    Source: Davison and Hinkley 1997, section 4.2; Berger 1982 for several. Chapter: 7, birds.

    Example:
        >>> p_value(np.array([[3.0, 2.0, -1.0, 4.0, 5.0, 1.0, 2.0]]))
        0.5
    """
    pairs, resamples = differences.shape
    not_above = ((differences <= 0).sum(1) + 1) / (resamples + 1)
    not_below = ((differences >= 0).sum(1) + 1) / (resamples + 1)
    return min(1.0, 2 * float(min(not_above.max(), pairs * not_below.min())))


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given.

    Calling all claims with an adjusted value below 0.05 decided is wrong about even one of them
    with a probability of at most 5 %, however the claims depend on each other.

    Source: Holm 1979. Chapter: 7, birds.

    Example:
        >>> [round(p, 9) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    order = p.argsort(kind="stable")
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1).tolist()


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


@lru_cache(maxsize=4)
def _times_drawn(things: int, resamples: int, seed: tuple[int, ...]) -> np.ndarray:
    """How often each of some things is drawn in each resample, (things, R)."""
    generator = np.random.default_rng(seed)
    counts = np.empty((things, resamples), np.min_scalar_type(things))
    for start in range(0, resamples, BLOCK):
        size = min(BLOCK, resamples - start)
        places = generator.integers(things, size=(size, things)) + things * np.arange(size)[:, None]
        own = np.bincount(places.ravel(), minlength=size * things)
        counts[:, start : start + size] = own.reshape(size, things).T
    return counts

"""The bootstrap over classes against a literal one, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from dse.reproduction.intervals import interval, resampled_means, spearman

shares = st.lists(st.floats(0, 1), min_size=2, max_size=12)


@given(shares, st.integers(0, 1000))
def test_equals_a_literal_bootstrap(values, seed):
    weights = np.arange(1, len(values) + 1)
    draws = np.random.default_rng(seed).integers(len(values), size=(20, len(values)))
    expected = [
        sum(values[c] * weights[c] for c in draw) / sum(weights[c] for c in draw) for draw in draws
    ]
    resampled = resampled_means(np.array(values), weights, resamples=20, seed=seed)
    assert resampled == pytest.approx(expected)


@given(shares)
def test_stays_within_the_values_and_repeats_itself(values):
    values, weights = np.array(values), np.ones(len(values))
    resampled = resampled_means(values, weights)
    assert len(resampled) == 2000
    assert values.min() - 1e-9 <= resampled.min() <= resampled.max() <= values.max() + 1e-9
    assert (resampled == resampled_means(values, weights)).all()


@given(shares, st.floats(0.01, 0.5))
def test_a_constant_lead_has_no_uncertainty_because_differences_are_paired(values, lead):
    values, weights = np.array(values), np.ones(len(values))
    difference = resampled_means(values + lead, weights) - resampled_means(values, weights)
    assert interval(difference) == pytest.approx((lead, lead))


def test_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(300):
        sample = rng.beta(2, 3, size=50)
        low, high = interval(resampled_means(sample, np.ones(50), resamples=400, seed=trial))
        covered += low <= 2 / 5 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_interval_is_the_middle_95_percent():
    values = np.random.default_rng(0).permutation(2001) / 2000
    assert interval(values) == pytest.approx((0.025, 0.975))


def test_spearman_is_that_of_scipy_for_every_column():
    generator = np.random.default_rng(0)
    fixed, many = generator.integers(5, size=9), generator.integers(5, size=(9, 50))
    expected = [spearmanr(fixed, column).statistic for column in many.T]
    np.testing.assert_allclose(spearman(fixed, many), expected, atol=1e-12)
    assert spearman(fixed, np.ones((9, 1))) == [0]

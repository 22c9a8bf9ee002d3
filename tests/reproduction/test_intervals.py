"""The bootstrap, p values and Holm's correction against literal ones, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from dse.reproduction import intervals
from dse.reproduction.intervals import (
    holm,
    interval,
    interval_of_smallest,
    p_value,
    resampled_means,
    spearman,
)

shares = st.lists(st.floats(0, 1), min_size=2, max_size=12)
probabilities = st.lists(st.floats(0, 1), min_size=1, max_size=12)


def of_one_seed(values, weights, **options):
    return resampled_means(np.asarray(values)[None], np.asarray(weights), **options)


def literal_bootstrap(values, weights, units, resamples, seed):
    """Loops over resamples, seeds, units and classes; values[s][c]."""
    of_unit = [[c for c, own in enumerate(units) if own == u] for u in range(max(units) + 1)]
    size = (resamples, len(of_unit))
    drawn_units = np.random.default_rng((seed, 0)).integers(len(of_unit), size=size)
    size = (resamples, len(values))
    drawn_seeds = np.random.default_rng((seed, 1)).integers(len(values), size=size)
    figures = []
    for own_units, own_seeds in zip(drawn_units, drawn_seeds, strict=True):
        classes = [c for u in own_units for c in of_unit[u]]
        total = sum(weights[c] for c in classes)
        of_seeds = [sum(values[s][c] * weights[c] for c in classes) / total for s in own_seeds]
        figures.append(sum(of_seeds) / len(of_seeds))
    return figures


@given(st.integers(1, 4), st.integers(1, 8), st.integers(0, 1000))
def test_equals_a_literal_bootstrap_of_seeds_and_units(seeds, classes, seed):
    generator = np.random.default_rng(seed)
    values = generator.random((seeds, classes))
    weights = generator.integers(1, 60, classes)
    units = np.unique(generator.integers(classes, size=classes), return_inverse=True)[1]
    expected = literal_bootstrap(values, weights, units, 15, seed)
    resampled = resampled_means(values, weights, units, resamples=15, seed=seed)
    assert resampled == pytest.approx(expected)


def test_blocks_do_not_change_what_is_drawn(monkeypatch):
    values, weights = np.random.default_rng(0).random((2, 3, 7)), np.arange(1, 8)
    whole = resampled_means(values, weights, resamples=100)
    monkeypatch.setattr(intervals, "BLOCK", 30)
    intervals._times_drawn.cache_clear()
    assert resampled_means(values, weights, resamples=100) == pytest.approx(whole)


@given(shares)
def test_stays_within_the_values_and_repeats_itself(values):
    values, weights = np.array(values), np.ones(len(values))
    resampled = of_one_seed(values, weights, resamples=500)
    assert len(resampled) == 500
    assert values.min() - 1e-9 <= resampled.min() <= resampled.max() <= values.max() + 1e-9
    assert (resampled == of_one_seed(values, weights, resamples=500)).all()


@given(shares, st.floats(0.01, 0.5))
def test_a_constant_lead_has_no_uncertainty_because_differences_are_paired(values, lead):
    values, weights = np.array(values), np.ones(len(values))
    figures = [of_one_seed(own, weights, resamples=500) for own in (values + lead, values)]
    assert interval(figures[0] - figures[1]) == pytest.approx((lead, lead))


def test_seeds_are_paired_too_and_widen_what_is_not():
    by_seed = np.array([[0.2] * 6, [0.5] * 6, [0.8] * 6])  # the classes are all alike
    weights = np.ones(6)
    low, high = interval(resampled_means(by_seed, weights, resamples=5000))
    assert low < 0.35 and high > 0.65
    lead = resampled_means(by_seed + 0.1, weights) - resampled_means(by_seed, weights)
    assert interval(lead) == pytest.approx((0.1, 0.1))


def test_resampling_pairs_singly_gives_too_narrow_an_interval():
    """What one species of a pair gains the other loses, but pairs differ: one draw is a pair."""
    generator = np.random.default_rng(0)
    covered = {"singly": 0, "as pairs": 0}
    for trial in range(200):
        level = generator.normal(size=20)  # true mean 0
        values = np.repeat(level, 2) + 0.1 * np.tile([1, -1], 20)
        for how, units in (("singly", None), ("as pairs", np.arange(40) // 2)):
            draws = of_one_seed(values, np.ones(40), units=units, resamples=400, seed=trial)
            low, high = interval(draws)
            covered[how] += low <= 0 <= high
    assert covered["as pairs"] / 200 > 0.9
    assert covered["singly"] / 200 < 0.85


def test_classes_that_cancel_within_a_pair_leave_no_uncertainty():
    values = np.array([1.0, 0, 0.2, 0.8])
    draws = of_one_seed(values, np.ones(4), units=np.array([0, 0, 1, 1]), resamples=500)
    assert interval(draws) == pytest.approx((0.5, 0.5))
    low, high = interval(of_one_seed(values, np.ones(4), resamples=500))
    assert low < 0.3 and high > 0.7


def test_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(300):
        sample = rng.beta(2, 3, size=50)
        low, high = interval(of_one_seed(sample, np.ones(50), resamples=400, seed=trial))
        covered += low <= 2 / 5 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_interval_is_the_middle_95_percent():
    values = np.random.default_rng(0).permutation(2001) / 2000
    assert interval(values) == pytest.approx((0.025, 0.975))


@given(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 2.0]), min_size=1, max_size=40))
def test_p_value_counts_the_smaller_side_twice(differences):
    below = (sum(d <= 0 for d in differences) + 1) / (len(differences) + 1)
    above = (sum(d >= 0 for d in differences) + 1) / (len(differences) + 1)
    assert p_value(np.array([differences])) == pytest.approx(min(1, 2 * min(below, above)))


def test_p_value_of_several_holds_only_for_all_and_pays_for_the_choice_of_one():
    sure = np.full(999, 1.0)
    unsure = np.where(np.arange(999) < 99, -1.0, 1.0)
    assert p_value(np.stack([sure, sure])) == pytest.approx(2 / 1000)
    assert p_value(np.stack([sure, unsure])) == pytest.approx(2 * 100 / 1000)
    assert p_value(np.stack([unsure, unsure])) == pytest.approx(2 * 100 / 1000)
    assert p_value(np.stack([-sure, sure, unsure])) == pytest.approx(3 * 2 / 1000)


@pytest.mark.parametrize("pairs", [1, 4])
def test_the_interval_of_the_smallest_difference_agrees_with_its_p_value(pairs):
    generator = np.random.default_rng(pairs)
    decided = 0
    for _ in range(200):
        centres = generator.normal(scale=2, size=(pairs, 1))
        differences = centres + generator.normal(size=(pairs, 400))
        low, high = interval_of_smallest(differences)
        p = p_value(differences)
        if abs(p - 0.05) > 0.03:  # where a percentile between two resamples cannot matter
            assert (p < 0.05) == (low > 0 or high < 0)
            decided += 1
    assert decided > 150


def test_claims_of_equal_encoders_are_seldom_decided():
    """Of eight equal encoders one is always the best by chance: no claim may follow from it."""
    generator = np.random.default_rng(0)
    decided = 0
    for trial in range(200):
        by_class = generator.normal(size=(9, 30))
        differences = (by_class[0] - by_class[1:])[:, None]
        p = p_value(resampled_means(differences, np.ones(30), resamples=1000, seed=trial))
        decided += p < 0.05
    assert decided / 200 < 0.09


def literal_holm(p_values):
    """As the textbook has it: the k-th smallest times (m - k + 1), never less than one before."""
    adjusted, largest = {}, 0.0
    for k, (i, p) in enumerate(sorted(enumerate(p_values), key=lambda own: own[1])):
        largest = max(largest, min(1.0, p * (len(p_values) - k)))
        adjusted[i] = largest
    return [adjusted[i] for i in range(len(p_values))]


@given(probabilities)
def test_holm_equals_a_literal_one(p_values):
    assert holm(p_values) == pytest.approx(literal_holm(p_values))


@given(probabilities)
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p_values):
    adjusted = holm(p_values)
    assert all(p <= a <= 1 for p, a in zip(p_values, adjusted, strict=True))
    in_order = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert in_order == sorted(adjusted)
    assert adjusted == pytest.approx(holm(p_values[::-1])[::-1])
    assert min(adjusted) == pytest.approx(min(1, len(p_values) * min(p_values)))


def test_holm_of_a_known_example():
    # p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm") in R
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([]) == []


def test_spearman_is_that_of_scipy_for_every_column():
    generator = np.random.default_rng(0)
    fixed, many = generator.integers(5, size=9), generator.integers(5, size=(9, 50))
    expected = [spearmanr(fixed, column).statistic for column in many.T]
    np.testing.assert_allclose(spearman(fixed, many), expected, atol=1e-12)
    assert spearman(fixed, np.ones((9, 1))) == [0]


def test_two_ranks_agree_or_do_not():
    assert spearman([1, 2], np.array([[5, 6, 7], [6, 5, 7]])).tolist() == pytest.approx([1, -1, 0])

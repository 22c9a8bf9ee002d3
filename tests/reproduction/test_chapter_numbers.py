"""Differences and intervals that stand in the prose of chapters 4, 7 and 8, but in no cell."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

from dse import reproduction
from dse.reproduction import Cell, read_paper, read_records
from dse.reproduction.challenges import pairs_told_apart
from dse.reproduction.intervals import interval, resampled_means

RESULTS = Path(__file__).parents[2] / "results"
CUB, FLOWERS, FULL_CUB, FULL_FLOWERS, CUB_VIEWS, FLOWERS_VIEWS = (
    read_records(RESULTS / name)
    for name in ("cub", "flowers", "full/cub", "full/flowers", "views/cub", "views/flowers")
)
FIELDGUIDE = read_records(RESULTS / "fieldguide")
TABLE1, TABLE2 = (read_paper()[name]["rows"] for name in ("table1", "table2"))
SEVEN = [name for name in TABLE1 if Cell(name) in CUB_VIEWS]  # trained in every way


def by_class(run, metric):
    return 100 * np.array([own[metric] for own in run["per_class"].values()])


def without_level(run, metric="ap50"):
    return 100 * np.array(run["without_level"]["per_class"])


def weights(run, metric):
    """Top-1 counts images, the precision of a query counts classes."""
    images = np.array([own["images"] for own in run["per_class"].values()])
    return images if metric == "top1" else np.ones(len(images))


def difference(values, weights):
    """A mean over classes, and over seeds if there are several, with its interval: (C,), (S, C)."""
    values = np.atleast_2d(values)
    mean = np.average(values.mean(0), weights=weights)
    return mean, *interval(resampled_means(values, weights))


def gain(run, other, metric):
    return difference(by_class(run, metric) - by_class(other, metric), weights(run, metric))


READER, BAG, ZERO = Cell("char-cnn-rnn"), Cell("bag-of-words"), "zero-bias"


@pytest.mark.parametrize(
    ("run", "other", "metric", "stated"),
    [
        (FULL_FLOWERS[READER], FLOWERS[READER], "top1", (7, 2, 12)),
        (FULL_FLOWERS[BAG], FLOWERS[BAG], "top1", (2, 0, 4)),
        (
            FLOWERS[Cell("char-cnn-rnn", form="annealed")],
            FLOWERS[READER],
            "top1",
            (-0.7, -4.5, 3.3),
        ),
        (FULL_FLOWERS[READER], FULL_FLOWERS[BAG], "ap50", (0.7, -4.4, 5.7)),
        *(
            (
                runs[Cell("bag-of-words", "da", form=ZERO)],
                runs[Cell("bag-of-words", "da")],
                "ap50",
                stated,
            )
            for runs, stated in ((FULL_FLOWERS, (12, 0, 24)), (CUB, (28, 20, 36)))
        ),
        (
            CUB[Cell("word-lstm", "da", form=ZERO)],
            CUB[Cell("word-lstm", "da")],
            "ap50",
            (31, 22, 41),
        ),
        *(
            (CUB[Cell(name)], CUB[Cell(name, "da")], "top1", stated)
            for name, stated in (
                ("word-cnn-rnn", (4.3, 0.8, 7.9)),
                ("word2vec", (-1.9, -3.5, -0.3)),
            )
        ),
        *(
            (
                CUB[Cell("word-lstm", "da", form=form)],
                CUB[Cell("word-cnn-rnn", "da", form=form)],
                "ap50",
                stated,
            )
            for form, stated in ((None, (-5.4, -10.0, -1.7)), (ZERO, (16.8, 9.1, 25.0)))
        ),
        (CUB[Cell("attributes")], CUB[Cell("word-cnn-rnn")], "ap50", (2.7, -4.6, 9.9)),
        *(
            (CUB[Cell(name, captions=10)], CUB[Cell(name, captions=2)], metric, stated)
            for name, metric, stated in (
                ("char-cnn", "top1", (8.3, 2.1, 14.5)),
                ("char-lstm", "top1", (6.1, 2.9, 9.6)),
                ("char-lstm", "ap50", (6.5, 3.1, 9.9)),
                ("word-cnn", "ap50", (12.3, 5.5, 19.1)),
                ("char-cnn", "ap50", (8.7, 2.1, 15.4)),
                ("bag-of-words", "ap50", (8.4, 5.4, 11.4)),
                ("word-lstm", "ap50", (5.6, 0.6, 10.4)),
                ("word-cnn-rnn", "ap50", (5.5, 0.8, 10.1)),
            )
        ),
        (FLOWERS_VIEWS[READER], FULL_FLOWERS[READER], "top1", (9.1, 4.2, 15.0)),
        *(
            (FULL_FLOWERS[Cell(name)], FULL_FLOWERS[BAG], "top1", stated)
            for name, stated in (
                ("word-cnn-rnn", (1.2, -7.0, 9.6)),
                ("word2vec", (-8.2, -16.1, -1.3)),
                ("char-cnn", (-10.0, -20.1, -1.3)),
                ("char-lstm", (-13.6, -23.6, -5.1)),
            )
        ),
        (
            FULL_FLOWERS[Cell("bag-of-words", "da", form=ZERO)],
            FULL_FLOWERS[Cell("word-cnn-rnn", "da", form=ZERO)],
            "ap50",
            (7.6, -1.1, 15.3),
        ),
        *(
            (CUB[Cell(name, "da", form=ZERO)], CUB[Cell(name, "da")], "ap50", stated)
            for name, stated in (
                ("word2vec", (11, 2, 20)),
                ("word-cnn-rnn", (9, 4, 14)),
                ("char-lstm", (8, -1, 18)),
            )
        ),
        *(
            (CUB[Cell(name)], CUB[Cell(name, "da", form=ZERO)], "ap50", stated)
            for name, stated in (("attributes", (12, 6, 18)), ("char-cnn", (45, 38, 53)))
        ),
        (
            CUB[Cell("word-cnn", "da", form="float64")],
            CUB[Cell("word-cnn", "da", form=ZERO)],
            "ap50",
            (7, 2, 12),
        ),
        (FLOWERS_VIEWS[BAG], FULL_FLOWERS[BAG], "top1", (2.4, 0.3, 5.0)),
        (FLOWERS_VIEWS[Cell("word-cnn-rnn")], FLOWERS_VIEWS[BAG], "top1", (5.3, -0.7, 12.9)),
        (FULL_FLOWERS[READER], FULL_FLOWERS[BAG], "top1", (-6.9, -16.3, 1.7)),
        (CUB_VIEWS[Cell("word-cnn-rnn")], CUB_VIEWS[BAG], "top1", (7.5, 1.8, 13.4)),
        (FULL_CUB[Cell("word-cnn-rnn")], FULL_CUB[BAG], "top1", (6.4, 1.2, 12.0)),
        (FLOWERS_VIEWS[Cell("word2vec")], FULL_FLOWERS[Cell("word2vec")], "top1", (0.5, -1.5, 2.5)),
        (CUB[Cell("word-cnn-rnn")], CUB[Cell("word-cnn")], "top1", (3.9, 0.3, 7.9)),
        *(
            (FULL_CUB[Cell(name)], CUB[Cell(name)], metric, stated)
            for name, metric, stated in (
                ("char-cnn-rnn", "top1", (3.6, 1.2, 6.2)),
                ("word-lstm", "top1", (2.8, 0.5, 5.3)),
                ("char-lstm", "top1", (11.4, 5.3, 18.6)),
            )
        ),
    ],
)
def test_a_gain_is_as_stated(run, other, metric, stated):
    assert gain(run, other, metric) == pytest.approx(stated, abs=0.6)
    found = reproduction.difference(run, other, metric)  # records are rounded to six digits
    assert found == pytest.approx(gain(run, other, metric), abs=1e-3)


@pytest.mark.parametrize(
    ("seeds", "stated"), [((0, 1, 2), (3.0, 0.5, 5.6)), ((1, 2), (3.7, 1.3, 6.4))]
)
def test_what_length_gives_networks_above_the_bag_of_words_is_as_stated(seeds, stated):
    def gains(encoder):
        cells = [Cell(encoder, seed=seed) for seed in seeds]
        return np.array([by_class(FULL_CUB[c], "top1") - by_class(CUB[c], "top1") for c in cells])

    networks = np.mean([gains(e) for e in ("char-cnn-rnn", "word-lstm", "word-cnn-rnn")], 0)
    found = difference(networks - gains("bag-of-words"), weights(CUB[BAG], "top1"))
    assert found == pytest.approx(stated, abs=0.1)


@pytest.mark.parametrize("metric", ["top1", "ap50"])
def test_a_gain_over_seeds_resamples_them_too(metric):
    longer, shorter = ([own[replace(READER, seed=k)] for k in range(3)] for own in (FULL_CUB, CUB))
    pairs = zip(longer, shorter, strict=True)
    values = np.array([by_class(run, metric) - by_class(other, metric) for run, other in pairs])
    found = reproduction.difference(longer, shorter, metric)
    assert found == pytest.approx(difference(values, weights(longer[0], metric)), abs=1e-3)


def test_runs_on_other_classes_or_without_a_partner_have_no_difference():
    with pytest.raises(ValueError, match="classes"):
        reproduction.difference(CUB[BAG], FLOWERS[BAG], "top1")
    with pytest.raises(ValueError, match="classes"):
        reproduction.difference([CUB[BAG]] * 2, [CUB[BAG], FLOWERS[BAG]], "top1")
    with pytest.raises(ValueError, match="shorter"):
        reproduction.difference([CUB[BAG]] * 2, [CUB[BAG]], "top1")


def test_what_pairs_of_words_and_the_char_cnn_tell_apart_is_as_stated():
    reordered, shifted, distant = (
        np.subtract(
            *(pairs_told_apart(FIELDGUIDE, e, name) for e in ("bag-of-bigrams", "char-cnn"))
        )
        for name in ("reordered", "shifted", "distant")
    )
    for values, stated in ((shifted - reordered, (4.5, -1.5, 11.1)), (-distant, (3.9, -1.7, 10.3))):
        assert difference(values, np.ones(25)) == pytest.approx(stated, abs=0.1)


def change_of_gap(runs, others, metric, cell=READER):
    """By class, how much farther a cell is above the bag of words in one folder than in another."""
    return sum(
        sign * (by_class(own[cell], metric) - by_class(own[BAG], metric))
        for sign, own in ((1, runs), (-1, others))
    )


@pytest.mark.parametrize(
    ("runs", "others", "metric", "cell", "stated"),
    [
        (FLOWERS_VIEWS, FULL_FLOWERS, "top1", Cell("word-cnn-rnn"), (4.1, 0.4, 8.4)),
        (CUB_VIEWS, FULL_CUB, "top1", Cell("char-cnn"), (2.4, -0.8, 5.7)),
    ],
)
def test_the_change_of_a_gap_is_as_stated(runs, others, metric, cell, stated):
    found = difference(change_of_gap(runs, others, metric, cell), weights(runs[BAG], metric))
    assert found == pytest.approx(stated, abs=0.2)


@pytest.mark.parametrize(
    ("metric", "stated"), [("top1", (3.6, 1.3, 6.6)), ("ap50", (-0.2, -3.6, 3.4))]
)
def test_the_change_of_the_gap_on_birds_over_two_seeds_is_as_stated(metric, stated):
    changes = np.array(
        [
            by_class(CUB_VIEWS[Cell("char-cnn-rnn", seed=k)], metric)
            - by_class(CUB_VIEWS[Cell("bag-of-words", seed=k)], metric)
            - by_class(FULL_CUB[Cell("char-cnn-rnn", seed=k)], metric)
            + by_class(FULL_CUB[Cell("bag-of-words", seed=k)], metric)
            for k in (0, 1)
        ]
    )
    found = difference(changes, weights(FULL_CUB[BAG], metric))
    assert found == pytest.approx(stated, abs=0.1)


def test_flowers_less_birds_in_what_ten_views_change_is_as_stated():
    drawn = []
    for seed, (views, full) in enumerate(((FLOWERS_VIEWS, FULL_FLOWERS), (CUB_VIEWS, FULL_CUB))):
        cells = [[Cell(e, seed=k) for e in ("char-cnn-rnn", "bag-of-words")] for k in (0, 1)]
        moved = [
            by_class(views[one], "top1")
            - by_class(views[bag], "top1")
            - by_class(full[one], "top1")
            + by_class(full[bag], "top1")
            for one, bag in cells
        ]
        drawn.append(resampled_means(np.array(moved), weights(full[BAG], "top1"), seed=seed))
    assert interval(drawn[0] - drawn[1]) == pytest.approx((-2.4, 7.6), abs=0.2)


@pytest.mark.parametrize(
    ("runs", "cell", "others", "other", "stated"),
    [
        (CUB_VIEWS, "char-cnn-rnn", FULL_CUB, "char-cnn-rnn", (2.9, 0.7, 5.6)),
        (CUB_VIEWS, "bag-of-words", FULL_CUB, "bag-of-words", (-0.7, -2.3, 0.8)),
        (CUB_VIEWS, "char-cnn-rnn", CUB_VIEWS, "bag-of-words", (5.2, 0.3, 11.0)),
        (FULL_CUB, "char-cnn-rnn", FULL_CUB, "bag-of-words", (1.6, -3.3, 6.7)),
    ],
)
def test_a_gain_over_two_seeds_on_birds_is_as_stated(runs, cell, others, other, stated):
    gains = np.array(
        [
            by_class(runs[Cell(cell, seed=k)], "top1")
            - by_class(others[Cell(other, seed=k)], "top1")
            for k in (0, 1)
        ]
    )
    found = difference(gains, weights(FULL_CUB[BAG], "top1"))
    assert found == pytest.approx(stated, abs=0.1)


@pytest.mark.parametrize(
    ("runs", "stated"), [(FULL_FLOWERS, (1.6, -0.9, 4.1)), (CUB, (4.0, 2.0, 6.0))]
)
def test_one_caption_is_as_stated(runs, stated):
    reader, bag = (
        np.array(runs[cell]["single_caption"]["ap50_per_class"]) for cell in (READER, BAG)
    )
    assert difference(100 * (reader - bag), np.ones(len(bag))) == pytest.approx(stated, abs=0.2)


def test_the_word_lstm_and_the_bag_of_words_are_as_stated():
    pairs = [[CUB[Cell(e, seed=k)] for e in ("word-lstm", "bag-of-words")] for k in range(3)]
    all_captions = np.array([by_class(one, "ap50") - by_class(bag, "ap50") for one, bag in pairs])
    single = [[run["single_caption"]["ap50_per_class"] for run in pair] for pair in pairs]
    lost = 100 * np.array([np.subtract(*pair) for pair in single]) - all_captions
    assert difference(all_captions, np.ones(28)) == pytest.approx((-1.0, -4.9, 3.1), abs=0.1)
    assert difference(lost, np.ones(28)) == pytest.approx((4.7, 0.8, 8.4), abs=0.1)


def test_what_levels_leave_missing_under_da_is_as_stated():
    symmetric, asymmetric = (
        without_level(CUB[Cell("char-cnn-rnn", objective)]) for objective in ("ds", "da")
    )
    found = difference(symmetric - asymmetric, np.ones(28))
    assert found == pytest.approx((4.5, 2.4, 6.6), abs=0.1)


def test_the_gap_with_ten_views_on_flowers_over_two_seeds_is_as_stated():
    reader, bag = (
        np.array([by_class(FLOWERS_VIEWS[Cell(name, seed=k)], "top1") for k in (0, 1)])
        for name in ("char-cnn-rnn", "bag-of-words")
    )
    found = difference(reader - bag, weights(FULL_FLOWERS[BAG], "top1"))
    assert found == pytest.approx((0.3, -6.2, 6.6), abs=0.2)


@pytest.mark.parametrize(
    ("encoder", "stated"),
    [
        ("bag-of-words", (10, 0, 21)),
        ("bag-of-bigrams", (13, 2, 24)),
        ("word-cnn", (7, 1, 13)),
        ("char-cnn-rnn", (3, -4, 10)),
    ],
)
def test_what_levels_cost_on_flowers_is_as_stated(encoder, stated):
    run = FULL_FLOWERS[Cell(encoder)]
    found = difference(without_level(run) - by_class(run, "ap50"), weights(run, "ap50"))
    assert found == pytest.approx(stated, abs=0.6)


def test_the_gap_on_flowers_over_two_seeds_is_as_stated():
    reader, bag = (
        np.array([by_class(FULL_FLOWERS[Cell(name, seed=k)], "top1") for k in (0, 1)])
        for name in ("char-cnn-rnn", "bag-of-words")
    )
    found = difference(reader - bag, weights(FULL_FLOWERS[BAG], "top1"))
    assert found == pytest.approx((-5.9, -15.0, 2.3), abs=0.2)


def correlations(runs, metric, objective, published=TABLE1, figure=by_class):
    """Spearman's correlation with the paper's column in each resample of the classes."""
    theirs = [published[name][metric][objective] for name in runs]
    own = [
        resampled_means(figure(run, metric)[None], weights(run, metric), resamples=20_000)
        for run in runs.values()
    ]
    ranks = (rankdata(x, axis=0) for x in (np.array(theirs)[:, None], np.array(own)))
    one, other = ((x - x.mean(0)) / x.std(0) for x in ranks)
    return (one * other).mean(0)


@pytest.mark.parametrize(
    ("runs", "metric", "stated"),
    [
        (FULL_CUB, "top1", 0.89),
        (FULL_CUB, "ap50", 0.61),
        (FULL_FLOWERS, "top1", 0.82),
        (FULL_FLOWERS, "ap50", 0.46),
        (FLOWERS_VIEWS, "top1", 0.82),
        (FLOWERS_VIEWS, "ap50", 0.79),
    ],
)
def test_how_far_two_draws_of_the_classes_agree_is_as_stated(runs, metric, stated):
    own = [runs[Cell(e)] for e in SEVEN]
    one, other = (
        np.array(
            [
                resampled_means(by_class(run, metric)[None], weights(run, metric), None, 20_000, k)
                for run in own
            ]
        )
        for k in (0, 1)
    )
    ranks = [(x - x.mean(0)) / x.std(0) for x in (rankdata(y, axis=0) for y in (one, other))]
    assert np.median((ranks[0] * ranks[1]).mean(0)) == pytest.approx(stated, abs=0.04)


@pytest.mark.parametrize(("metric", "stated"), [("top1", (-0.11, 0.36)), ("ap50", (-0.52, 0.50))])
def test_the_rise_of_the_correlation_with_length_is_as_stated(metric, stated):
    short, long = (
        correlations({e: runs[Cell(e)] for e in SEVEN}, metric, "ds") for runs in (CUB, FULL_CUB)
    )
    assert interval(long - short) == pytest.approx(stated, abs=0.06)


@pytest.mark.parametrize(("metric", "stated"), [("top1", (0.57, 0.93)), ("ap50", (0.07, 0.90))])
def test_the_order_of_all_eight_after_200_epochs_on_birds_is_as_stated(metric, stated):
    runs = {e: FULL_CUB[Cell(e)] for e in TABLE2}
    assert interval(correlations(runs, metric, "ds")) == pytest.approx(stated, abs=0.06)


@pytest.mark.parametrize(
    ("views", "full", "table", "metric", "stated"),
    [
        (FLOWERS_VIEWS, FULL_FLOWERS, TABLE2, "top1", (0.61, 0.96)),
        (FLOWERS_VIEWS, FULL_FLOWERS, TABLE2, "ap50", (-0.18, 0.67)),
        (CUB_VIEWS, FULL_CUB, TABLE1, "top1", (0.68, 0.96)),
        (CUB_VIEWS, FULL_CUB, TABLE1, "ap50", (-0.07, 0.96)),
    ],
)
def test_the_order_with_ten_views_is_as_stated(views, full, table, metric, stated):
    runs, one_view = ({e: own[Cell(e)] for e in table if Cell(e) in views} for own in (views, full))
    found = correlations(runs, metric, "ds", table)
    assert interval(found) == pytest.approx(stated, abs=0.06)
    low, high = interval(found - correlations(one_view, metric, "ds", table))
    assert low < 0 < high


@pytest.mark.parametrize(
    ("records", "table", "stated"),
    [
        (FLOWERS_VIEWS, TABLE2, (-0.08, 0.83)),
        (FULL_CUB, TABLE1, (-0.75, 0.48)),
        (CUB_VIEWS, TABLE1, (-0.75, 0.43)),
    ],
)
def test_what_levels_do_to_the_order_is_as_stated(records, table, stated):
    runs = {e: records[Cell(e)] for e in SEVEN}
    on, off = (
        correlations(runs, "ap50", "ds", table, figure) for figure in (by_class, without_level)
    )
    assert interval(off - on) == pytest.approx(stated, abs=0.06)


def test_the_order_with_levels_off_is_as_stated():
    runs = {e: FLOWERS_VIEWS[Cell(e)] for e in SEVEN}
    off = correlations(runs, "ap50", "ds", TABLE2, without_level)
    assert interval(off) == pytest.approx((0.25, 0.90), abs=0.06)


@pytest.mark.parametrize(
    ("runs", "names", "published", "form", "stated"),
    [
        (CUB, SEVEN, TABLE1, ZERO, (0.4, 1.4)),
        (CUB, SEVEN, TABLE1, "float64", (0.3, 1.3)),
        (FULL_CUB, TABLE2, TABLE1, ZERO, (0.5, 1.5)),
        (FULL_FLOWERS, TABLE2, TABLE2, ZERO, (0.2, 1.6)),
    ],
)
def test_the_order_under_da_is_as_stated(runs, names, published, form, stated):
    drifted, kept = (
        correlations({e: runs[Cell(e, "da", form=own)] for e in names}, "ap50", "da", published)
        for own in (None, form)
    )
    assert interval(kept - drifted) == pytest.approx(stated, abs=0.06)

"""Claims: stated once, compared on matched seeds and independent units, judged after Holm."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dse.reproduction import PARTS, Cell, read_paper, read_records
from dse.reproduction.claims import Claim, claims_about, judge
from dse.reproduction.figures import Measured, published, unit_of_class
from dse.reproduction.intervals import holm, interval, p_value, resampled_means

PAPER = read_paper()
RESULTS = Path(__file__).parents[2] / "results"
PAIR = (Cell("word-cnn"), Cell("char-cnn"))


def claim(higher, lower, metric="ap50", **options):
    return Claim("toy", "toy", metric, tuple(higher), tuple(lower), **options)


def judged(claims, records, resamples=1000, **options):
    return judge(claims, Measured(records, resamples, **options), lambda cell, metric: None)


def leads(record, leads_by_seed, metric="ap50", per_class=0.0):
    """Records in which `word-cnn` leads `char-cnn` by so much, with each seed of its own."""
    records = {}
    for seed, lead in leads_by_seed.items():
        first, second = (Cell(cell.text_encoder, seed=seed) for cell in PAIR)
        records[second] = record(second)
        records[first] = record(second)
        for c, own in enumerate(records[first]["per_class"].values()):
            own[metric] += lead + (per_class if c % 2 else -per_class)
        records[first][metric] += lead
    return records


@pytest.mark.parametrize("dataset", ["cub", "flowers", "fieldguide"])
def test_each_claim_stands_once(dataset):
    claims = claims_about(dataset)
    assert len({own.text for own in claims}) == len(claims)
    compared = [(own.metric, own.higher, own.lower, own.of_means) for own in claims]
    assert len(set(compared)) == len(compared)


CAPTION_ENCODERS = (
    "word2vec bag-of-words char-cnn char-lstm char-cnn-rnn word-cnn word-lstm word-cnn-rnn"
)
STATED = {
    "The word-CNN-RNN above others": """
        word-cnn-rnn is the best, top-1 | top1 | word-cnn-rnn
            | attributes word2vec bag-of-words char-cnn char-lstm char-cnn-rnn word-cnn word-lstm
        word-cnn-rnn above word2vec, top-1 | top1 | word-cnn-rnn | word2vec
        word-cnn-rnn above bag-of-words, top-1 | top1 | word-cnn-rnn | bag-of-words
        word-cnn-rnn above word2vec, AP@50 | ap50 | word-cnn-rnn | word2vec
        word-cnn-rnn above bag-of-words, AP@50 | ap50 | word-cnn-rnn | bag-of-words
        word-cnn-rnn above the character networks, AP@50 | ap50 | word-cnn-rnn
            | char-cnn char-lstm char-cnn-rnn""",
    "Captions and attributes": f"""
        word-cnn-rnn above attributes, top-1 | top1 | word-cnn-rnn | attributes
        attributes are the best, AP@50 | ap50 | attributes | {CAPTION_ENCODERS}
        2 captions: word-cnn-rnn below attributes, top-1 | top1 | attributes | word-cnn-rnn@2
        4 captions: word-cnn-rnn above attributes, top-1 | top1 | word-cnn-rnn@4 | attributes""",
    "DA-SJE": """
        DA-SJE: CNNs below word-lstm and bag-of-words, AP@50 | ap50 | word-lstm bag-of-words
            | char-cnn char-cnn-rnn word-cnn word-cnn-rnn""",
    "One caption": """
        One caption: word-cnn-rnn above word-lstm, AP@50 | single_caption_ap50
            | word-cnn-rnn | word-lstm
        One caption: word-lstm above bag-of-words, AP@50 | single_caption_ap50
            | word-lstm | bag-of-words""",
    "Beyond the paper: pairs of words": """
        bag-of-bigrams above bag-of-words, top-1 | top1 | bag-of-bigrams | bag-of-words
        word-cnn-rnn above bag-of-bigrams, top-1 | top1 | word-cnn-rnn | bag-of-bigrams
        bag-of-bigrams above bag-of-words, AP@50 | ap50 | bag-of-bigrams | bag-of-words
        word-cnn-rnn above bag-of-bigrams, AP@50 | ap50 | word-cnn-rnn | bag-of-bigrams""",
}
"""Group -> its claims: words, metric, encoders above, those below; `@2`: with two captions."""


def cells_of(names, objective):
    parts = [name.partition("@") for name in names.split()]
    return tuple(Cell(name, objective, captions=int(n) if n else None) for name, _, n in parts)


def test_the_claims_of_the_paper_are_these():
    expected = []
    for group, lines in STATED.items():
        objective = "da" if group == "DA-SJE" else "ds"
        for line in lines.replace("\n            |", " |").strip().splitlines():
            text, metric, *names = (part.strip() for part in line.split(" | "))
            expected.append(Claim(group, text, metric, *(cells_of(n, objective) for n in names)))
    claims = [own for own in claims_about("cub") if not own.group.startswith("DS-SJE above")]
    assert claims == expected


@pytest.mark.parametrize("dataset", ["cub", "flowers"])
def test_each_encoder_and_their_mean_is_claimed_to_be_better_with_the_symmetric_loss(dataset):
    claims = [own for own in claims_about(dataset) if own.group.startswith("DS-SJE above")]
    names = [*["attributes"][: dataset == "cub"], *CAPTION_ENCODERS.split()]
    expected = []
    for metric, called in (("top1", "top-1"), ("ap50", "AP@50")):
        group = f"DS-SJE above DA-SJE, {called}"
        ds, da = (tuple(Cell(name, objective) for name in names) for objective in ("ds", "da"))
        expected += [
            Claim(group, f"{group}: {one.text_encoder}", metric, (one,), (other,))
            for one, other in zip(ds, da, strict=True)
        ]
        text = f"{group}: mean of the encoders"
        expected.append(Claim(group, text, metric, ds, da, of_means=True))
    assert claims == expected


def test_differences_of_means_keep_seeds_and_classes():
    cells = [*PAIR, Cell("char-lstm"), Cell("word-lstm")]
    drawn = np.random.default_rng(0).random((4, 2, 3))
    figures = dict(zip(cells, drawn, strict=True))
    found = claim(cells[:2], cells[2:], of_means=True).differences(figures.get)
    expected = (drawn[0] + drawn[1]) / 2 - (drawn[2] + drawn[3]) / 2
    np.testing.assert_allclose(found, expected[None])


def test_only_seeds_that_all_cells_have_are_compared(record):
    records = leads(record, {0: 0.1, 1: 0.2, 2: 0.3})
    unmatched = Cell("word-cnn", seed=3)
    records[unmatched] = record(unmatched, ap50=0.99)
    (row,) = judged([claim(PAIR[:1], PAIR[1:])], records)
    assert row["seeds"] == [0, 1, 2]
    assert row["ours"] == pytest.approx(20)
    del records[Cell("char-cnn", seed=0)]
    (row,) = judged([claim(PAIR[:1], PAIR[1:])], records)
    assert row["seeds"] == [1, 2]
    assert row["ours"] == pytest.approx(25)


def test_cells_without_a_common_seed_are_not_compared(record):
    records = {Cell("word-cnn", seed=1): record(PAIR[0]), PAIR[1]: record(PAIR[1])}
    (row,) = judged([claim(PAIR[:1], PAIR[1:])], records)
    unknown = ("paper", "paper_verdict", "ours", "interval", "same_length", "p", "adjusted_p")
    stated = {"claim": "toy", "group": "toy", "higher": ["word-cnn"], "metric": "ap50"}
    assert row == {**stated, "seeds": [], "verdict": "missing", **dict.fromkeys(unknown)}
    (known,) = judged([claim(PAIR[:1], PAIR[1:])], leads(record, {0: 0.1}))
    assert known.keys() == row.keys()


def test_differences_are_paired_by_seed(record):
    """Both encoders vary by seed, together: their difference does not."""
    records = leads(record, {0: 0.2, 1: 0.2, 2: 0.2})
    (row,) = judged([claim(PAIR[:1], PAIR[1:])], records)
    assert row["interval"] == pytest.approx([20, 20])
    assert row["verdict"] == "holds"


def test_a_lead_that_changes_its_sign_with_the_seed_is_not_told_apart(record):
    (row,) = judged([claim(PAIR[:1], PAIR[1:])], leads(record, {0: 0.3, 1: 0.3, 2: -0.05}))
    assert row["ours"] > 15 and row["verdict"] == "not told apart"
    (row,) = judged([claim(PAIR[:1], PAIR[1:])], leads(record, {0: 0.3}))
    assert row["verdict"] == "holds"  # of this one run


def test_a_small_lead_counts_and_a_p_value_of_the_level_does_not(record, monkeypatch):
    (row,) = judged([claim(PAIR[:1], PAIR[1:])], leads(record, {0: 0.005}))
    assert (row["ours"], row["verdict"]) == (pytest.approx(0.5), "holds")
    monkeypatch.setattr("dse.reproduction.claims.LEVEL", row["adjusted_p"])
    (row,) = judged([claim(PAIR[:1], PAIR[1:])], leads(record, {0: 0.005}))
    assert row["verdict"] == "not told apart"


@pytest.mark.parametrize(
    ("word", "char", "expected"),
    [(54.3, 51.0, (3.3, "agrees")), (51.0, 54.3, (-3.3, "disagrees")), (5.0, 5.0, (0, "equal"))],
)
def test_the_papers_difference_is_higher_minus_lower(word, char, expected):
    figures = dict(zip(PAIR, (word, char), strict=True))
    (row,) = judge([claim(PAIR[:1], PAIR[1:])], Measured({}), lambda cell, metric: figures[cell])
    assert (row["paper"], row["paper_verdict"]) == expected


@pytest.mark.parametrize("repeats", [1, 3])
@pytest.mark.parametrize("metric", ["top1", "ap50"])
def test_interval_and_p_value_are_those_of_the_paired_bootstrap(
    record, metric, repeats, monkeypatch
):
    monkeypatch.setattr("dse.reproduction.claims.CLOSE", (1.0, 1.0) if repeats == 1 else (0, 1.1))
    monkeypatch.setattr("dse.reproduction.claims.REPEATS", repeats)
    records = leads(record, {0: 0.02, 1: 0.03}, metric, per_class=0.04)
    (row,) = judged([claim(PAIR[:1], PAIR[1:], metric)], records, resamples=500)
    by_class = [
        [
            [
                100 * own[metric]
                for own in records[Cell(cell.text_encoder, seed=s)]["per_class"].values()
            ]
            for s in (0, 1)
        ]
        for cell in PAIR
    ]
    images = [own["images"] for own in records[PAIR[0]]["per_class"].values()]
    weights = images if metric == "top1" else [1] * len(images)
    differences = np.subtract(*by_class)
    first, *more = (
        resampled_means(differences, np.array(weights), resamples=500, seed=(0, i))
        for i in range(repeats)
    )
    assert row["interval"] == pytest.approx(interval(first))
    assert row["p"] == pytest.approx(np.mean([p_value(drawn[None]) for drawn in (first, *more)]))


def test_the_two_species_of_a_pair_are_one_unit(record):
    """Leads that cancel within a pair are no uncertainty; resampled singly they would be."""
    names = [f"{side} {bird}" for bird in "abcde" for side in ("eastern", "western")]
    records = leads(record, {0: 0.02}, per_class=0.3)
    (singly,) = judged([claim(PAIR[:1], PAIR[1:])], records)
    for own in records.values():
        own["per_class"] = dict(zip(names, own["per_class"].values(), strict=True))
    (in_pairs,) = judged([claim(PAIR[:1], PAIR[1:])], records)
    assert singly["verdict"] == "not told apart"
    assert in_pairs["verdict"] == "holds"
    assert in_pairs["interval"] == pytest.approx([2, 2])


def test_pairs_that_move_together_have_a_wider_interval_than_single_classes(record):
    names = [f"{side} {bird}" for bird in "abcde" for side in ("eastern", "western")]
    records = leads(record, {0: 0.0})
    for c, own in enumerate(records[PAIR[0]]["per_class"].values()):
        own["ap50"] += (0.3, 0.1, -0.1, 0.2, 0.0)[c // 2]
    widths = []
    for _ in range(2):
        (row,) = judged([claim(PAIR[:1], PAIR[1:])], records, resamples=5000)
        widths.append(row["interval"][1] - row["interval"][0])
        for own in records.values():
            own["per_class"] = dict(zip(names, own["per_class"].values(), strict=True))
    assert widths[1] > 1.25 * widths[0]


def test_units_of_fieldguide_are_its_pairs_and_those_of_others_their_classes():
    names = ["western ouzel", "wren", "eastern ouzel", "eastern finch"]
    assert unit_of_class(names).tolist() == [0, 1, 0, 2]
    (first, *_) = read_records(RESULTS / "fieldguide").values()
    units = unit_of_class(list(first["per_class"]))
    assert np.bincount(units).tolist() == [2] * 25
    for pair in first["per_pair"]:
        one, other = (list(first["per_class"]).index(name) for name in pair["classes"])
        assert units[one] == units[other]


def test_the_verdict_follows_the_adjusted_p_value(record):
    """The same evidence decides one claim alone, and not one among many."""
    records = leads(record, {0: 0.04}, per_class=0.06)
    (alone,) = judged([claim(PAIR[:1], PAIR[1:])], records)
    others = [claim(PAIR[:1], PAIR[:1]) for _ in range(30)]
    among, *rest = judged([claim(PAIR[:1], PAIR[1:]), *others], records)
    assert (alone["verdict"], among["verdict"]) == ("holds", "not told apart")
    assert alone["p"] == alone["adjusted_p"] < 0.05
    assert alone["interval"] == among["interval"] and among["interval"][0] > 0
    assert among["adjusted_p"] == pytest.approx(min(1, 31 * among["p"]))
    assert {row["adjusted_p"] for row in rest} == {1.0}


def test_missing_claims_do_not_count_for_the_correction(record):
    records = leads(record, {0: 0.04}, per_class=0.06)
    missing = [claim(PAIR[:1], [Cell("word-lstm")])] * 30
    row, *rest = judged([claim(PAIR[:1], PAIR[1:]), *missing], records)
    assert row["adjusted_p"] == row["p"]
    assert {own["verdict"] for own in rest} == {"missing"}


def test_a_close_call_is_estimated_again_from_more_resamples(record, monkeypatch):
    records = leads(record, {0: 0.03}, per_class=0.06)
    p_values = {}
    for name, close in (("once", (1.0, 1.0)), ("again", (0.0, 1.0))):
        monkeypatch.setattr("dse.reproduction.claims.CLOSE", close)
        of_draws = [
            judged([claim(PAIR[:1], PAIR[1:])], records, resamples=500, seed=seed)[0]["p"]
            for seed in range(10)
        ]
        p_values[name] = np.std(of_draws)
    assert p_values["again"] < p_values["once"] / 2


def test_a_claim_about_several_encoders_takes_the_smallest_difference(record):
    cells = [Cell(name) for name in ("word-cnn", "char-cnn", "char-lstm")]
    records = {cell: record(cells[0]) for cell in cells}
    for cell, lead in zip(cells[1:], (-0.2, 0.1), strict=True):
        for own in records[cell]["per_class"].values():
            own["ap50"] += lead
        records[cell]["ap50"] += lead
    (row,) = judged([claim(cells[:1], cells[1:])], records)
    assert row["ours"] == pytest.approx(-10)
    assert row["verdict"] == "does not hold"
    (mean,) = judged([claim(cells[1:], cells[:1], of_means=True)], records)
    assert mean["ours"] == pytest.approx(-5)


def test_cells_of_other_lengths_are_told(record):
    cells = {cell: record(cell) for cell in PAIR}
    of_two = [claim(PAIR[:1], PAIR[1:]), claim(PAIR, PAIR, of_means=True)]
    assert [row["same_length"] for row in judged(of_two, cells)] == [True, True]
    third = Cell("char-lstm")
    with_third = {**cells, third: record(third)}
    assert judged([claim(PAIR[:1], (PAIR[1], third))], with_third)[0]["same_length"]
    later = {replace(cell, seed=3): record(cell) for cell in PAIR}
    assert judged(of_two[:1], later)[0]["same_length"]
    later[replace(PAIR[0], seed=3)]["steps"] = 9
    assert not judged(of_two[:1], later)[0]["same_length"]
    cells[PAIR[0]]["steps"] = 9
    assert [row["same_length"] for row in judged(of_two, cells)] == [False, True]
    for own in cells.values():
        own["length"] = "full"  # 200 epochs, and 7 of attributes: as the paper has it
    assert judged(of_two, cells)[0]["same_length"]


@pytest.mark.parametrize(
    ("dataset", "disagrees", "equal"),
    [
        ("cub", {"attributes", "word2vec", "char-lstm"}, {"char-cnn-rnn"}),
        ("flowers", {"word2vec", "char-cnn", "char-lstm"}, set()),
    ],
)
def test_the_paper_itself_does_not_agree_with_each_of_its_claims(dataset, disagrees, equal):
    figures = partial(published, PAPER, dataset)
    rows = judge(claims_about(dataset), Measured({}), figures)
    group = "DS-SJE above DA-SJE, top-1: "
    for verdict, encoders in (("disagrees", disagrees), ("equal", equal)):
        found = {row["claim"] for row in rows if row["paper_verdict"] == verdict}
        assert found == {group + encoder for encoder in encoders}
    unknown = [row["group"] for row in rows if row["paper_verdict"] is None]
    assert unknown.count("Beyond the paper: pairs of words") == 4
    assert unknown.count("One caption") == len(unknown) - 4 == (2 if dataset == "flowers" else 0)


def test_the_order_of_the_records_changes_nothing(record):
    cells = [Cell(cell.text_encoder, seed=seed) for cell in PAIR for seed in (2, 0, 1)]
    records = {cell: record(cell) for cell in cells}
    for own in records.values():
        for c, figures in enumerate(own["per_class"].values()):
            figures["images"] = 20 + c
    backwards = dict(reversed(records.items()))
    claims = [claim(PAIR[:1], PAIR[1:], metric) for metric in ("top1", "ap50")]
    assert judged(claims, records) == judged(claims, backwards)


@pytest.mark.parametrize("dataset", ["cub", "fieldguide"])
def test_no_verdict_on_the_measured_runs_depends_on_the_draws(dataset):
    records, claims = read_records(RESULTS / dataset), claims_about(dataset)
    one, other = (
        judge(claims, Measured(records, seed=seed), lambda cell, metric: None) for seed in (0, 1)
    )
    verdicts = {row["claim"]: row["verdict"] for row in one}
    assert {row["claim"]: row["verdict"] for row in other} == verdicts
    known = [row for row in one if row["p"] is not None]
    assert [row["adjusted_p"] for row in known] == pytest.approx(holm([row["p"] for row in known]))


def test_the_claims_need_cells_of_the_grid_alone():
    grid = {cell for part in PARTS.values() for cell in part}
    for dataset in ("cub", "flowers", "fieldguide"):
        for own in claims_about(dataset):
            assert grid.issuperset({*own.higher, *own.lower})

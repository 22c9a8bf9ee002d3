"""The table of challenges: means over seeds, intervals by pair, and who is best."""

from functools import partial

import numpy as np
import pytest

import dse
from dse.reproduction import Cell, measure_cell
from dse.reproduction.challenges import challenge_rows, challenge_section

rows_of = partial(challenge_rows, resamples=2000, seed=0)


def record(shares):
    """Made-up figures of one challenge; `shares` of the pairs are told apart."""
    pairs = [{"classes": ["a", "b"], "accuracy": float(share)} for share in shares]
    measured = {"top1": 0.5, "ap50": 0.25, "pair_accuracy": float(np.mean(shares))}
    return {"challenges": {"shifted": measured | {"per_pair": pairs}}}


@pytest.fixture(autouse=True)
def _one_challenge(monkeypatch):
    monkeypatch.setattr("dse.reproduction.challenges.CHALLENGES", {"shifted": None})


def test_a_row_is_the_mean_over_seeds_with_an_interval_over_pairs():
    records = {
        Cell("char-cnn", seed=0): record([1.0, 0.5, 0.75]),
        Cell("char-cnn", seed=1): record([0.5, 0.5, 0.5]),
        Cell("char-cnn", "da"): record([0.0, 0.0, 0.0]),
        Cell("char-cnn", captions=1): record([0.0, 0.0, 0.0]),
    }
    (row,) = rows_of(records)
    assert row["seeds"] == [0, 1]
    assert row["pair_accuracy"] == pytest.approx(100 * (0.75 + 0.5) / 2)
    assert (row["top1"], row["ap50"]) == (50, 25)
    low, high = row["interval"]
    assert 50 <= low < row["pair_accuracy"] < high <= 100
    assert row["best"]
    assert (row["change"], tuple(row["change_interval"])) == (0, (0, 0))  # it is the first one


def test_the_change_is_from_the_first_challenge_pair_by_pair(monkeypatch):
    monkeypatch.setattr(
        "dse.reproduction.challenges.CHALLENGES", {"reordered": None, "shifted": None}
    )
    both = record([0.5, 1.0, 0.75])
    both["challenges"]["reordered"] = record([0.75, 1.0, 1.0])["challenges"]["shifted"]
    changes = {row["challenge"]: row["change"] for row in rows_of({Cell("char-cnn"): both})}
    assert changes == {"reordered": 0, "shifted": pytest.approx(-100 / 6)}


def test_the_best_and_what_is_not_told_apart_from_it_are_marked():
    rng = np.random.default_rng(0)
    base = rng.uniform(0.7, 0.9, 25)
    records = {
        Cell("word-cnn-rnn"): record(base),
        Cell("char-cnn-rnn"): record(base + rng.normal(-0.001, 0.05, 25)),
        Cell("char-cnn"): record(base - 0.2),
        Cell("word-cnn", seed=1): record(base - 0.2),  # no seed in common with the best
    }
    best = {row["text_encoder"]: row["best"] for row in rows_of(records)}
    assert best == {"word-cnn-rnn": True, "char-cnn-rnn": True, "char-cnn": False, "word-cnn": True}
    table = challenge_section(rows_of(records))[-1]
    assert "**" in next(line for line in table.splitlines() if "| word-cnn-rnn" in line)
    assert "**" not in next(line for line in table.splitlines() if "| char-cnn " in line)


def test_without_a_measured_challenge_there_is_no_section():
    assert rows_of({Cell("char-cnn"): {"challenges": None}, Cell("word-cnn"): {}}) == []
    assert challenge_section([]) == []


def test_a_cell_of_the_table_is_put_to_the_challenges(monkeypatch):
    monkeypatch.setattr("dse.reproduction.measurement.CHALLENGES", ["few words"])
    data = dse.load_dataset("fieldguide")
    measured = measure_cell(data, Cell("bag-of-words", length=20))["challenges"]
    assert list(measured) == ["few words"]
    pairs = measured["few words"]["per_pair"]
    assert len(pairs) == 25
    mean = np.mean([pair["accuracy"] for pair in pairs])
    assert measured["few words"]["pair_accuracy"] == pytest.approx(mean, abs=1e-5)
    assert measure_cell(data, Cell("bag-of-words", "da", length=1))["challenges"] is None

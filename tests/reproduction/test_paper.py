"""The paper's published figures: complete, and consistent where they should be."""

from pathlib import Path

import pytest

from dse.reproduction import read_paper, summary
from dse.reproduction.cells import PAPER_ENCODERS
from dse.utils.errors import InputError

PAPER = read_paper()
TEXT = PAPER_ENCODERS[1:]
ROWS = [*PAPER["table1"]["rows"].values(), *PAPER["table2"]["rows"].values()]


def distance_to_multiple(percent, of):
    """How far a percentage is from a whole number of `of` parts, in percent."""
    parts = percent / 100 * of
    return abs(parts - round(parts)) * 100 / of


def test_tables_have_all_rows_in_the_papers_order():
    assert tuple(PAPER["table1"]["rows"]) == PAPER_ENCODERS
    assert tuple(PAPER["table2"]["rows"]) == TEXT
    assert len(ROWS) == 17
    for part in ("figure4a", "figure4b"):
        assert tuple(PAPER[part]["top1"]) == tuple(PAPER[part]["ap50"]) == TEXT


def test_every_group_has_its_unit_and_place():
    for name, group in PAPER.items():
        if name != "source":
            assert group["unit"].startswith("percent") and group["place"]


@pytest.mark.parametrize("encoder", TEXT)
def test_captions_all_precisions_are_whole_numbers_of_50_times_50_slots(encoder):
    value = PAPER["figure4b"]["ap50"][encoder]["mean"][-1]
    assert distance_to_multiple(value, of=50 * 50) < 1e-9


@pytest.mark.parametrize("encoder", [*TEXT, "attributes"])
def test_all_captions_top1_counts_images(encoder):
    figure = PAPER["figure4b"]
    known = figure["top1"].get(encoder)
    value = figure["attributes"]["top1"] if known is None else known["mean"][-1]
    assert distance_to_multiple(value, of=PAPER["table1"]["images"]) <= 0.005 + 1e-9


def test_the_symmetric_objective_helps_every_row_in_retrieval_and_not_in_top1():
    assert all(row["ap50"]["ds"] >= row["ap50"]["da"] for row in ROWS)
    worse = [
        name
        for table in ("table1", "table2")
        for name, row in PAPER[table]["rows"].items()
        if row["top1"]["ds"] < row["top1"]["da"]
    ]
    assert worse == ["attributes", "word2vec", "char-lstm", "word2vec", "char-cnn", "char-lstm"]


@pytest.mark.parametrize(
    ("table", "metric", "objective", "best", "value"),
    [
        ("table1", "top1", "da", "word-cnn-rnn", 54.3),
        ("table1", "top1", "ds", "word-cnn-rnn", 56.8),
        ("table1", "ap50", "da", "word-lstm", 36.8),
        ("table1", "ap50", "ds", "attributes", 50.0),
        ("table2", "top1", "da", "word-lstm", 62.3),
        ("table2", "top1", "ds", "word-cnn-rnn", 65.6),
        ("table2", "ap50", "da", "word-lstm", 45.9),
        ("table2", "ap50", "ds", "word-cnn-rnn", 59.6),
    ],
)
def test_maxima_of_the_tables(table, metric, objective, best, value):
    rows = PAPER[table]["rows"]
    assert max(rows, key=lambda name: rows[name][metric][objective]) == best
    assert rows[best][metric][objective] == value


def test_table_3_repeats_the_maxima():
    ours = {row["method"]: (row["cub"], row["flowers"]) for row in PAPER["table3"]["rows"]}
    for objective in ("da", "ds"):
        best = [
            max(row["top1"][objective] for row in PAPER[table]["rows"].values())
            for table in ("table1", "table2")
        ]
        assert ours[f"{objective.upper()}-SJE"] == tuple(best)
    assert len(ours) == 6


def test_figures_end_near_the_table_and_curves_are_whole():
    for metric in ("top1", "ap50"):
        for encoder in TEXT:
            table = PAPER["table1"]["rows"][encoder][metric]["ds"]
            curve = PAPER["figure4a"][metric][encoder]
            assert len(curve) == len(PAPER["figure4a"]["captions_per_image"]) == 5
            assert abs(curve[-1] - table) <= 0.15
            few = PAPER["figure4b"][metric][encoder]
            assert len(few["mean"]) == len(PAPER["figure4b"]["captions"]) == 10
            assert len(few["sd"]) == 9
            assert abs(few["mean"][-1] - table) < 1.2  # the paper's own spread between runs


def test_single_caption_figures_are_the_first_points_of_the_curves():
    for encoder, value in PAPER["single_caption"]["ap50"].items():
        assert abs(PAPER["figure4b"]["ap50"][encoder]["mean"][0] - value) < 0.051


def test_an_edited_figure_is_noticed(tmp_path, monkeypatch):
    paper = Path(summary.__file__).with_name("paper.json").read_text(encoding="utf-8")
    monkeypatch.setattr(summary, "__file__", str(tmp_path / "summary.py"))
    for text in (paper.replace("54.0", "55.0", 1), paper[:-100], "{}", ""):
        assert text != paper
        (tmp_path / "paper.json").write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"paper\.json is damaged"):
            read_paper()

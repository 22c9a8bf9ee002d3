"""The summary: a pure function of the files, right in its figures, honest about what is missing."""

import json
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from dse.reproduction import PARTS, Cell, read_paper, read_records, write_summary
from dse.reproduction import summarise as summarise_in_full
from dse.reproduction.claims import claims_about
from dse.reproduction.intervals import interval, resampled_means, spearman
from dse.reproduction.report import paper_table, to_markdown

PAPER = read_paper()
RESULTS = Path(__file__).parents[2] / "results"
summarise = partial(summarise_in_full, resamples=500)
ALL = [cell for part in PARTS.values() for cell in part]


@pytest.fixture
def records(record):
    """Made-up records of the whole grid; `attributes` have no captions."""
    few = {"single_caption": None, "caption_curve": None}
    return {c: record(c, **(few if c.text_encoder == "attributes" else {})) for c in ALL}


def written(folder, records):
    folder.mkdir(parents=True)
    for cell, content in records.items():
        (folder / f"{cell.name}.json").write_text(json.dumps(content))
    return folder


def test_the_summary_is_a_pure_function_of_the_run_files(records, tmp_path):
    cells = list(records)
    random.Random(0).shuffle(cells)
    one = written(tmp_path / "here" / "cub", records)
    other = written(tmp_path / "elsewhere" / "cub", {cell: records[cell] for cell in cells})
    (other / "curve-of-something.json").write_text("{}")
    (other / "summary.md").write_text("edited by hand")
    for folder in (one, other):
        write_summary(folder)
    for name in ("summary.json", "summary.md"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    summary = json.loads((one / "summary.json").read_text(encoding="utf-8"))
    assert summary == summarise_in_full("cub", read_records(one), PAPER)
    assert (one / "summary.md").read_text(encoding="utf-8") == to_markdown(summary)
    assert summary["files"] == sorted(f"{cell.name}.json" for cell in ALL)


def test_a_figure_is_rounded_once_from_file_to_table(records):
    cell = Cell("bag-of-words")
    records[cell]["top1"] = 0.519489  # 51.95 to two digits, and from there 52.0
    row = paper_table(summarise("cub", records, PAPER), "ds").loc["bag-of-words"]
    assert row["top-1, here"] == "51.9"


def test_every_cell_of_the_papers_table_is_there(records):
    rows = summarise("cub", records, PAPER)["table"]
    assert len(rows) == 2 * (18 + 4 + 2)
    for row in rows:
        published = PAPER["table1"]["rows"].get(row["text_encoder"])
        if published is not None:
            assert row["paper"] == published[row["metric"]][row["objective"]]
        own = records[Cell(row["text_encoder"], row["objective"])]
        assert row["ours"] == pytest.approx(100 * own[row["metric"]], abs=1e-4)
        low, high = row["interval"]
        assert low < row["ours"] < high


@pytest.mark.parametrize("length", [None, "full", 9])
def test_the_command_measures_any_cell_again_and_is_told_once(records, length):
    from dse.cli import _parser
    from dse.reproduction import choose_cells

    records = {cell: {**own, "length": length} for cell, own in records.items()}
    summary = summarise("cub", records, PAPER)
    assert to_markdown(summary).count("--out again") == 1
    for row in summary["table"] + summary["figure4a"]:
        words = summary["command"].replace("CELL", row["cell"]).split()
        options = _parser().parse_args(words[1:])
        assert [cell.name for cell in choose_cells(options.only)] == [row["cell"]]
        assert str(options.out) == "again"
        assert (str(options.root), options.image_encoder) == ("DATA", "toy")
        assert (options.full, options.steps) == (length == "full", 9 if length == 9 else None)


@pytest.mark.parametrize("dataset", ["cub", "flowers", "fieldguide", "folder"])
def test_nothing_measured_is_all_missing_and_never_a_number(dataset):
    summary = summarise(dataset, {}, PAPER)
    assert all(row["ours"] is None for row in summary["table"] + summary["figure4a"])
    assert {row["verdict"] for row in summary["claims"]} == {"missing"}
    assert summary["files"] == []
    page = to_markdown(summary)
    assert "Nothing has been measured yet." in page
    assert "None" not in page and "nan" not in page


def test_a_missing_cell_is_missing_in_its_row_and_its_claims(records):
    del records[Cell("word-lstm", "da")]
    summary = summarise("cub", records, PAPER)
    missing = [row for row in summary["table"] if row["ours"] is None]
    assert {row["cell"] for row in missing} == {"word-lstm-da-seed0"}
    about = [row["claim"] for row in summary["claims"] if row["verdict"] == "missing"]
    assert "DS-SJE above DA-SJE, AP@50: word-lstm" in about
    assert "word-cnn-rnn is the best, top-1" not in about
    page = to_markdown(summary)
    assert "| missing |" in page and "claims are missing" in page


def test_the_table_to_be_shown_has_every_figure_and_its_interval(records):
    del records[Cell("char-cnn", "da")]
    summary = summarise("cub", records, PAPER)
    for objective, encoders in (("ds", 13), ("da", 11)):
        table = paper_table(summary, objective)
        assert table.shape == (encoders, 6)
        own = [row for row in summary["table"] if row["objective"] == objective]
        for row in own:
            metric = {"top1": "top-1", "ap50": "AP@50"}[row["metric"]]
            shown = table.loc[row["text_encoder"]]
            if row["ours"] is None:
                assert shown[f"{metric}, here"] == shown[f"{metric}, interval"] == "missing"
                continue
            paper = "–" if row["paper"] is None else f"{row['paper']:.1f}"
            assert shown[f"{metric}, paper"] == paper
            assert shown[f"{metric}, here"] == f"{row['ours']:.1f}"
            low, high = map(float, shown[f"{metric}, interval"].split(" to "))
            assert [low, high] == pytest.approx(row["interval"], abs=0.051)


def test_rank_correlation_is_one_for_the_papers_own_figures(records):
    for cell in PARTS["table"]:
        row = PAPER["table1"]["rows"][cell.text_encoder]
        for metric in ("top1", "ap50"):
            records[cell][metric] = row[metric][cell.objective] / 200  # another level, same order
    correlations = summarise("cub", records, PAPER)["rank_correlation"]
    assert [(row["encoders"], row["spearman"]) for row in correlations] == [(9, 1.0)] * 4


def test_rank_correlation_equals_its_formula(records):
    column = [
        row
        for row in summarise("cub", records, PAPER)["table"]
        if (row["metric"], row["objective"]) == ("top1", "ds") and row["paper"] is not None
    ]
    ranks = [
        {row["cell"]: place for place, row in enumerate(sorted(column, key=lambda r: r[key]))}
        for key in ("paper", "ours")
    ]
    squares = sum((ranks[0][name] - ranks[1][name]) ** 2 for name in ranks[0])
    first = summarise("cub", records, PAPER)["rank_correlation"][0]
    assert first["spearman"] == pytest.approx(1 - 6 * squares / (9 * 80), abs=0.006)


def test_cells_of_another_length_are_marked_and_not_ranked(records):
    for objective in ("ds", "da"):
        records[Cell("attributes", objective)]["steps"] = 3
    records[Cell("char-lstm")]["steps"] = 5
    summary = summarise("cub", records, PAPER)
    marked = {row["cell"] for row in summary["table"] if row["other_length"]}
    assert marked == {"attributes-ds-seed0", "attributes-da-seed0", "char-lstm-ds-seed0"}
    ranked = {
        (row["metric"], row["objective"]): (row["encoders"], row["left_out"])
        for row in summary["rank_correlation"]
    }
    for metric in ("top1", "ap50"):
        assert ranked[metric, "ds"] == (7, ["attributes", "char-lstm"])
        assert ranked[metric, "da"] == (8, ["attributes"])
    page = to_markdown(summary)
    (line,) = [own for own in page.splitlines() if own.startswith("| char-lstm | 21.6")]
    assert line.count("†") == 2
    assert "attributes 3, char-lstm 5; the rest 7" in page
    shown = paper_table(summary, "ds")["top-1, here"]
    assert {name for name, figure in shown.items() if "†" in figure} == {"attributes", "char-lstm"}


def test_all_cells_of_the_authors_length_are_ranked_together(records):
    """Attributes had 7 epochs in the paper, and the others 200."""
    for cell, own in records.items():
        own.update(length="full", steps=567 if cell.text_encoder == "attributes" else 16_200)
    summary = summarise("cub", records, PAPER)
    assert [row["encoders"] for row in summary["rank_correlation"]] == [9] * 4
    assert "†" not in to_markdown(summary)


def test_the_interval_of_the_rank_correlation_resamples_all_encoders_together(records):
    cells = [cell for cell in PARTS["table"] if cell.objective == "ds"]
    ap50 = [[own["ap50"] for own in records[cell]["per_class"].values()] for cell in cells]
    drawn = resampled_means(np.array(ap50)[:, None], np.ones(10), resamples=500, seed=(0, 0))
    theirs = [PAPER["table1"]["rows"][cell.text_encoder]["ap50"]["ds"] for cell in cells]
    row = summarise("cub", records, PAPER)["rank_correlation"][2]
    assert (row["metric"], row["objective"]) == ("ap50", "ds")
    assert row["interval"] == pytest.approx(interval(spearman(theirs, drawn)), abs=1e-5)


def test_seeds_are_shown_with_their_spread_and_a_claim_uses_those_of_both_sides(records):
    summary = summarise("cub", records, PAPER)
    own = [row for row in summary["seeds"] if row["text_encoder"] == "word-lstm"]
    spread = next(row for row in own if row["metric"] == "top1")
    values = [100 * records[Cell("word-lstm", seed=seed)]["top1"] for seed in (0, 1, 2)]
    assert spread["values"] == pytest.approx(values, abs=0.006)
    assert (spread["mean"], spread["sd"]) == pytest.approx(
        (np.mean(values), np.std(values, ddof=1)), abs=0.006
    )
    shown = f"{np.mean(values):.1f} ± {np.std(values, ddof=1):.1f} (3)"
    assert shown in to_markdown(summary)
    claims = {row["claim"]: row for row in summary["claims"]}
    claim = claims["DS-SJE above DA-SJE, top-1: word-lstm"]
    da = 100 * records[Cell("word-lstm", "da")]["top1"]
    assert claim["seeds"] == [0]
    assert claim["ours"] == pytest.approx(values[0] - da, abs=2e-4)
    assert claims["One caption: word-cnn-rnn above word-lstm, AP@50"]["seeds"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("lead", "verdict"), [(0.2, "holds"), (-0.2, "does not hold"), (0.0, "not told apart")]
)
def test_verdicts(records, lead, verdict):
    ds, da = records[Cell("char-cnn")], records[Cell("char-cnn", "da")]
    for c, (name, own) in enumerate(ds["per_class"].items()):
        own["ap50"] = da["per_class"][name]["ap50"] + lead + (0.01 if c % 2 else -0.01)
    ds["ap50"] = da["ap50"] + lead
    summary = summarise_in_full("cub", records, PAPER, resamples=5000)
    claim = "DS-SJE above DA-SJE, AP@50: char-cnn"
    row = next(row for row in summary["claims"] if row["claim"] == claim)
    assert row["verdict"] == verdict
    assert row["paper"] == pytest.approx(42.7 - 2.9)
    assert row["ours"] == pytest.approx(100 * lead, abs=1e-4)
    shown = verdict if verdict == "not told apart" else f"{verdict} (one seed)"
    page = to_markdown(summary)
    (line,) = [own for own in page.splitlines() if own.startswith("| char-cnn | +39.8")]
    assert line.endswith(f"| {shown} |")


def test_what_the_paper_itself_says_about_its_claims():
    claims = summarise("cub", {}, PAPER)["claims"]
    beyond = [row["paper"] for row in claims if row["group"].startswith("Beyond the paper")]
    assert beyond == 4 * [None]
    rows = {row["claim"]: row["paper"] for row in claims if row["paper"] is not None}
    assert len(rows) == len(claims) - len(beyond)
    assert rows["word-cnn-rnn is the best, top-1"] == pytest.approx(56.8 - 54.0)
    assert rows["attributes are the best, AP@50"] == pytest.approx(50.0 - 48.7)
    below = "2 captions: word-cnn-rnn below attributes, top-1"
    assert rows[below] == pytest.approx(50.4 - 47.53)
    collapse = "DA-SJE: CNNs below word-lstm and bag-of-words, AP@50"
    assert rows[collapse] == pytest.approx(24.6 - 6.9)
    assert sum(value < 0 for value in rows.values()) == 3  # DS against DA in top-1


def test_the_forms_of_da_stand_side_by_side_with_levels_on_and_off(record, records):
    cell = Cell("char-cnn", "da", form="float64")
    by_class = [0.3, 0.5] * 5
    records[cell] = record(cell, without_level={"ap50": 0.4, "per_class": by_class})
    rows = summarise("cub", records, PAPER)["da_forms"]
    own = {
        (row["objective"], row["form"]): row for row in rows if row["text_encoder"] == "char-cnn"
    }
    assert list(own) == [("ds", None), ("da", None), ("da", "zero-bias"), ("da", "float64")]
    row = own["da", "float64"]
    assert row["ap50"] == pytest.approx(100 * records[cell]["ap50"], abs=1e-4)
    assert row["ap50_without_level"] == pytest.approx(40)
    low, high = row["ap50_without_level_interval"]
    assert 30 < low < 40 < high < 50
    assert own["ds", None]["ap50_without_level"] is None
    page = to_markdown(summarise("cub", records, PAPER))
    assert f"| 40.0 ({low:.1f} to {high:.1f}) |" in page


def test_the_forms_of_da_are_left_out_where_there_are_none(records):
    few = {cell: own for cell, own in records.items() if cell.form is None}
    assert "DA, float64" not in to_markdown(summarise("cub", few, PAPER))


def test_flowers_has_no_attributes():
    summary = summarise("flowers", {}, PAPER)
    assert len([row for row in summary["table"] if row["paper"] is not None]) == 32
    texts = [row["text_encoder"] for row in summary["table"]]
    texts += [row["text_encoder"] for row in summary["da_forms"]]
    texts += [claim.text for claim in claims_about("flowers")]
    assert not any("attributes" in text for text in texts)


def test_what_differs_is_stated(records):
    page = to_markdown(summarise("cub", records, PAPER))
    assert "10 test classes" in page and "in the paper 50 with 2933" in page
    assert "Chance level of top-1: 10.0 %; in the paper 2.0 %" in page
    assert "227 × 227 pixels" in page
    assert "toy, 1 view in training; in the paper GoogLeNet, 10 views" in page
    guide = {cell: {**own, "dataset": "fieldguide"} for cell, own in records.items()}
    page = to_markdown(summarise("fieldguide", guide, PAPER))
    assert "**Other data.**" in page and "pixels" not in page


def test_a_folder_of_another_length_has_a_summary_too(records):
    full = {
        cell: {**own, "length": "full", "steps": 16_200}
        for cell, own in records.items()
        if cell.objective == "ds" and cell.seed == 0 and cell.captions is None
    }
    page = to_markdown(summarise("cub", full, PAPER))
    assert "16,200, as many epochs as the authors'" in page
    assert "top-1, DA: paper" not in page  # no column without a figure
    assert page.count("Missing: no cell has been measured.") == 2  # Figure 4a and the forms of DA


@pytest.mark.parametrize("folder", ["cub", "fieldguide", "full/cub"])
def test_the_summaries_of_the_repository_are_of_the_files_beside_them(folder):
    summary = json.loads((RESULTS / folder / "summary.json").read_text(encoding="utf-8"))
    cells = read_records(RESULTS / folder)
    assert summary["files"] == sorted(f"{cell.name}.json" for cell in cells)
    page = (RESULTS / folder / "summary.md").read_text(encoding="utf-8")
    assert page == to_markdown(summary)

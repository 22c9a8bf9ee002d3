"""The summary: a pure function of the files, right in its figures, honest about what is missing."""

import json
import random

import numpy as np
import pytest

from dse.reproduction import PARTS, Cell, read_paper, read_records, summarise, write_summary
from dse.reproduction.claims import Claim, claims_about, judged
from dse.reproduction.report import paper_table, to_markdown
from dse.utils.errors import InputError

PAPER = read_paper()
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
    summary = json.loads((one / "summary.json").read_text())
    assert summary == summarise("cub", read_records(one), PAPER)
    assert (one / "summary.md").read_text() == to_markdown(summary)
    assert summary["files"] == sorted(f"{cell.name}.json" for cell in ALL)


def test_a_figure_is_rounded_once_from_file_to_table(records):
    cell = Cell("bag-of-words")
    records[cell]["top1"] = 0.519489  # 51.95 to two digits, and from there 52.0
    row = paper_table(summarise("cub", records, PAPER), "ds").loc["bag-of-words"]
    assert row["top-1, here"] == "51.9"


def test_every_cell_of_the_papers_table_is_there_with_its_command(records):
    rows = summarise("cub", records, PAPER)["table"]
    assert len(rows) == 2 * (18 + 2)
    for row in rows:
        published = PAPER["table1"]["rows"].get(row["text_encoder"])
        if published is not None:
            assert row["paper"] == published[row["metric"]][row["objective"]]
            assert row["difference"] == pytest.approx(row["ours"] - row["paper"], abs=2e-4)
        own = records[Cell(row["text_encoder"], row["objective"])]
        assert row["ours"] == pytest.approx(100 * own[row["metric"]], abs=1e-4)
        low, high = row["interval"]
        assert low < row["ours"] < high
        assert row["command"] == (
            "dse reproduce cub --root DATA --image-encoder toy "
            f"--only {row['text_encoder']}-{row['objective']}-seed0 --out again"
        )


@pytest.mark.parametrize("length", [None, "full", 9])
def test_the_command_of_a_cell_measures_it_again(records, length):
    from dse.cli import _parser
    from dse.reproduction import choose_cells

    records = {cell: {**own, "length": length} for cell, own in records.items()}
    rows = summarise("cub", records, PAPER)
    for row in rows["table"] + rows["figure4a"]:
        options = _parser().parse_args(row["command"].split()[1:])
        assert [cell.name for cell in choose_cells(options.only)] == [row["cell"]]
        assert str(options.out) == "again"
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
    assert "| missing |" in to_markdown(summary)


def test_the_table_to_be_shown_has_every_figure_and_its_interval(records):
    del records[Cell("char-cnn", "da")]
    summary = summarise("cub", records, PAPER)
    for objective, encoders in (("ds", 11), ("da", 9)):
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


def test_seeds_are_averaged_in_claims_and_shown_with_their_spread(records):
    summary = summarise("cub", records, PAPER)
    own = [row for row in summary["seeds"] if row["text_encoder"] == "word-lstm"]
    spread = next(row for row in own if row["metric"] == "top1")
    values = [100 * records[Cell("word-lstm", seed=seed)]["top1"] for seed in (0, 1, 2)]
    assert spread["values"] == pytest.approx(values, abs=0.006)
    assert (spread["mean"], spread["sd"]) == pytest.approx(
        (np.mean(values), np.std(values, ddof=1)), abs=0.006
    )
    claim = next(
        row for row in summary["claims"] if row["claim"] == "DS-SJE above DA-SJE, top-1: word-lstm"
    )
    da = 100 * records[Cell("word-lstm", "da")]["top1"]
    assert claim["ours"] == pytest.approx(np.mean(values) - da, abs=2e-4)


@pytest.mark.parametrize(
    ("lead", "verdict"), [(0.2, "holds"), (-0.2, "does not hold"), (0.0, "undecided")]
)
def test_verdicts(records, lead, verdict):
    ds, da = records[Cell("char-cnn")], records[Cell("char-cnn", "da")]
    for c, (name, own) in enumerate(ds["per_class"].items()):
        own["ap50"] = da["per_class"][name]["ap50"] + lead + (0.01 if c % 2 else -0.01)
    ds["ap50"] = da["ap50"] + lead
    rows = summarise("cub", records, PAPER)["claims"]
    claim = "DS-SJE above DA-SJE, AP@50: char-cnn"
    row = next(row for row in rows if row["claim"] == claim)
    assert row["verdict"] == verdict
    assert row["paper"] == pytest.approx(42.7 - 2.9)
    assert row["ours"] == pytest.approx(100 * lead, abs=1e-6)


def test_what_the_paper_itself_says_about_its_claims():
    rows = {row["claim"]: row["paper"] for row in summarise("cub", {}, PAPER)["claims"]}
    assert rows["word-cnn-rnn is the best, top-1"] == pytest.approx(56.8 - 54.0)
    assert rows["attributes are the best, AP@50"] == pytest.approx(50.0 - 48.7)
    below = "2 captions: word-cnn-rnn below attributes, top-1"
    assert rows[below] == pytest.approx(50.4 - 47.53)
    collapse = "DA-SJE: CNNs below word-lstm and bag-of-words, AP@50"
    assert rows[collapse] == pytest.approx(24.6 - 6.9)
    assert sum(value < 0 for value in rows.values()) == 3  # DS against DA in top-1
    assert None not in rows.values()


def test_a_claim_about_several_cells_takes_their_extremes():
    figures = {"char-cnn": 5.0, "word-cnn": 3.0, "word-lstm": 4.0}
    cells = [Cell(name) for name in figures]
    claim = Claim("toy", "top1", tuple(cells[:2]), (cells[2],), "min", "max")

    def known(cell, metric):
        return figures[cell.text_encoder]

    assert claim.difference(known) == -1.0
    resampled = lambda cell, metric: np.full(10, known(cell, metric))  # noqa: E731
    row = judged(claim, known, resampled, lambda cell, metric: None)
    assert (row["verdict"], row["paper"], row["ours"]) == ("does not hold", None, -1.0)


def test_flowers_has_no_attributes():
    summary = summarise("flowers", {}, PAPER)
    assert len([row for row in summary["table"] if row["paper"] is not None]) == 32
    texts = [row["text_encoder"] for row in summary["table"]]
    texts += [claim.text for claim in claims_about("flowers")]
    assert not any("attributes" in text for text in texts)


def test_what_differs_is_stated(records):
    page = to_markdown(summarise("cub", records, PAPER))
    assert "10 test classes" in page and "in the paper 50 with 2933" in page
    assert "227 × 227 pixels" in page
    assert "toy, 1 view in training; in the paper GoogLeNet, 10 views" in page
    guide = {cell: {**own, "dataset": "fieldguide"} for cell, own in records.items()}
    page = to_markdown(summarise("fieldguide", guide, PAPER))
    assert "**Other data.**" in page and "pixels" not in page


def test_records_of_different_data_and_damaged_files_are_refused(record, tmp_path):
    cells = [Cell("char-cnn"), Cell("word-cnn")]
    folder = written(tmp_path / "cub", {c: record(c, data=c.text_encoder) for c in cells})
    with pytest.raises(InputError, match="measured on different data"):
        read_records(folder)
    lengths = [{"length": "full"}, {}]
    both = {cell: record(cell, **own) for cell, own in zip(cells, lengths, strict=True)}
    with pytest.raises(InputError, match="another length of training"):
        read_records(written(tmp_path / "lengths" / "cub", both))
    (folder / "word-cnn-ds-seed0.json").write_text("{}")
    with pytest.raises(InputError, match=r"word-cnn-ds-seed0.json is damaged"):
        read_records(folder)

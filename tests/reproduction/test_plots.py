"""The figures hold what the summary holds, and nothing for what is missing."""

import numpy as np
import pytest
import torch
from PIL import Image

from dse.config import TrainingConfig
from dse.datasets.described_images import DescribedImages
from dse.reproduction import PARTS, Cell, plots, read_paper, summarise
from dse.runs import Run

PAPER = read_paper()


@pytest.fixture
def summary(record):
    cells = [*PARTS["figure4a"], *map(Cell, ("bag-of-words", "word-lstm", "word-cnn-rnn"))]
    return summarise("cub", {cell: record(cell) for cell in cells}, PAPER, resamples=500)


def line_data(figure, panel):
    return {
        (line.get_color(), line.get_linestyle()): line.get_ydata()
        for line in figure.axes[panel].get_lines()
        if line.get_linestyle() != "None" and len(line.get_ydata()) > 2
    }


@pytest.mark.parametrize(("panel", "metric"), [(0, "top1"), (1, "ap50")])
def test_figure_4a_draws_ours_solid_and_the_papers_dashed(summary, panel, metric):
    drawn = line_data(plots.figure4a(summary), panel)
    colour, _ = plots.STYLES["word-cnn-rnn"]
    own = [
        row
        for row in summary["figure4a"]
        if (row["text_encoder"], row["metric"]) == ("word-cnn-rnn", metric)
    ]
    assert list(drawn[colour, "-"]) == [row["ours"] for row in own]
    assert list(drawn[colour, "--"]) == PAPER["figure4a"][metric]["word-cnn-rnn"]


def test_figure_4b_draws_the_means_of_the_encoders_asked_for(summary):
    drawn = line_data(plots.figure4b(summary, ["bag-of-words"]), 0)
    colour, _ = plots.STYLES["bag-of-words"]
    row = next(r for r in summary["figure4b"] if r["text_encoder"] == "bag-of-words")
    assert list(drawn[colour, "-"]) == row["ours"]
    assert list(drawn[colour, "--"]) == PAPER["figure4b"]["top1"]["bag-of-words"]["mean"]
    assert {c for c, _ in drawn} == {colour}


def test_our_figures_against_the_papers(summary):
    figure = plots.against_paper(summary)
    points = {
        (panel, line.get_xdata()[0], line.get_ydata()[0])
        for panel, axis in enumerate(figure.axes)
        for line in axis.get_lines()
        if len(line.get_xdata()) == 1
    }
    expected = {
        (("top1", "ap50").index(row["metric"]), row["paper"], row["ours"])
        for row in summary["table"]
        if row["ours"] is not None and row["paper"] is not None and row["objective"] == "ds"
    }
    assert points == expected and len(points) == 6


def test_encoders_of_another_length_are_hollow(record):
    cells = [*map(Cell, ("bag-of-words", "word-lstm", "word-cnn-rnn"))]
    records = {cell: record(cell) for cell in cells}
    records[cells[1]]["steps"] = 3
    figure = plots.against_paper(summarise("cub", records, PAPER, resamples=100))
    hollow = {
        line.get_color()
        for line in figure.axes[0].get_lines()
        if len(line.get_xdata()) == 1 and line.get_markerfacecolor() == "none"
    }
    assert hollow == {plots.STYLES["word-lstm"][0]}
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "another length" in labels


def drawn_points(axis):
    """(name, difference) -> colour and whether filled, of every mark on a panel of claims."""
    names = [label.get_text() for label in axis.get_yticklabels()]
    points = {}
    for line in axis.get_lines():
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True):
            if line.get_marker() not in ("None", None, "") and np.isfinite(x):
                filled = line.get_markerfacecolor() != "none"
                points[names[int(y)], line.get_marker(), round(float(x), 4)] = (
                    line.get_color(),
                    filled,
                )
    return points


def test_claims_stand_in_their_groups_sorted_with_verdict_and_interval(summary):
    known = [row for row in summary["claims"] if row["verdict"] != "missing"]
    assert 0 < len(known) < len(summary["claims"])
    axes = plots.claims(summary).axes
    groups = list(dict.fromkeys(row["group"] for row in known))
    assert [axis.get_title(loc="left") for axis in axes] == groups
    for axis, group in zip(axes, groups, strict=True):
        own = [row for row in known if row["group"] == group]
        own.sort(key=lambda row: -row["ours"])
        labels = [label.get_text() for label in axis.get_yticklabels()]
        claims = [label.replace("\n", " ") for label in labels]
        assert claims == [row["claim"].removeprefix(f"{group}: ") for row in own]
        points = drawn_points(axis)
        (bars,) = axis.collections
        for name, row, bar in zip(labels, own, bars.get_segments(), strict=True):
            mark = "X" if row["verdict"] == "does not hold" else "o"
            colour, filled = points[name, mark, round(row["ours"], 4)]
            assert colour == plots.STYLES[row["higher"][0]][0]
            assert filled == (row["verdict"] != "not told apart")
            assert (name, "D", round(row["paper"], 4)) in points
            assert bar[:, 0].tolist() == pytest.approx(row["interval"])


def test_claims_of_one_group(summary):
    group = next(row["group"] for row in summary["claims"] if row["verdict"] != "missing")
    figure = plots.claims(summary, group)
    assert figure.axes[0].get_title(loc="left") == group
    verdicts = {row["verdict"] for row in summary["claims"] if row["group"] == group}
    named = {text.get_text() for text in figure.legends[0].get_texts()}
    assert named == verdicts - {"missing"} | {"paper"}


def test_every_run_of_a_cell_with_several_seeds_is_a_dot(record):
    cells = [Cell("bag-of-words", seed=seed) for seed in (0, 1, 2)]
    summary = summarise("cub", {cell: record(cell) for cell in cells}, PAPER, resamples=100)
    for axis, metric in zip(plots.seeds(summary).axes, ("top1", "ap50"), strict=True):
        (row,) = [own for own in summary["seeds"] if own["metric"] == metric]
        (dots,) = axis.collections
        assert sorted(dots.get_offsets()[:, 0]) == pytest.approx(sorted(row["values"]))
        (mean,) = [line for line in axis.get_lines() if len(line.get_xdata())]
        assert mean.get_xdata() == pytest.approx([row["mean"]])


def test_every_encoder_of_the_grid_has_a_colour_of_its_own():
    encoders = {cell.text_encoder for part in PARTS.values() for cell in part}
    assert encoders <= set(plots.STYLES)
    colours = [colour for colour, _ in plots.STYLES.values()]
    assert len(set(colours)) == len(colours)


@pytest.mark.parametrize("dataset", ["cub", "flowers", "folder"])
def test_figures_of_nothing_are_empty_but_there(dataset):
    summary = summarise(dataset, {}, PAPER)
    drawings = plots.against_paper, plots.figure4a, plots.figure4b, plots.claims, plots.seeds
    for draw in drawings:
        draw(summary).canvas.draw()


def test_confusion_matrix_shows_shares_of_rows():
    record = {"confusion": [[3, 1], [0, 2]], "per_class": {"001.Black_Tern": {}, "finch": {}}}
    axis, *_ = plots.confusion_matrix(record).axes
    assert axis.collections[0].get_array().reshape(2, 2).tolist() == [[75, 25], [0, 100]]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["Black Tern", "finch"]


def test_the_map_shows_the_images_and_the_description_of_each_class():
    images, descriptions = np.arange(12.0).reshape(6, 2), np.array([[0.0, 9], [9, 0], [5, 5]])
    labels = [2, 0, 1, 2, 2, 0]
    (axis,) = plots.species_map(images, labels, descriptions, ["wren", "finch", "tern"]).axes
    *dots, first, second, third = (part.get_offsets() for part in axis.collections)
    assert [len(own) for own in dots] == [2, 1, 3]
    assert np.array_equal(dots[2], images[[0, 3, 4]])
    assert np.array_equal(np.concatenate([first, second, third]), descriptions)
    named = [text.get_text() for text in axis.get_legend().get_texts()]
    assert named == [
        "wren",
        "tern",
        "finch",
    ]  # by column, so that the pair, wren and finch, is a row


class FirstLetter(torch.nn.Module):
    """Embeds a caption as e_i, i the place of its first letter in the alphabet."""

    linear = torch.nn.Linear(1, 3)

    def tokenizer(self, captions):
        return torch.tensor([[1 + ord(caption[0]) - ord("a")] for caption in captions])

    def forward(self, tokens):
        return torch.eye(3)[tokens[:, 0] - 1]


def test_retrieval_shows_the_best_images_and_frames_the_right_ones(tmp_path):
    paths = []
    for i in range(4):
        paths.append(tmp_path / f"{i}.png")
        Image.new("RGB", (4, 4), (50 * i, 0, 0)).save(paths[-1])
    features = torch.tensor([[0.1, 0, 9], [0.9, 0, 0], [0.5, 0, 1], [0.2, 0, 2]]).unsqueeze(1)
    data = DescribedImages(
        "toy", features, torch.tensor([0, 1, 0, 1]), [["x"]] * 4, ["wren", "finch"],
        {"test": torch.arange(2)}, image_paths=paths,
    )  # fmt: skip
    run = Run(FirstLetter(), TrainingConfig("bag-of-words"), {}, None)
    grid = plots.retrieval(run, data, {"a bird": "wren", "cry": "finch"}, images=2)
    assert list(grid.rows) == ["“a bird” (wren)", "“cry” (finch)"]
    pictures = [picture for row in grid.rows.values() for picture in row]
    assert [int(picture.image[0, 0, 0]) for picture in pictures] == [50, 100, 0, 150]
    assert [picture.title for picture in pictures] == ["finch", "wren", "wren", "finch"]
    framed = [picture.colour is not None for picture in pictures]
    assert framed == [False, True, False, True]

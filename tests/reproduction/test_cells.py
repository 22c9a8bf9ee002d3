"""The grid: names that say what a cell is, parts, and what a wrong name is told."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.reproduction import PARTS, Cell, choose_cells, read_paper
from dse.reproduction.cells import FORMS
from dse.reproduction.figures import PAPER_TABLE
from dse.text import TEXT_ENCODERS
from dse.utils.errors import InputError

RESULTS = Path(__file__).parents[2] / "results"
numbers = st.none() | st.integers(1, 10)
cells = st.builds(
    Cell,
    st.sampled_from(list(TEXT_ENCODERS)),
    st.sampled_from(["ds", "da"]),
    st.integers(0, 99),
    numbers,
    st.sampled_from([None, *FORMS]),
)


@given(cells)
def test_a_name_and_its_cell_say_the_same(cell):
    assert Cell.from_name(cell.name) == cell


@given(cells, cells)
def test_two_cells_never_share_a_file(one, other):
    assert (one.name == other.name) == (one == other)


def test_a_length_is_not_in_the_name():
    assert Cell("char-cnn", length="full") == Cell("char-cnn", length=9) == Cell("char-cnn")
    with pytest.raises(InputError, match="is not a cell"):
        Cell.from_name("char-cnn-ds-seed0-steps9")


@pytest.mark.parametrize("name", ["summary", "curve-char-cnn-seed0", "char-cnn-ds-seed", "paper"])
def test_other_files_are_no_cells(name):
    with pytest.raises(InputError, match="is not a cell"):
        Cell.from_name(name)


@pytest.mark.parametrize("name", ["my.net", "c++", "net(2"])
def test_an_encoder_of_ones_own_may_have_any_signs(monkeypatch, name):
    monkeypatch.setitem(TEXT_ENCODERS, name, None)
    for cell in (Cell(name), Cell("char-cnn")):
        assert Cell.from_name(cell.name) == cell
    with pytest.raises(InputError, match="is not a cell"):
        Cell.from_name("my-net-ds-seed0")


def test_the_grid_is_the_one_that_was_planned():
    names = [cell.name for cell in choose_cells()]
    assert len(names) == len(set(names)) == 18 + 18 + 48 + 4 + 2 + 20
    encoders = [cell.text_encoder for cell in PARTS["table"]]
    assert encoders[:9] == encoders[9:] and len(set(encoders)) == 9
    assert {(c.text_encoder, c.objective) for c in PARTS["table"]} >= {
        ("attributes", "da"), ("word-cnn-rnn", "ds")
    }  # fmt: skip
    assert {c.seed for c in PARTS["seeds"]} == {1, 2}
    assert {c.captions for c in PARTS["figure4a"]} == {1, 2, 4, 6, 8, 10}


@pytest.mark.parametrize(
    ("name", "dataset", "steps", "captions"),
    [
        ("char-cnn-rnn-da-seed0", "cub", 4200, 10),
        ("char-lstm-ds-seed0", "cub", 2000, 10),
        ("attributes-ds-seed0", "flowers", 1050, 10),
        ("word-cnn-rnn-ds-seed0-captions2", "cub", 3000, 2),
        ("char-lstm-ds-seed0", "fieldguide", 1800, 10),
        ("attributes-ds-seed0", "fieldguide", 700, 10),
        ("bag-of-words-ds-seed0-captions1", "fieldguide", 1500, 1),
    ],
)
def test_steps_and_captions_of_a_cell(toy, name, dataset, steps, captions):
    config = Cell.from_name(name).training_config(replace(toy, name=dataset))
    assert (config.steps, config.captions_per_image, config.split) == (steps, captions, "trainval")


@pytest.mark.parametrize(
    ("dataset", "classes", "steps"), [("cub", 150, 30_000), ("flowers", 82, 16_400)]
)
def test_full_is_the_authors_length(dataset, classes, steps):
    data = SimpleNamespace(name=dataset, splits={"trainval": range(classes)})
    assert read_paper()[PAPER_TABLE[dataset]]["steps_in_scripts"] == steps
    for cell in choose_cells(length="full"):
        expected = 7 * classes if cell.text_encoder == "attributes" else steps
        assert cell.training_config(data).steps == expected


def test_a_form_changes_one_thing_in_the_authors_training(toy):
    plain = Cell("word-cnn", "da").training_config(toy)
    assert (plain.output_bias, plain.precision, plain.lr_decay) == ("learned", "32-true", 0.98)
    assert Cell("word-cnn", "da", form="zero-bias").training_config(toy) == replace(
        plain, output_bias="zero"
    )
    assert Cell("word-cnn", "da", form="float64").training_config(toy) == replace(
        plain, precision="64-true"
    )


def test_an_annealed_cell_ends_at_the_learning_rate_of_the_authors_200_epochs(toy):
    classes = len(toy.splits["trainval"])
    config = Cell("word-cnn", form="annealed", length=20 * classes).training_config(toy)
    assert config.lr_decay**20 == pytest.approx(0.98**200)
    full = Cell("word-cnn", length="full")
    assert replace(full, form="annealed").training_config(toy) == full.training_config(toy)


def test_as_many_steps_as_asked_for(toy):
    for cell in choose_cells(["char-lstm", "figure4a"], length=9):
        assert cell.training_config(toy).steps == 9


def test_the_batch_of_a_cell_is_fitted_to_a_small_data_set(toy):
    small = replace(toy, splits={"trainval": torch.arange(12)})
    assert Cell("word-cnn").training_config(small).batch_size == 12
    assert Cell("word-cnn").training_config(toy).batch_size == 40


def test_choosing_by_part_by_encoder_and_by_cell():
    assert choose_cells(["table"]) == list(PARTS["table"])
    own = {cell.name for cell in choose_cells(["bag-of-bigrams"])}
    ends = (
        "ds-seed0",
        "ds-seed1",
        "ds-seed2",
        "da-seed0",
        "da-seed0-zero-bias",
        "da-seed0-float64",
    )
    assert own == {f"bag-of-bigrams-{end}" for end in ends}
    assert choose_cells(["char-cnn-rnn-long"]) == [Cell("char-cnn-rnn-long")]
    assert choose_cells(["word-cnn-da-seed4"] * 2) == [Cell("word-cnn", "da", seed=4)]


def test_seeds_repeat_every_chosen_cell():
    chosen = choose_cells(["table", "modern", "baselines", "seeds"], seeds=4)
    assert len(chosen) == len(set(chosen)) == 24 * 4
    assert chosen[:18] == list(PARTS["table"])


def test_wrong_names_and_numbers():
    with pytest.raises(InputError, match="'tables' is no part"):
        choose_cells(["tables"])
    with pytest.raises(InputError, match="seeds is 0"):
        choose_cells(["table"], seeds=0)
    with pytest.raises(InputError, match="steps is 0"):
        choose_cells(["table"], length=0)


def test_the_chosen_settings_are_the_best_of_the_search(toy):
    search = json.loads((RESULTS / "cub" / "word-transformer.json").read_text(encoding="utf-8"))
    best = max(search.values(), key=lambda row: row["top1"])
    config = Cell("word-transformer").training_config(toy)
    for name in ("learning_rate", "warmup"):
        assert getattr(config, name) == best[name] and len({r[name] for r in search.values()}) > 1

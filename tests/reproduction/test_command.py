"""`dse reproduce`: what it runs, what it writes, and one line for every wrong call."""

import json

import pytest

from dse.cli import main
from dse.reproduction import Cell
from dse.training import train
from dse.utils.errors import InputError


@pytest.fixture
def on_toys(toy, monkeypatch):
    """The command with the toy in place of every data set."""
    monkeypatch.setattr("dse.read_dataset", lambda *names: toy)
    monkeypatch.setattr("dse.commands.data.add_features", lambda data, **options: data)


def test_cells_then_summary(on_toys, tmp_path, capsys):
    out = ["--out", str(tmp_path / "results")]
    cells = ["--only", "attributes-ds-seed0", "bag-of-words-da-seed1"]
    assert main(["reproduce", "cub", *cells, "--steps", "2", *out]) == 0
    folder = tmp_path / "results" / "cub"
    names = {"attributes-ds-seed0.json", "bag-of-words-da-seed1.json"}
    assert {path.name for path in folder.iterdir()} == names
    assert main(["reproduce", "cub", "--only", "summary", *out]) == 0
    assert set(json.loads((folder / "summary.json").read_text())["files"]) == names
    assert "summary.md: written" in capsys.readouterr().out


def test_a_run_that_fails_is_told_and_the_others_go_on(on_toys, tmp_path, capsys, monkeypatch):
    def without_words(data, config, **options):
        if config.seed == 1:
            raise InputError("no word is known")
        return train(data, config, **options)

    monkeypatch.setattr("dse.reproduction.measurement.train", without_words)
    few = ["--only", "bag-of-words-ds-seed1", "bag-of-words-ds-seed0", "--steps", "1"]
    assert main(["reproduce", "cub", *few, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "no word is known" in error
    told = error.splitlines()[-1]
    assert told.startswith("dse: 1 of 2 runs failed (bag-of-words-ds-seed1)")
    assert [path.stem for path in (tmp_path / "cub").iterdir()] == ["bag-of-words-ds-seed0"]


def test_files_of_another_length_are_refused(on_toys, tmp_path, capsys):
    own = ["reproduce", "cub", "--only", "bag-of-words-ds-seed0", "--out", str(tmp_path)]
    assert main([*own, "--steps", "2"]) == 0
    for length in (["--full"], ["--steps", "3"], []):
        assert main([*own, *length]) == 2
        assert "was measured with another configuration: give another --out" in (
            capsys.readouterr().err
        )


def test_a_summary_needs_no_data_but_a_run_file(record, tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("DSE_ROOT", raising=False)
    summary = ["reproduce", "cub", "--only", "summary", "--out", str(tmp_path)]
    assert main(summary) == 2
    assert f"{tmp_path / 'cub'} holds no run file" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    (tmp_path / "cub").mkdir()
    file = tmp_path / "cub" / "char-cnn-ds-seed0.json"
    file.write_text(json.dumps(record(Cell("char-cnn"))), encoding="utf-8")
    assert main(summary) == 0
    assert "char-cnn-ds-seed0.json" in (tmp_path / "cub" / "summary.md").read_text()
    (tmp_path / "cub").rename(tmp_path / "flowers")
    assert main(["reproduce", "flowers", *summary[2:]]) == 2
    assert "char-cnn-ds-seed0.json was measured on cub" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["cub", "--only", "tables"], "--only 'tables' is no part"),
        (["cub", "--only", "table", "--seeds", "0"], "seeds is 0"),
        (["cub", "--steps", "0", "--only", "table"], "steps is 0"),
        (["cub", "--steps", "10000000000"], "steps is 10000000000"),
        (["cub", "--seeds", "100000000"], "seeds is 100000000"),
        (["cub", "--only", "char-cnn-ds-seed0-captions99"], "captions of a cell is 99"),
        (["cub", "--only", "char-cnn-ds-seed0-captions0"], "captions of a cell is 0"),
        (["cub", "--only", "char-cnn-ds-seed9999999999"], "seed of a cell is 9999999999"),
        (["cub", "--only", "char-cnn-ds-seed007"], "write char-cnn-ds-seed7"),
        (["cub", "--only", f"char-cnn-ds-seed{'9' * 5000}"], "is not a cell"),
        (["cub", "--steps", "9", "--full"], "not allowed with"),
        (["cub", "--parallel", "threads"], "--parallel"),
        (["imagenet"], "unknown data set 'imagenet'"),
        (["imagenet", "--only", "summary"], "unknown data set 'imagenet'"),
    ],
)
def test_a_wrong_call_is_one_line_and_writes_nothing(
    arguments, complaint, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSE_ROOT", str(tmp_path))
    try:
        code = main(["reproduce", *arguments])
    except SystemExit as stop:
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("dse: ") and error.count("\n") == 1
    assert complaint in error
    assert not list(tmp_path.iterdir())


def test_a_file_of_an_older_form_is_one_line(on_toys, tmp_path, capsys):
    old = tmp_path / "cub" / "bag-of-words-ds-seed0.json"
    old.parent.mkdir()
    old.write_text('{"top1": 0.5}')
    for only in ("bag-of-words-ds-seed0", "summary"):
        assert main(["reproduce", "cub", "--only", only, "--out", str(tmp_path)]) == 2
        error = capsys.readouterr().err
        assert "bag-of-words-ds-seed0.json is damaged (dataset: Field required): remove it" in error

"""`dse reproduce`: what it runs, what it writes, and one line for every wrong call."""

import json

import pytest

from dse.cli import main


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


def test_a_run_that_fails_is_told_and_the_others_go_on(on_toys, tmp_path, capsys):
    few = ["--only", "bag-of-words-ds-seed0-captions0", "bag-of-words-ds-seed0", "--steps", "1"]
    assert main(["reproduce", "cub", *few, "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "captions_per_image is 0" in error
    told = error.splitlines()[-1]
    assert told.startswith("dse: 1 of 2 runs failed (bag-of-words-ds-seed0-captions0)")
    assert [path.stem for path in (tmp_path / "cub").iterdir()] == ["bag-of-words-ds-seed0"]


def test_files_of_another_length_are_refused(on_toys, tmp_path, capsys):
    own = ["reproduce", "cub", "--only", "bag-of-words-ds-seed0", "--out", str(tmp_path)]
    assert main([*own, "--steps", "2"]) == 0
    for length in (["--full"], ["--steps", "3"], []):
        assert main([*own, *length]) == 2
        assert "was measured with another configuration: give another --out" in (
            capsys.readouterr().err
        )


def test_a_summary_needs_no_data(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("DSE_ROOT", raising=False)
    assert main(["reproduce", "flowers", "--only", "summary", "--out", str(tmp_path)]) == 0
    assert "Nothing has been measured yet." in (tmp_path / "flowers" / "summary.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["cub", "--only", "tables"], "--only 'tables' is no part"),
        (["cub", "--only", "table", "--seeds", "0"], "seeds is 0"),
        (["cub", "--steps", "0", "--only", "table"], "steps is 0"),
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
        assert "bag-of-words-ds-seed0.json is damaged or of an older form: remove it" in error

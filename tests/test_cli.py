"""The command line: what it prints, what it writes, and one line for every wrong call."""

import json
import subprocess
import sys

import pytest

from dse.cli import main
from dse.runs import Run

ENCODER = ["--image-encoder", "fieldguide"]


def refused(arguments, capsys):
    """The one line that a wrong call ends with."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.count("\n") == 1, captured.err
    assert captured.err.startswith("dse: ")
    return captured.err


def test_data_counts_what_is_there(tiny_cub, capsys, tmp_path):
    assert main(["data", "cub", "--root", str(tiny_cub), "--json", str(tmp_path / "d.json")]) == 0
    figures = json.loads((tmp_path / "d.json").read_text())
    assert (figures["classes"], figures["images"], figures["captions"]) == (4, 8, 80)
    assert figures["splits"]["test"] == {"classes": 1, "images": 2, "captions": 20}
    assert figures["captions_per_image"] == [10, 10, 10]
    printed = capsys.readouterr().out
    assert "trainval          3        6        60" in printed
    assert "note: 1 of 5 classes have no image here" in printed


def test_features_train_evaluate_in_a_row(tiny_cub, capsys, tmp_path, own_cache):
    run, figures = tmp_path / "run", tmp_path / "figures.json"
    cub = ["cub", "--root", str(tiny_cub), *ENCODER]
    assert main(["features", *cub]) == 0
    assert "8 images, 1 view, 1024 features" in capsys.readouterr().out
    train = ["train", *cub, "--text-encoder", "bag-of-words", "--steps", "5", "--batch-size", "3"]
    assert main([*train, "--out", str(run)]) == 0
    assert main(["evaluate", str(run), "--json", str(figures)]) == 0
    measured = json.loads(figures.read_text())
    assert (measured["classes"], measured["images"]) == (1, 2)
    assert measured["top1"] == 1.0
    assert "top-1            100.0 %" in capsys.readouterr().out
    assert "exists already" in refused([*train, "--out", str(run)], capsys)
    assert main([*train, "--out", str(run), "--resume"]) == 0
    another = [*train, "--seed", "1", "--out", str(run), "--resume"]
    assert "seed 0 there, 1 asked for" in refused(another, capsys)


def test_a_watched_run_says_how_many_steps_were_best(capsys, tmp_path):
    options = ["--text-encoder", "bag-of-words", "--steps", "20", "--split", "train"]
    run = tmp_path / "run"
    assert main(["train", "fieldguide", *options, "--validate-every", "10", "--out", str(run)]) == 0
    printed = capsys.readouterr().out
    best = Run.load(run).best_step
    assert f"at best, after {best} steps ({run / 'best'}); now train on both" in printed
    assert main(["evaluate", str(run / "best"), "--split", "val"]) == 0


WRONG_CALLS = {
    "looks at val classes that are trained on": (
        ["train", "fieldguide", "--text-encoder", "bag-of-words", "--validate-every", "5"]
        + ["--out", "run"],
        "train on 'train'",
    ),
    "unknown loss": (
        ["train", "fieldguide", "--text-encoder", "bag-of-words", "--loss", "l2", "--out", "run"],
        "unknown loss 'l2'",
    ),
    "too many devices for the batch": (
        ["train", "fieldguide", "--text-encoder", "bag-of-words", "--devices", "3"]
        + ["--out", "run"],
        "shared out evenly over 3 devices",
    ),
    "no command": ([], "COMMAND"),
    "unknown command": (["fly"], "fly"),
    "unknown data set": (["data", "imagenet"], "unknown data set 'imagenet'"),
    "no root": (["data", "cub"], "--root"),
    "no such root": (["data", "cub", "--root", "nowhere"], "nowhere"),
    "unknown text encoder": (
        ["train", "fieldguide", "--text-encoder", "gpt", "--out", "run"],
        "unknown text encoder 'gpt'",
    ),
    "unknown objective": (
        ["train", "fieldguide", "--text-encoder", "bag-of-words", "--objective", "x", "--out", "r"],
        "unknown objective 'x'",
    ),
    "no steps": (
        ["train", "fieldguide", "--text-encoder", "bag-of-words", "--steps", "0", "--out", "run"],
        "steps is 0",
    ),
    "steps not a number": (
        ["train", "fieldguide", "--text-encoder", "bag-of-words", "--steps", "x", "--out", "run"],
        "--steps",
    ),
    "no text encoder": (["train", "fieldguide", "--out", "run"], "--text-encoder"),
    "no run": (["evaluate", "nowhere"], "nowhere is not a run"),
}


@pytest.mark.parametrize("name", WRONG_CALLS)
def test_a_wrong_call_is_one_line_and_exit_code_2(name, capsys, monkeypatch, tmp_path):
    monkeypatch.delenv("DSE_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    arguments, expected = WRONG_CALLS[name]
    assert expected in refused(arguments, capsys)
    assert not list(tmp_path.iterdir())


def test_an_unknown_image_encoder_and_an_empty_root(tiny_cub, capsys, tmp_path):
    cub = ["features", "cub", "--root", str(tiny_cub), "--image-encoder", "vgg"]
    assert "unknown image encoder 'vgg'" in refused(cub, capsys)
    (tmp_path / "empty").mkdir()
    empty = ["data", "cub", "--root", str(tmp_path / "empty")]
    assert "no folder CUB_200_2011" in refused(empty, capsys)


def test_figures_that_cannot_be_written_are_one_line(tiny_cub, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    target = str(tmp_path / "file" / "figures.json")
    line = refused(["data", "cub", "--root", str(tiny_cub), "--json", target], capsys)
    assert f"{tmp_path / 'file'} cannot be read or written" in line


def test_python_dash_m_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "dse", "data", "imagenet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("dse: unknown data set")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["data", "features", "train", "evaluate"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"dse {command}" in capsys.readouterr().out


def test_evaluate_counts_words_that_training_never_saw(tiny_cub, capsys, tmp_path, own_cache):
    run, figures = tmp_path / "run", tmp_path / "figures.json"
    cub = ["train", "cub", "--root", str(tiny_cub), *ENCODER, "--views", "10", "--float16"]
    options = ["--text-encoder", "bag-of-words", "--steps", "2", "--batch-size", "3"]
    assert main([*cub, *options, "--out", str(run)]) == 0
    assert main(["evaluate", str(run), "--json", str(figures)]) == 0
    assert "(most often: green)" in capsys.readouterr().out
    assert json.loads(figures.read_text())["unknown_words"] == 1 / 4  # this bird is green


def test_only_one_or_ten_views(tiny_cub, capsys, own_cache):
    line = refused(["features", "cub", "--root", str(tiny_cub), "--views", "3"], capsys)
    assert "3 views: an image encoder looks at 1 or 10 views" in line

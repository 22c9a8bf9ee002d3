"""The command line: what it prints, what it writes, and one line for every wrong call."""

import argparse
import json
import logging
import subprocess
import sys
from dataclasses import asdict, fields

import pytest

import dse
from dse.cli import _parser, main
from dse.commands import data
from dse.config import TrainingConfig
from dse.runs import Run

ENCODER = ["--image-encoder", "fieldguide"]


def refused(arguments, capsys):
    """The one line that a wrong call ends with."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    *log, line = capsys.readouterr().err.splitlines()
    assert code == 2
    assert {entry.partition(":")[0] for entry in log} <= {"device"}
    assert line.startswith("dse: ")
    return line


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
    assert f"after {best} steps ({run / 'best'}); now train on both" in printed
    assert main(["evaluate", str(run / "best"), "--split", "val"]) == 0


WRONG_CALLS = {
    "validation on classes that are trained on": (
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
    "more processes than cores": (
        ["train", "fieldguide", "--text-encoder", "bag-of-words", "--devices", "40"]
        + ["--device", "cpu", "--out", "run"],
        "40 processes on",
    ),
    "figures onto a folder": (["data", "fieldguide", "--json", "."], ". is a folder"),
    "no devices": (
        ["train", "fieldguide", "--text-encoder", "bag-of-words", "--devices", "0", "--out", "run"],
        "0 devices",
    ),
    "no such device": (
        [
            "train",
            "fieldguide",
            "--text-encoder",
            "bag-of-words",
            "--device",
            "tpu",
            "--out",
            "run",
        ],
        "'tpu'",
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


@pytest.mark.parametrize(
    ("name", "told"),
    [("file/figures.json", "file is a file"), ("a" * 300, "cannot be read or written (File name")],
)
def test_figures_that_cannot_be_written_are_one_line(tiny_cub, capsys, tmp_path, name, told):
    (tmp_path / "file").write_text("")
    target = str(tmp_path / name)
    assert told in refused(["data", "cub", "--root", str(tiny_cub), "--json", target], capsys)


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


(COMMANDS,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))


@pytest.mark.parametrize("command", COMMANDS.choices)
def test_every_command_has_help_and_explains_its_options(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert f"dse {command}" in capsys.readouterr().out
    unexplained = [a.dest for a in COMMANDS.choices[command]._actions if not a.help]
    assert unexplained == []


@pytest.mark.parametrize(
    "command",
    [
        "features",
        "train",
        "evaluate",
        "embed",
        "explain",
        "search",
        "describe",
        "classify",
        "reproduce",
    ],
)
def test_what_computes_takes_a_device(command):
    assert any(a.dest == "device" for a in COMMANDS.choices[command]._actions)


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
    assert "views is 3" in line


def test_every_field_of_the_configuration_is_a_flag(tiny_cub, tmp_path, own_cache):
    """A value of its own for each, none the default, and all of them arrive in the run."""
    asked = TrainingConfig(
        "char-cnn-rnn", objective="da", loss="contrastive", temperature=0.5, steps=2, batch_size=2,
        learning_rate=1e-3, warmup=2, lr_decay=0.9, captions_per_image=3, units=8, seed=4,
        split="train", validate_every=1, patience=5, precision="bf16-mixed",
        output_bias="learned",
    )  # fmt: skip
    values = asdict(asked)
    assert not any(values[field.name] == field.default for field in fields(TrainingConfig))
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    run = tmp_path / "run"
    (tiny_cub / "cvpr2016_cub" / "trainclasses.txt").write_text("001.Red_Bird\n002.Blue_Bird\n")
    (tiny_cub / "cvpr2016_cub" / "valclasses.txt").write_text("005.Grey_Bird\n")
    assert main(["train", "cub", "--root", str(tiny_cub), *ENCODER, *flags, f"--out={run}"]) == 0
    assert Run.load(run).config == asked


@pytest.fixture
def a_run(tiny_cub, tmp_path, own_cache):
    """The arguments that train a run in two steps on the tiny CUB, and its folder."""
    folder = tmp_path / "a-run"
    train = ["train", "cub", "--root", str(tiny_cub), *ENCODER, "--text-encoder", "bag-of-words"]
    assert main([*train, "--steps", "2", "--batch-size", "3", "--out", str(folder)]) == 0
    return folder


def test_evaluate_refuses_other_data_than_the_run_was_trained_on(a_run, tiny_cub, capsys):
    (caption,) = tiny_cub.glob("cvpr2016_cub/text_c10/003*/*_1.txt")
    text = caption.read_text()
    caption.write_text(text.replace("green", "olive"))
    assert "--root" in refused(["evaluate", str(a_run)], capsys)
    caption.write_text(text.removesuffix("this bird is green.\n"))
    assert "80 captions then, 79 now" in refused(["evaluate", str(a_run)], capsys)
    caption.write_text(text)
    assert main(["evaluate", str(a_run)]) == 0


def test_evaluate_takes_the_same_data_in_another_place_with_features_of_another_device(
    a_run, tiny_cub, monkeypatch
):
    moved = tiny_cub.rename(tiny_cub.with_name("moved"))
    load = dse.load_dataset

    def loaded_elsewhere(*names, **options):
        data = load(*names, **options)
        data.features.mul_(1 + 1e-6)
        return data

    monkeypatch.setattr("dse.load_dataset", loaded_elsewhere)
    assert main(["evaluate", str(a_run), "--root", str(moved)]) == 0


def test_evaluate_refuses_other_splits_than_the_run_was_trained_on(a_run, tiny_cub, capsys):
    splits = [tiny_cub / "cvpr2016_cub" / f"{name}classes.txt" for name in ("trainval", "test")]
    contents = [path.read_text() for path in splits]
    for path, content in zip(splits, reversed(contents), strict=True):
        path.write_text(content)
    assert "others" in refused(["evaluate", str(a_run)], capsys)


def test_evaluate_says_what_it_cannot_tell(a_run, capsys):
    (a_run / "SHA256SUMS").unlink()  # as in runs of earlier versions
    about = json.loads((a_run / "config.json").read_text())
    del about["dataset"]["content"], about["dataset"]["captions"]
    (a_run / "config.json").write_text(json.dumps(about))
    assert main(["evaluate", str(a_run)]) == 0
    assert "cannot be told" in capsys.readouterr().err
    for dataset in ({}, {**about["dataset"], "name": "colours"}):  # one trained in Python
        (a_run / "config.json").write_text(json.dumps({**about, "dataset": dataset}))
        assert "names no data set" in refused(["evaluate", str(a_run)], capsys)


def test_evaluate_says_that_classes_were_trained_on(a_run, capsys):
    assert main(["evaluate", str(a_run)]) == 0
    assert "trained on" not in capsys.readouterr().err
    assert main(["evaluate", str(a_run), "--split", "trainval"]) == 0
    assert "trained on 3 of these classes" in capsys.readouterr().err


def test_the_library_logs_to_stderr_and_an_interruption_is_one_line(capsys, monkeypatch):
    def interrupted(options):
        logging.getLogger("dse.somewhere").info("half done")
        raise KeyboardInterrupt

    monkeypatch.setattr(data, "describe_data", interrupted)
    assert main(["data", "fieldguide"]) == 130
    printed = capsys.readouterr()
    assert (printed.out, printed.err.splitlines()[0]) == ("", "half done")
    assert "interrupted" in printed.err.splitlines()[1]

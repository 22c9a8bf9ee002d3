"""The commands of `dse`, called with words that are wrong, on a few images and captions."""

import json
import logging
import os
from argparse import _SubParsersAction
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from random import Random
from unittest import mock

import torch
from PIL import Image

import dse
from dse import cli
from dse.commands import training
from dse.datasets import DATASETS
from dse.utils.errors import InputError
from faults.campaign import Reading
from faults.corruptions import Corruption
from faults.run_roots import CAPTIONS, CELL, a_run, world
from faults.weight_roots import port

ODD_WORDS = (
    "", " ", "-", "--", "one", "0", "-1", "7", "1.5", "1e30", "1e-300", "nan", "inf", "9" * 400,
    "9" * 5000, "\u0663", "a" * 300, "\x1b[2J", "two\nlines", "\udcff", "\u202e", "\U0001f426",
    "%s", "{}", "*", "~", "run", "captions.txt", "run/config.json", "weights.pth", "photos", "cub",
    "--help", "--json", "--json=", "--out", "--steps", "--device=cuda:99", "--unknown",
    "bag-of-words", "char-cnn-rnn-ds-seed0-captions99", "bag-of-words-ds-seed99999999999",
)  # fmt: skip
"""None of them leads out of the folder: a person may write where they want to."""


def of_words(change: Callable[[list[str], Random], None]) -> Corruption:
    def corrupt(path: Path, random: Random) -> None:
        words = json.loads(path.read_text(encoding="utf-8"))
        change(words, random)
        path.write_text(json.dumps(words), encoding="utf-8")

    return corrupt


def odd_word(words: list[str], random: Random) -> None:
    words[random.randrange(1, len(words))] = random.choice(ODD_WORDS)


def word_added(words: list[str], random: Random) -> None:
    words.insert(random.randrange(1, len(words) + 1), random.choice(ODD_WORDS))


def word_removed(words: list[str], random: Random) -> None:
    del words[random.randrange(len(words))]


def words_swapped(words: list[str], random: Random) -> None:
    i, j = random.randrange(len(words)), random.randrange(len(words))
    words[i], words[j] = words[j], words[i]


def word_twice(words: list[str], random: Random) -> None:
    words.insert(random.randrange(len(words)), random.choice(words))


def word_cut(words: list[str], random: Random) -> None:
    i = random.randrange(len(words))
    words[i] = words[i][: random.randrange(len(words[i]) + 1)]


def letters_swapped(words: list[str], random: Random) -> None:
    i = random.randrange(len(words))
    letters = list(words[i])
    random.shuffle(letters)
    words[i] = "".join(letters)


def odd_value(words: list[str], random: Random) -> None:
    """In place of what follows a flag."""
    places = [i + 1 for i, word in enumerate(words[:-1]) if word.startswith("--")]
    words[random.choice(places)] = random.choice(ODD_WORDS)


def flag_added(words: list[str], random: Random) -> None:
    """One that the command knows; those that take other processes or hours stay out."""
    (commands,) = (a for a in cli._parser()._actions if isinstance(a, _SubParsersAction))
    known = {flag for a in commands.choices[words[0]]._actions for flag in a.option_strings}
    known -= {"--devices", "--nodes", "--parallel", "--seeds", "--full"}
    words += [random.choice(sorted(known)), random.choice(ODD_WORDS)]


WORDS: dict[str, Corruption] = {
    change.__name__.replace("_", " "): of_words(change)
    for change in (
        *(odd_word, word_added, word_removed, words_swapped, word_twice, word_cut),
        *(letters_swapped, odd_value, flag_added),
    )
}
TRAINING = ("--text-encoder", "bag-of-words", "--steps", "2", "--batch-size", "4")
COMMANDS = {
    "data": ["data", "cub", "--json", "figures.json"],
    "features": ["features", "cub", "--image-encoder", "fieldguide", "--views", "1"],
    "train": ["train", "cub", *TRAINING, "--seed", "1", "--out", "new"],
    "train, more": [
        "train", "cub", *TRAINING, "--learning-rate", "0.001", "--lr-decay", "0.98", "--warmup",
        "1", "--split", "train", "--validate-every", "1", "--patience", "2", "--precision",
        "32-true", "--out", "new", "--resume",
    ],
    "evaluate": ["evaluate", "run", "--split", "test", "--json", "figures.json"],
    "embed": ["embed", "run", "captions.txt", "--out", "rows.npy", "--json", "figures.json"],
    "explain": ["explain", "run", "a red crown", "--image", "photos/1.png", "--json", "e.json"],
    "search": ["search", "run", "a red crown", "--images", "photos", "--top", "2", "--out", "s"],
    "describe": ["describe", "run", "--image", "photos/1.png", "--captions", "captions.txt"],
    "classify": ["classify", "run", "--images", "photos", "--classes", "classes.txt", "--out", "c"],
    "reproduce": ["reproduce", "cub", "--only", CELL.name, "--steps", "2", "--out", "results"],
    "import-weights": ["import-weights", "weights.pth", "--out", "imported"],
}  # fmt: skip


def called_with(words: list[str]) -> Callable[[Path], None]:
    def build(root: Path) -> None:
        a_run(root, dim=1024)
        (root / "captions.txt").write_text("\n".join(CAPTIONS), encoding="utf-8")
        (root / "classes.txt").write_text("wren: a brown bird\ntit: blue\n", encoding="utf-8")
        (root / "photos").mkdir()
        for number in range(2):
            Image.new("RGB", (24, 16), (90 * number, 30, 60)).save(root / f"photos/{number}.png")
        port(root)
        (root / "words.json").write_text(json.dumps(words), encoding="utf-8")

    return build


@contextmanager
def small_world() -> Iterator[None]:
    """Every command finds the same few images and captions, under the name of CUB."""
    features = torch.nn.functional.pad(world().features, (0, 1024 - 16))
    colours = replace(world(), features=features, image_encoder="fieldguide")
    cub = replace(colours, name="cub")
    read = dse.read_dataset

    def read_dataset(name: str, root: object = None) -> dse.DescribedImages:
        return cub if name in ("cub", "fieldguide") else read(name, root)

    def load_dataset(name: str, root: object = None, **options: object) -> dse.DescribedImages:
        return colours if name == "colours" else read_dataset(name, root)

    with (
        mock.patch.object(training, "DATASETS", (*DATASETS, "colours")),
        mock.patch.object(dse, "read_dataset", read_dataset),
        mock.patch.object(dse, "load_dataset", load_dataset),
        mock.patch("dse.commands.data.add_features", lambda data, **options: data),
    ):
        yield


def calls(root: Path) -> Reading:
    """Call a command as a shell does; what it computes is not looked at."""
    words = json.loads((root / "words.json").read_text(encoding="utf-8"))
    os.chdir(root)
    out = TextIOWrapper(BytesIO(), encoding="utf-8")
    with small_world(), redirect_stdout(out), redirect_stderr(StringIO()) as err:
        try:
            code = cli.main(words)
        except SystemExit as stop:
            code = stop.code
    logging.getLogger("dse").handlers = []
    *notes, last = err.getvalue().splitlines() or [""]
    if code == 2:
        assert last.startswith("dse: "), err.getvalue()
        raise InputError(last)
    assert code == 0, code
    return Reading("done", [*notes, last])

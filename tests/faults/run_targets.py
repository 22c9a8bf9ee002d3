"""What `dse` writes and reads again, and what it is called with: runs, checkpoints, results, words.

Each target has small valid files and the way in which `dse` reads them, see `faults.campaign`.
"""

import json
import logging
import os
from argparse import _SubParsersAction
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import replace
from functools import cache
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from random import Random
from unittest import mock

import pandas as pd
import torch
from PIL import Image

import dse
import dse.training.loop
from dse import cli
from dse.config import TrainingConfig
from dse.reproduction import Cell, measure_cell, read_paper, run_cells, summary, write_summary
from dse.run_files import CHECKSUMS, HISTORY_COLUMNS
from dse.runs import Run
from dse.text import build_text_encoder
from dse.training import train
from dse.training.checkpoints import STATE_FILE
from dse.utils.errors import InputError
from dse.utils.records import CHECKSUM
from faults.campaign import Reading, Target
from faults.corruptions import BINARY, JSON, PLACE, TEXT, Corruption
from faults.data_targets import port
from toy_data import colourful_data

CAPTIONS = ["a red crown and a blue belly", "", "a brown belly"]
CONFIG = TrainingConfig("bag-of-words", steps=4, batch_size=4, split="train", validate_every=2)
CELL = Cell("bag-of-words", length=2)


@cache
def world() -> dse.DescribedImages:
    return colourful_data(train_classes=12, images=3)


# Runs.


def a_run(root: Path, dim: int = 16) -> None:
    vocabulary = sorted({word for caption in world().all_captions for word in caption.split()})
    generator = torch.Generator().manual_seed(0)
    encoder = build_text_encoder("bag-of-words", dim, vocabulary=vocabulary, generator=generator)
    history = pd.DataFrame([[1.0, 0.5, 7e-4]] * 20, columns=HISTORY_COLUMNS, dtype="float32")
    validation = pd.DataFrame([{"step": k, "top1": 0.25, "ap50": 0.5} for k in (10, 20)])
    about = world().describe() | {"image_encoder": "fieldguide"}
    Run(encoder.eval(), CONFIG, about, history, validation).save(root / "run")


def an_older_run(root: Path) -> None:
    a_run(root)
    (root / "run" / CHECKSUMS).unlink()


def reads_run(root: Path) -> Reading:
    run = Run.load(root / "run")
    tables = run.history.to_csv(), run.validation.to_csv()
    return Reading((run.fingerprint(), run.config, run.dataset, run.versions, *tables))


def embeds(root: Path) -> Reading:
    return Reading(Run.load(root / "run").encode(CAPTIONS).numpy().tobytes())


# Checkpoints.


@contextmanager
def many_checkpoints() -> Iterator[None]:
    with mock.patch.object(dse.training.loop, "CHECKPOINT_EVERY", 1):
        yield


def a_checkpoint(root: Path) -> None:
    def stop(step: int, run: Run) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with many_checkpoints(), suppress(KeyboardInterrupt):
        train(world(), CONFIG, root / "run", progress=False, callback=stop)


def an_older_checkpoint(root: Path) -> None:
    a_checkpoint(root)
    for file in root.rglob(CHECKSUMS):
        file.unlink()


def resumes(root: Path) -> Reading:
    with many_checkpoints():
        run = train(world(), CONFIG, root / "run", resume=True, progress=False)
    return Reading((run.fingerprint(), run.history.to_csv(), run.validation.to_csv()))


# Results.


@cache
def record() -> str:
    return json.dumps(measure_cell(world(), CELL), indent=1)


def results(root: Path) -> None:
    (root / "colours").mkdir()
    (root / "colours" / f"{CELL.name}.json").write_text(record(), encoding="utf-8")


def older_results(root: Path) -> None:
    results(root)
    for path in (root / "colours").iterdir():
        older = json.loads(path.read_text(encoding="utf-8"))
        del older[CHECKSUM]
        path.write_text(json.dumps(older, indent=1), encoding="utf-8")


def sums_up(root: Path) -> Reading:
    return Reading(write_summary(root / "colours"))


def skips_what_is_done(root: Path) -> Reading:
    """The cell is measured again if its file is gone, with the same figures."""
    run_cells(world(), [CELL], root / "colours")
    (path,) = (root / "colours").iterdir()
    measured = json.loads(path.read_text(encoding="utf-8"))
    return Reading({key: measured[key] for key in ("top1", "ap50", "per_class", "caption_curve")})


def paper(root: Path) -> None:
    content = Path(summary.__file__).with_name("paper.json").read_bytes()
    (root / "paper.json").write_bytes(content)


def reads_paper(root: Path) -> Reading:
    with mock.patch.object(summary, "__file__", str(root / "summary.py")):
        return Reading(read_paper())


# The words that a command is called with.

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


FILES = {
    "config.json": JSON,
    "model.safetensors": BINARY,
    "history.csv": TEXT,
    "validation.jsonl": TEXT,
}
TARGETS = [
    *(
        Target(
            f"a run: {file}", a_run, f"run/{file}", reads_run, how | PLACE, has_checksum=True
        )
        for file, how in (FILES | {CHECKSUMS: TEXT}).items()
    ),
    *(
        Target(f"an older run: {file}", an_older_run, f"run/{file}", reads_run, how | PLACE)
        for file, how in FILES.items()
    ),
    Target("an older run: embedded", an_older_run, "run/model.safetensors", embeds, BINARY),
    *(
        Target(
            f"a checkpoint: {file}", a_checkpoint, f"run.partial/step-00000003/{file}", resumes,
            how | PLACE, has_checksum=True,
        )
        for file, how in (FILES | {STATE_FILE: BINARY, CHECKSUMS: TEXT}).items()
    ),
    Target(
        f"an older checkpoint: {STATE_FILE}", an_older_checkpoint,
        f"run.partial/step-00000003/{STATE_FILE}", resumes, BINARY | PLACE,
    ),
    Target("a result", results, "colours/*", sums_up, JSON | PLACE, has_checksum=True,
        named=("colours",),
    ),
    Target("a result, kept", results, "colours/*", skips_what_is_done, JSON | PLACE,
        has_checksum=True,
    ),
    Target("an older result", older_results, "colours/*", sums_up, JSON | PLACE,
        named=("colours",),
    ),
    Target("the paper's figures", paper, "paper.json", reads_paper, JSON | PLACE,
        has_checksum=True,
    ),
    *(
        Target(f"the words of dse {name}", called_with(words), "words.json", calls, WORDS,
            named=("dse: ",),
        )
        for name, words in COMMANDS.items()
    ),
]  # fmt: skip

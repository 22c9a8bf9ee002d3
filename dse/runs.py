"""A run: a text encoder, its configuration, and what happened while it was trained."""

import hashlib
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import save_file
from torch import nn

from dse.config import TrainingConfig, read_config
from dse.run_files import (
    ABOUT,
    HISTORY,
    HISTORY_COLUMNS,
    REMEDY,
    RUN_FORMAT,
    VALIDATION,
    VALIDATION_COLUMNS,
    WEIGHTS,
    read_about,
    read_history,
    read_tensors,
    read_validation,
    write_checksums,
)
from dse.run_formats import load_encoder
from dse.text.layers import text_lengths
from dse.text.published import read_published
from dse.utils.devices import pick_device
from dse.utils.errors import InputError
from dse.utils.files import remove_abandoned, written_whole
from dse.utils.progress import progress_bar
from dse.utils.records import LONGEST

PRETRAINED = Path(__file__).parent / "text" / "weights"
"""Runs that come with `dse`, one folder each; `scripts/train_pretrained.py` makes them."""


@dataclass(eq=False, repr=False)
class Run:
    """A trained text encoder with all that one needs to use it and to make it again.

    Attributes:
        encoder: the text encoder, in evaluation mode.
        config: the `TrainingConfig` it was trained with.
        dataset: what it remembers of the data it was trained on, see `DescribedImages.describe`;
            of imported weights less is known.
        history: a data frame, one row a step: `loss`, `batch_accuracy` (images whose own text has
            the highest score of the batch) and `learning_rate`.
        validation: a data frame, one row a validation on the `val` classes: `step`, `top1`,
            `ap50`.
        versions: of dse, torch and Python.

    Example:
        >>> run = load_pretrained("fieldguide")
        >>> run
        Run('char-cnn-rnn', ds, on fieldguide, 6000 steps, 1024 dimensions)
        >>> run.encode(["a red crown", "a blue belly"]).shape
        torch.Size([2, 1024])
    """

    encoder: nn.Module
    config: TrainingConfig
    dataset: dict
    history: pd.DataFrame
    validation: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=VALIDATION_COLUMNS)
    )
    versions: dict = field(default_factory=lambda: versions())

    def __repr__(self) -> str:
        steps = f"{len(self.history)} steps" if len(self.history) else "not trained here"
        return (
            f"Run({self.config.text_encoder!r}, {self.config.objective}, on "
            f"{self.dataset.get('name')}, {steps}, {self.encoder.linear.out_features} dimensions)"
        )

    @property
    def device(self) -> torch.device:
        """Where the encoder computes."""
        return self.encoder.linear.weight.device

    @property
    def best_step(self) -> int | None:
        """The step with the highest top-1 on the `val` classes, the first of several; or None.

        The paper's way: train on `train`, choose on `val`, then train on `trainval` for so many.
        """
        if self.validation.empty:
            return None
        return int(self.validation.step[self.validation.top1.idxmax()])

    @torch.no_grad()
    def encode(
        self, captions: Sequence[str], batch_size: int = 64, progress: bool = False
    ) -> torch.Tensor:
        """Embed captions.

        Any string is a caption. What an encoder of words does not know has the embedding of an
        empty caption; what lies beyond the encoder's length is cut off.

        Args:
            captions: n texts, in a list, an array or a column of a table.
            batch_size: texts at a time; it does not change the embeddings.
            progress: show a bar.

        Returns:
            float32 (n, D), one row a caption, on the CPU.

        Raises:
            InputError: something in the list is no string, the encoder reads no captions, or its
                weights give no numbers.
        """
        if self.config.text_encoder == "attributes":
            raise InputError("a run of attributes reads no captions: it embeds class attributes")
        if isinstance(captions, str):
            raise InputError("one string in place of a list of captions: put it into a list")
        captions = list(captions)
        for i, caption in enumerate(captions):
            if not isinstance(caption, str):
                raise InputError(f"caption {i} is of type {type(caption).__name__}, not a string")
        embeddings = torch.empty(len(captions), self.encoder.linear.out_features)
        if not captions:
            return embeddings
        tokens = self.encoder.tokenizer(captions)
        order = text_lengths(tokens).argsort(stable=True)  # captions of one length go together
        if tokens.is_floating_point():
            tokens = tokens.to(self.config.dtype)
        batches = order.split(batch_size)
        for rows in progress_bar(batches, desc="encoding", progress=progress):
            embeddings[rows] = self.encoder(tokens[rows].to(self.device)).to(embeddings)
        refuse_no_numbers(embeddings)
        return embeddings

    def fingerprint(self) -> str:
        """Sixteen hex digits that change with anything that an embedding depends on.

        That is: the name of the text encoder, its words and its weights.
        """
        tokenizer = getattr(self.encoder, "tokenizer", None)
        words = [getattr(tokenizer, name, None) for name in ("vocabulary", "bigrams")]
        digest = hashlib.sha256(json.dumps([self.config.text_encoder, *words]).encode())
        for name, weights in sorted(self.encoder.state_dict().items()):
            digest.update(f"{name} {weights.dtype} {tuple(weights.shape)}".encode())
            digest.update(weights.cpu().contiguous().numpy())
        return digest.hexdigest()[:16]

    def save(self, folder: Path | str) -> None:
        """Write the run to a folder. If it fails, no folder is left.

        Files: see `dse.run_files`.

        Raises:
            InputError: the folder exists and is not empty.
        """
        folder = Path(folder).resolve()
        refuse_used_folder(folder)
        if folder.exists():
            folder.rmdir()
        with written_whole(folder) as path:
            self.write(path)

    def write(self, folder: Path) -> None:
        """Make `folder` and write the files of `save` into it."""
        tokenizer = getattr(self.encoder, "tokenizer", None)
        about = {
            "format": RUN_FORMAT,
            "config": asdict(self.config),
            "dataset": self.dataset,
            "embedding_dim": self.encoder.linear.out_features,
            "vocabulary": getattr(tokenizer, "vocabulary", None),
            "bigrams": getattr(tokenizer, "bigrams", None),
            "versions": self.versions,
        }
        folder.mkdir()
        text = json.dumps(about, indent=1, ensure_ascii=False)
        # A root may have bytes in its name that are no text.
        (folder / ABOUT).write_text(text, encoding="utf-8", errors="replace")
        save_file(self.encoder.state_dict(), folder / WEIGHTS)
        self.history.to_csv(folder / HISTORY, index=False)
        lines = [json.dumps(row) + "\n" for row in self.validation.to_dict("records")]
        (folder / VALIDATION).write_text("".join(lines), encoding="utf-8")
        write_checksums(folder)

    @classmethod
    def load(cls, folder: Path | str, device: torch.device | str | None = None) -> "Run":
        """Read a run that `save` wrote.

        Args:
            folder: the run; or `fieldguide`, the run that comes with `dse`, where no such folder
                exists.
            device: where its encoder is to compute; None: on the CPU.

        Raises:
            InputError: the folder is no run, its files are damaged or of a newer format, or the
                device is not there.
        """
        folder = Path(folder)
        if not folder.exists() and str(folder) in pretrained_names():
            folder = PRETRAINED / folder
        if not (folder / ABOUT).is_file():
            raise InputError(
                f"{folder} is not a run: it has no {ABOUT}; make one with dse train, or take "
                f"one that comes with dse: {', '.join(pretrained_names())}"
            )
        return read_run(folder, device, REMEDY)


def read_run(folder: Path, device: torch.device | str | None, remedy: str) -> Run:
    """`Run.load` with the words on what to do about damage."""
    about = read_about(folder, remedy)
    state = read_tensors(folder / WEIGHTS, remedy)
    history, validation = read_history(folder, remedy), read_validation(folder, remedy)
    try:
        config = read_config(about["config"])
        encoder = load_encoder(about, config, state)
    except InputError as error:
        raise InputError(f"{folder / ABOUT}: {error}") from None
    except Exception as error:  # torch has many kinds
        why = " ".join(str(error).split())[:LONGEST]
        raise InputError(f"{folder / WEIGHTS} does not fit {ABOUT} ({why}): {remedy}") from error
    if device is not None:
        encoder.to(pick_device(device))
    return Run(encoder.eval(), config, about["dataset"], history, validation, about["versions"])


def load_pretrained(name: str, device: torch.device | str | None = None) -> Run:
    """A trained run that comes with `dse`.

    Its weights are kept in float16 and computed with in float32. The commands take the name in
    place of a folder: `dse embed fieldguide captions.txt --out rows.npy`.

    Args:
        name: `fieldguide`, a char-CNN-RNN trained on FieldGuide's `trainval` species.
        device: where its encoder is to compute; None: on the CPU.

    Raises:
        InputError: unknown name, or a device that is not there.

    Source: `scripts/train_pretrained.py`. Chapter: the page "Try it".

    Example:
        >>> run = load_pretrained("fieldguide")
        >>> run.encode(["a small bird with a red crown"]).shape
        torch.Size([1, 1024])
    """
    if name not in pretrained_names():
        raise InputError(
            f"unknown pretrained run {name!r}: choose one of {', '.join(pretrained_names())}"
        )
    return Run.load(PRETRAINED / name, device)


def pretrained_names() -> list[str]:
    """The runs that come with `dse`.

    Example:
        >>> pretrained_names()
        ['fieldguide']
    """
    return sorted(path.parent.name for path in PRETRAINED.glob(f"*/{ABOUT}"))


def import_weights(path: Path | str) -> Run:
    """A run of published char-CNN-RNN weights, without a history.

    Its data set is `release`, whose features it was trained on. Arguments, errors and sources as
    for `dse.text.published.read_published`.
    """
    name, encoder = read_published(path)
    dataset = {
        "name": "release",
        "root": None,
        "image_encoder": "release",
        "views": 10,
        "float16": False,
    }
    return Run(encoder, TrainingConfig(name), dataset, pd.DataFrame(columns=HISTORY_COLUMNS))


def versions() -> dict[str, str]:
    """The versions that a run's numbers depend on."""
    return {
        "dse": version("dse"),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def refuse_no_numbers(embeddings: torch.Tensor) -> None:
    """Raise an `InputError` if an embedding is infinite or not a number."""
    if not embeddings.isfinite().all():
        raise InputError(
            "the run gives embeddings that are no numbers: its weights are far too large; train it "
            "again"
        )


def refuse_used_folder(folder: Path) -> None:
    """Raise an `InputError` if a run could not be written to `folder` without a loss.

    What a killed process left beside it is removed before, as no one else may come to do it.
    """
    remove_abandoned(folder)
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists already: give another folder, or remove it first")

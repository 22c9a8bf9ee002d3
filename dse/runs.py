"""A run: a text encoder, how it was trained, and what happened while it was."""

import json
import platform
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from dse.objective import LOSSES, OBJECTIVES
from dse.text import TEXT_ENCODERS, build_text_encoder
from dse.text.cnn import filled_lengths
from dse.utils.errors import InputError, first_line
from dse.utils.files import written_whole
from dse.utils.progress import progress_bar

RUN_FORMAT = 2
HISTORY_COLUMNS = ["loss", "batch_accuracy", "learning_rate"]
VALIDATION_COLUMNS = ["step", "top1", "ap50"]


@dataclass(frozen=True)
class TrainingConfig:
    """What a training run depends on, besides its data. The defaults are the authors'.

    Attributes:
        text_encoder: a name of `dse.text.TEXT_ENCODERS`.
        objective: `ds` (symmetric) or `da` (images rank texts only).
        loss: a name of `dse.objective.LOSSES`; `sum` is the authors'.
        temperature: what scores are divided by; for the loss `contrastive` alone.
        steps: minibatches. The authors take 30,000 on CUB: 200 times its 150 training classes.
        batch_size: matching pairs in a minibatch, all of distinct classes.
        learning_rate: of RMSprop (smoothing 0.99, epsilon 1e-8).
        lr_decay: factor on the learning rate after every C steps, C training classes.
        captions_per_image: captions of each image that are used.
        seed: of the one generator behind the initial parameters and every minibatch.
        split: the classes to train on, `trainval` or `train`.
        validate_every: steps between two looks at the `val` classes; 0 is never. The classes to
            train on are then those of `train`.
        patience: looks without a better top-1 after which training ends; 0 is never.
        precision: of the computation, a name that Lightning Fabric knows: `32-true`, `bf16-mixed`,
            `16-mixed`.

    Source: paper, section 5; the authors' `train_cub_hybrid.sh`. Chapter: 3.

    Example:
        >>> TrainingConfig("char-cnn-rnn").learning_rate
        0.0007
    """

    text_encoder: str
    objective: str = "ds"
    loss: str = "sum"
    temperature: float = 1.0
    steps: int = 30_000
    batch_size: int = 40
    learning_rate: float = 7e-4
    lr_decay: float = 0.98
    captions_per_image: int = 10
    seed: int = 0
    split: str = "trainval"
    validate_every: int = 0
    patience: int = 0
    precision: str = "32-true"

    def __post_init__(self):
        for kind, value, known in (
            ("text encoder", self.text_encoder, TEXT_ENCODERS),
            ("split", self.split, ("trainval", "train")),
            ("objective", self.objective, OBJECTIVES),
            ("loss", self.loss, LOSSES),
        ):
            if value not in known:
                raise InputError(f"unknown {kind} {value!r}: choose one of {', '.join(known)}")
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}: it must be 1 or more")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"seed is {self.seed}: it must be 0 to {2**32 - 1}")
        if not self.temperature > 0:
            raise InputError(f"temperature is {self.temperature}: it must be greater than 0")
        for name in ("validate_every", "patience"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}: it must be 0 or more")
        if self.validate_every and self.split != "train":
            raise InputError(
                f"split is {self.split!r}, and the val classes are to be watched: train on 'train'"
            )
        if self.patience and not self.validate_every:
            raise InputError("patience counts looks at the val classes: set validate_every, too")


@dataclass
class Run:
    """A trained text encoder with all that one needs to use it and to make it again.

    Attributes:
        encoder: the text encoder, in evaluation mode.
        config: the `TrainingConfig` it was trained with.
        dataset: `name`, `root`, `image_encoder`, `views`, `float16` and `fingerprint` of the data
            it was trained on.
        history: a data frame, one row a step: `loss`, `batch_accuracy` (images whose own text has
            the highest score of the batch) and `learning_rate`.
        validation: a data frame, one row a look at the `val` classes: `step`, `top1`, `ap50`.
        versions: of dse, torch and Python.
    """

    encoder: nn.Module
    config: TrainingConfig
    dataset: dict
    history: pd.DataFrame
    validation: pd.DataFrame = field(
        default_factory=lambda: pd.DataFrame(columns=VALIDATION_COLUMNS)
    )
    versions: dict = field(default_factory=lambda: versions())

    @property
    def best_step(self) -> int | None:
        """The step with the highest top-1 on the `val` classes, the first of several; or None.

        The paper's way: train on `train` and watch `val`, then train on `trainval` for so many.
        """
        if self.validation.empty:
            return None
        return int(self.validation.step[self.validation.top1.idxmax()])

    @torch.inference_mode()
    def encode(
        self, captions: list[str], batch_size: int = 256, progress: bool = False
    ) -> torch.Tensor:
        """Embed captions.

        Any string is a caption. What an encoder of words does not know has the embedding of an
        empty caption; what lies beyond the encoder's length is cut off.

        Args:
            captions: n texts.
            batch_size: texts at a time; it does not change the embeddings.
            progress: show a bar.

        Returns:
            float32 (n, D), one row a caption.

        Raises:
            InputError: something in the list is no string, or the encoder reads no captions.
        """
        if self.config.text_encoder == "attributes":
            raise InputError("a run of attributes reads no captions: it embeds class attributes")
        if isinstance(captions, str):
            raise InputError("one string in place of a list of captions: put it into a list")
        for i, caption in enumerate(captions):
            if not isinstance(caption, str):
                raise InputError(f"caption {i} is of type {type(caption).__name__}, not a string")
        embeddings = torch.empty(len(captions), self.encoder.linear.out_features)
        if not captions:
            return embeddings
        tokens = self.encoder.tokenizer(captions)
        order = filled_lengths(tokens).argsort(stable=True)  # captions of one length go together
        batches = order.split(batch_size)
        for rows in progress_bar(batches, desc="encoding", progress=progress):
            embeddings[rows] = self.encoder(tokens[rows]).to(embeddings)
        return embeddings

    def save(self, folder: Path | str) -> None:
        """Write the run to a folder, whole or not at all.

        Files: `config.json` (configuration, data set, vocabulary, versions), `model.safetensors`,
        `history.csv`, `validation.jsonl`.

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
        vocabulary = getattr(getattr(self.encoder, "tokenizer", None), "vocabulary", None)
        about = {
            "format": RUN_FORMAT,
            "config": asdict(self.config),
            "dataset": self.dataset,
            "embedding_dim": self.encoder.linear.out_features,
            "vocabulary": vocabulary,
            "versions": self.versions,
        }
        folder.mkdir()
        (folder / "config.json").write_text(json.dumps(about, indent=1, ensure_ascii=False))
        save_file(self.encoder.state_dict(), folder / "model.safetensors")
        self.history.to_csv(folder / "history.csv", index=False)
        lines = [json.dumps(row) + "\n" for row in self.validation.to_dict("records")]
        (folder / "validation.jsonl").write_text("".join(lines))

    @classmethod
    def load(cls, folder: Path | str) -> "Run":
        """Read a run that `save` wrote.

        Raises:
            InputError: the folder is no run, or its files are damaged or of a newer format.
        """
        folder = Path(folder)
        if not (folder / "config.json").is_file():
            raise InputError(
                f"{folder} is not a run: it has no config.json; make one with dse train"
            )
        try:
            about = json.loads((folder / "config.json").read_text())
            if about["format"] > RUN_FORMAT:
                raise InputError(f"{folder} has format {about['format']}: update dse to read it")
            config = TrainingConfig(**about["config"])
            state = load_file(folder / "model.safetensors")
            history = pd.read_csv(folder / "history.csv", dtype="float32")
            lines = (folder / "validation.jsonl").read_text().splitlines()
            rows = [json.loads(line) for line in lines]
            validation = pd.DataFrame(rows, columns=VALIDATION_COLUMNS)
            encoder = build_text_encoder(
                config.text_encoder,
                about["embedding_dim"],
                vocabulary=about["vocabulary"],
                word_vectors=state.get("word_vectors"),
                num_attributes=state["linear.weight"].shape[1],
            )
            encoder.load_state_dict(state)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"{folder} is a damaged run ({first_line(error)}): train it again"
            ) from error
        return cls(encoder.eval(), config, about["dataset"], history, validation, about["versions"])


def versions() -> dict[str, str]:
    """The versions that a run's numbers depend on."""
    return {
        "dse": version("dse"),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def refuse_used_folder(folder: Path) -> None:
    """Raise an `InputError` if a run could not be written to `folder` without a loss."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists already: give another folder, or remove it first")

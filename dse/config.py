"""How a text encoder is trained: every choice that a run depends on, besides its data."""

from dataclasses import MISSING, dataclass, field, fields
from typing import Any

import torch

from dse.objective import LOSSES, OBJECTIVES
from dse.text import TEXT_ENCODERS
from dse.utils.errors import InputError, first_line

PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")
RANGES = {
    "temperature": (1e-4, 1e4),
    "steps": (1, 10_000_000),
    "batch_size": (2, 10_000_000),
    "learning_rate": (1e-12, 100),
    "lr_decay": (1e-12, 1),
    "warmup": (0, 10_000_000),
    "captions_per_image": (1, 10_000_000),
    "units": (1, 4096),
    "seed": (0, 2**32 - 1),
    "validate_every": (0, 10_000_000),
    "patience": (0, 10_000_000),
}
"""The lowest and the highest value of each number; what lies beyond them trains nothing."""


def option(description: str, default: Any = MISSING) -> Any:
    """A field of `TrainingConfig`, with the words that the command line explains it with."""
    return field(default=default, metadata={"help": description})


@dataclass(frozen=True)
class TrainingConfig:
    """What a training run depends on, besides its data.

    The defaults are the authors', but for the output bias under `da`.

    Attributes:
        text_encoder: a name of `dse.text.TEXT_ENCODERS`.
        objective: `ds` (symmetric) or `da` (images rank texts only).
        loss: a name of `dse.objective.LOSSES`; `sum` is the authors'.
        temperature: what scores are divided by; for the loss `contrastive` alone.
        steps: minibatches. The authors take 30,000 on CUB: 200 times its 150 training classes.
        batch_size: matching pairs in a minibatch, all of distinct classes; where there are fewer
            classes, the default is fitted to them (`dse.sampling.fit_batch_size`).
        learning_rate: of RMSprop (smoothing 0.99, epsilon 1e-8).
        warmup: minibatches in which the learning rate rises evenly to its value; 0 by the authors.
        lr_decay: factor on the learning rate after every C steps, C training classes.
        captions_per_image: captions of each image that are used.
        seed: of the one generator behind the initial parameters and every minibatch.
        split: the classes to train on, `trainval` or `train`.
        units: hidden units of an LSTM, a char-CNN-RNN or a Transformer; None: the encoder's own.
        validate_every: steps between two validations on the `val` classes; 0 is never. The classes
            to train on are then those of `train`.
        patience: stop after this many validations without a better top-1; 0 is never.
        precision: of the computation: `32-true`, `64-true`, `bf16-mixed` or `16-mixed`, for which a
            CPU takes `bf16-mixed`.
        output_bias: of the last linear layer. `learned`: as by the authors. `zero`: it is 0 and
            stays 0. `auto`: learned with `ds`, 0 with `da`. The `da` loss does not depend on it:
            its gradient is 0 but for rounding errors, which RMSprop scales up to full steps, so
            that a learned one drifts at random (chapter 6).

    Source: paper, section 5; the authors' `train_cub_hybrid.sh`. Chapter: 3.

    Example:
        >>> TrainingConfig("char-cnn-rnn").learning_rate
        0.0007
    """

    text_encoder: str = option("see dse.text.TEXT_ENCODERS")
    objective: str = option("ds (symmetric) or da (images rank texts only)", "ds")
    loss: str = option("sum, max, weighted or contrastive", "sum")
    temperature: float = option("of the contrastive loss", 1.0)
    steps: int = option("minibatches", 30_000)
    batch_size: int = option("pairs in a minibatch, at most one for each class", 40)
    learning_rate: float = option("of RMSprop", 7e-4)
    lr_decay: float = option("factor on the learning rate after every C steps, C classes", 0.98)
    warmup: int = option("minibatches in which the learning rate rises to its value", 0)
    captions_per_image: int = option("captions of each image that are used", 10)
    units: int | None = option("hidden units, of an encoder that has a choice", None)
    seed: int = option("of the initial parameters and every minibatch", 0)
    split: str = option("classes to train on: trainval or train", "trainval")
    validate_every: int = option("steps between two validations; needs --split train", 0)
    patience: int = option("stop after this many validations without improvement", 0)
    precision: str = option("32-true, 64-true, bf16-mixed or 16-mixed", "32-true")
    output_bias: str = option("of the last layer: learned, zero, or auto (zero with da)", "auto")

    def __post_init__(self):
        for own in fields(self):
            value = getattr(self, own.name)
            kinds = float | int if own.type is float else own.type
            if isinstance(value, bool) or not isinstance(value, kinds):
                called = getattr(own.type, "__name__", own.type)
                raise InputError(f"{own.name} is {value!r:.80}: it must be of type {called}")
        for kind, value, known in (
            ("text encoder", self.text_encoder, TEXT_ENCODERS),
            ("split", self.split, ("trainval", "train")),
            ("objective", self.objective, OBJECTIVES),
            ("loss", self.loss, LOSSES),
            ("precision", self.precision, PRECISIONS),
            ("output bias", self.output_bias, ("auto", "learned", "zero")),
        ):
            if value not in known:
                raise InputError(f"unknown {kind} {value!r}: choose one of {', '.join(known)}")
        for name, (lowest, highest) in RANGES.items():
            value = getattr(self, name)
            if value is not None and not lowest <= value <= highest:
                raise InputError(f"{name} is {value}: it must be {lowest:,} to {highest:,}")
        if self.validate_every and self.split != "train":
            raise InputError(
                f"split is {self.split!r} and holds the val classes: to validate, train on 'train'"
            )
        if self.patience and not self.validate_every:
            raise InputError("patience counts validations: set validate_every, too")

    @property
    def dtype(self) -> torch.dtype:
        """Of the encoder's weights and of the loss."""
        return torch.float64 if self.precision == "64-true" else torch.float32

    @property
    def learns_output_bias(self) -> bool:
        """Whether the bias of the last layer is learned, or stays 0."""
        return self.output_bias == "learned" or (
            self.output_bias == "auto" and self.objective == "ds"
        )


def read_config(held: dict[str, Any]) -> TrainingConfig:
    """The configuration in a run's or a result's file. Older ones learned every output bias.

    Raises:
        InputError: it is not one.
    """
    try:
        return TrainingConfig(**{"output_bias": "learned", **held})
    except TypeError as error:  # a field that is missing or unknown
        raise InputError(
            f"it holds no configuration ({first_line(error)}): if a newer dse wrote it, update dse"
        ) from None

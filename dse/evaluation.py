"""Zero-shot evaluation: classify and retrieve pictures of classes never seen in training."""

from dataclasses import dataclass

import torch

from dse.datasets.described_images import DescribedImages
from dse.errors import InputError
from dse.training import Run

RETRIEVED = 50
"""Pictures that a query retrieves, for the paper's AP@50."""


@dataclass(frozen=True)
class Metrics:
    """The figures of one evaluation, all from the scores of N pictures with C classes.

    Attributes:
        top1: share of the N pictures whose own class has the highest score, 0 to 1. This is the
            paper's top-1: over pictures, not over classes.
        top1_per_class: the mean over classes of the share within each class.
        ap50: share of right pictures among the 50 that each class's text ranks highest, mean over
            the C classes. The paper calls it AP@50; it is a precision at 50. With fewer than 50
            pictures all are retrieved.
        class_top1: float32 (C,), the share within each class; NaN for a class without a picture.
        class_precision: float32 (C,), the precision at 50 of each class's query.
        class_names: C names.
        labels: int64 (N,), each picture's own class.
        scores: float32 (N, C), inner product of picture and class embedding.
    """

    top1: float
    top1_per_class: float
    ap50: float
    class_top1: torch.Tensor
    class_precision: torch.Tensor
    class_names: list[str]
    labels: torch.Tensor
    scores: torch.Tensor

    def to_dict(self) -> dict:
        """The figures as plain numbers, for JSON; `classes` and `images` say how many."""
        return {
            "top1": self.top1,
            "top1_per_class": self.top1_per_class,
            "ap50": self.ap50,
            "classes": len(self.class_names),
            "images": len(self.labels),
            "per_class": {
                name: {"top1": round(float(top1), 6), "ap50": round(float(precision), 6)}
                for name, top1, precision in zip(
                    self.class_names, self.class_top1, self.class_precision, strict=True
                )
            },
        }


def evaluate(run: Run, data: DescribedImages, split: str = "test") -> Metrics:
    """Classify and retrieve the pictures of `split`'s classes from their captions alone.

    A class is represented by the mean embedding of all captions of its pictures (equation 8).

    Args:
        run: a trained text encoder.
        data: with the features that the run was trained on.
        split: the classes to choose from.

    Raises:
        InputError: no such split, or features of another dimension.

    Source: paper, sections 3 and 5. Chapter: 6, zero-shot results.
    """
    classes = data.subset(split)
    embeddings = class_embeddings(run, classes)
    images = classes.whole_pictures()
    if images is None or images.shape[1] != embeddings.shape[1]:
        raise InputError(
            f"the run embeds in {embeddings.shape[1]} dimensions and the features of {data.name} "
            "differ: evaluate with the image encoder that it was trained on"
        )
    return measure(images @ embeddings.T, classes.labels, classes.class_names)


def class_embeddings(run: Run, classes: DescribedImages) -> torch.Tensor:
    """The mean embedding of each class's captions, float32 (C, D); every caption counts alike.

    A run of `attributes` embeds the attributes of each class instead.

    Raises:
        InputError: such a run, and other attributes than it was trained on, or none.

    Source: paper, equation 8. Chapter: 6.
    """
    if run.config.text_encoder == "attributes":
        return _attribute_embeddings(run, classes)
    embeddings = run.encode([caption for own in classes.captions for caption in own])
    owners = classes.labels.repeat_interleave(torch.tensor([len(c) for c in classes.captions]))
    sums = torch.zeros(len(classes.class_names), embeddings.shape[1])
    sums.index_add_(0, owners, embeddings)
    return sums / torch.bincount(owners, minlength=len(sums)).unsqueeze(1)


@torch.inference_mode()
def _attribute_embeddings(run: Run, classes: DescribedImages) -> torch.Tensor:
    expected = run.encoder.linear.in_features
    attributes = classes.class_attributes
    if attributes is None or attributes.shape[1] != expected:
        held = "none" if attributes is None else attributes.shape[1]
        raise InputError(
            f"the run reads {expected} attributes of a class, and {classes.name} has {held}: "
            "evaluate on the data that it was trained on"
        )
    return run.encoder(attributes)


def measure(scores: torch.Tensor, labels: torch.Tensor, class_names: list[str]) -> Metrics:
    """All figures from the scores of pictures with classes.

    Args:
        scores: float (N, C), higher is a better match.
        labels: int64 (N,), 0 to C - 1.
        class_names: C names.

    Chapter: 6, zero-shot results.

    Example:
        >>> scores = torch.tensor([[2.0, 1.0], [0.0, 1.0], [5.0, 4.0]])
        >>> metrics = measure(scores, torch.tensor([0, 1, 1]), ["finch", "wren"])
        >>> round(metrics.top1, 3), metrics.top1_per_class
        (0.667, 0.75)
    """
    hits = (scores.argmax(1) == labels).float()
    counts = torch.bincount(labels, minlength=len(class_names))
    class_top1 = torch.zeros(len(class_names)).index_add_(0, labels, hits) / counts
    class_precision = precision_at(scores, labels, RETRIEVED)
    return Metrics(
        top1=float(hits.double().mean()),
        top1_per_class=float(class_top1.double().nanmean()),
        ap50=float(class_precision.double().mean()),
        class_top1=class_top1,
        class_precision=class_precision,
        class_names=class_names,
        labels=labels,
        scores=scores,
    )


def precision_at(scores: torch.Tensor, labels: torch.Tensor, k: int) -> torch.Tensor:
    """For each class the share of its own pictures among the k that score highest with it.

    Args:
        scores: float (N, C).
        labels: int64 (N,).
        k: pictures retrieved; all N if there are fewer.

    Returns:
        float32 (C,).

    Source: the authors' `util_retrieval.lua`, which calls its mean AP@50. Chapter: 6.

    Example:
        >>> scores = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.3]])
        >>> precision_at(scores, torch.tensor([0, 1, 1]), k=2).tolist()
        [0.5, 1.0]
    """
    retrieved = scores.topk(min(k, len(scores)), dim=0).indices
    return (labels[retrieved] == torch.arange(scores.shape[1])).float().mean(0)


def pair_accuracy(scores: torch.Tensor, labels: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """How often a picture scores higher with its own class than with that class's double.

    Args:
        scores: float (N, C).
        labels: int64 (N,).
        pairs: int64 (P, 2), classes that are easily confused.

    Returns:
        float32 (P,), the share over both classes' pictures; a guess has 0.5.

    Chapter: 6, zero-shot results.

    Example:
        >>> scores = torch.tensor([[2.0, 1.0], [3.0, 1.0]])
        >>> pair_accuracy(scores, torch.tensor([0, 1]), torch.tensor([[0, 1]])).tolist()
        [0.5]
    """
    double = torch.full((scores.shape[1],), -1)
    double[pairs] = pairs.flip(1)
    paired = (double[labels] >= 0).nonzero().flatten()
    own = scores[paired, labels[paired]]
    other = scores[paired, double[labels[paired]]]
    pair_of = torch.full((scores.shape[1],), -1)
    pair_of[pairs] = torch.arange(len(pairs)).unsqueeze(1).expand(-1, 2)
    members = pair_of[labels[paired]]
    wins = torch.zeros(len(pairs)).index_add_(0, members, (own > other).float())
    return wins / torch.bincount(members, minlength=len(pairs))

"""Zero-shot evaluation: classify and retrieve images of classes never seen in training."""

from dataclasses import dataclass

import torch

from dse.datasets.described_images import DescribedImages
from dse.runs import Run
from dse.utils.errors import InputError

RETRIEVED = 50
"""Images that a query retrieves, for the paper's AP@50."""


@dataclass(frozen=True)
class Metrics:
    """The figures of one evaluation, all from the scores of N images with C classes.

    Attributes:
        top1: share of the N images whose own class has the highest score, 0 to 1. This is the
            paper's top-1: over images, not over classes.
        top1_per_class: the mean over classes of the share within each class.
        ap50: share of right images among the 50 that each class's text ranks highest, mean over
            the C classes. The paper calls it AP@50; it is a precision at 50. With fewer than 50
            images all are retrieved.
        map: mean average precision proper, over all N images, mean over the C classes.
        class_top1: float32 (C,), the share within each class; NaN for a class without an image.
        class_precision: float32 (C,), the precision at 50 of each class's query.
        class_average_precision: float32 (C,), of each class's query; NaN likewise.
        class_names: C names.
        labels: int64 (N,), each image's own class.
        scores: float32 (N, C), inner product of image and class embedding.
    """

    top1: float
    top1_per_class: float
    ap50: float
    map: float
    class_top1: torch.Tensor
    class_precision: torch.Tensor
    class_average_precision: torch.Tensor
    class_names: list[str]
    labels: torch.Tensor
    scores: torch.Tensor

    def to_dict(self) -> dict:
        """The figures as plain numbers, for JSON; `classes` and `images` say how many."""
        return {
            "top1": self.top1,
            "top1_per_class": self.top1_per_class,
            "ap50": self.ap50,
            "map": self.map,
            "classes": len(self.class_names),
            "images": len(self.labels),
            "per_class": {
                name: {
                    "top1": round(float(self.class_top1[c]), 6),
                    "ap50": round(float(self.class_precision[c]), 6),
                    "ap": round(float(self.class_average_precision[c]), 6),
                    "images": int((self.labels == c).sum()),
                }
                for c, name in enumerate(self.class_names)
            },
        }


def evaluate(run: Run, data: DescribedImages, split: str = "test") -> Metrics:
    """Classify and retrieve the images of `split`'s classes from their captions alone.

    A class is represented by the mean embedding of all captions of its images (equation 8).

    Args:
        run: a trained text encoder.
        data: with the features that the run was trained on.
        split: the classes to choose from.

    Raises:
        InputError: no such split, a split without a class, or features of another dimension.

    Source: paper, sections 3 and 5. Chapter: 6, zero-shot results.
    """
    classes = unseen_classes(data, split)
    embeddings = class_embeddings(run, classes)
    return measure(score(classes, embeddings), classes.labels, classes.class_names)


def unseen_classes(data: DescribedImages, split: str) -> DescribedImages:
    """The classes of a split, to measure on.

    Raises:
        InputError: no such split, or no class in it.
    """
    classes = data.subset(split)
    if not classes.class_names:
        raise InputError(f"{data.name} has no class in {split}: there is nothing to measure")
    return classes


def score(classes: DescribedImages, embeddings: torch.Tensor) -> torch.Tensor:
    """The score of every image with every text: their inner product (equation 2).

    Args:
        classes: N images with features.
        embeddings: float32 (M, D), of classes or captions.

    Returns:
        float32 (N, M).

    Raises:
        InputError: no features, or features of another dimension.
    """
    images = classes.whole_images()
    if images is None or images.shape[1] != embeddings.shape[1]:
        raise InputError(
            f"the run embeds in {embeddings.shape[1]} dimensions and the features of "
            f"{classes.name} differ: evaluate with the image encoder that it was trained on"
        )
    return images @ embeddings.T


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
    return mean_by_class(embeddings, caption_owners(classes), len(classes.class_names))


def caption_owners(classes: DescribedImages) -> torch.Tensor:
    """The class of every caption, int64 (T,), the captions of image 0 first."""
    return classes.labels.repeat_interleave(torch.tensor([len(own) for own in classes.captions]))


def mean_by_class(embeddings: torch.Tensor, owners: torch.Tensor, classes: int) -> torch.Tensor:
    """The mean of the rows that each class owns.

    Args:
        embeddings: float32 (T, D).
        owners: int64 (T,), 0 to C - 1.
        classes: C; each owns a row.

    Returns:
        float32 (C, D).

    Example:
        >>> mean_by_class(torch.tensor([[2.0], [4.0], [7.0]]), torch.tensor([0, 0, 1]), 2).tolist()
        [[3.0], [7.0]]
    """
    sums = torch.zeros(classes, embeddings.shape[1]).index_add_(0, owners, embeddings)
    return sums / torch.bincount(owners, minlength=classes).unsqueeze(1)


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
    return run.encoder(attributes).cpu()


def measure(scores: torch.Tensor, labels: torch.Tensor, class_names: list[str]) -> Metrics:
    """All figures from the scores of images with classes.

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
    class_average_precision = average_precision(scores, labels)
    return Metrics(
        top1=float(hits.double().mean()),
        top1_per_class=float(class_top1.double().nanmean()),
        ap50=float(class_precision.double().mean()),
        map=float(class_average_precision.double().nanmean()),
        class_top1=class_top1,
        class_precision=class_precision,
        class_average_precision=class_average_precision,
        class_names=class_names,
        labels=labels,
        scores=scores,
    )


def precision_at(
    scores: torch.Tensor, labels: torch.Tensor, k: int, queries: torch.Tensor | None = None
) -> torch.Tensor:
    """For each query the share of its class's images among the k that score highest with it.

    Args:
        scores: float (N, Q).
        labels: int64 (N,).
        k: images retrieved; all N if there are fewer.
        queries: int64 (Q,), the class of each query; None: query c is of class c.

    Returns:
        float32 (Q,).

    Source: the authors' `util_retrieval.lua`, which calls its mean AP@50. Chapter: 6.

    Example:
        >>> scores = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.3]])
        >>> precision_at(scores, torch.tensor([0, 1, 1]), k=2).tolist()
        [0.5, 1.0]
    """
    queries = torch.arange(scores.shape[1]) if queries is None else queries
    retrieved = scores.topk(min(k, len(scores)), dim=0).indices
    return (labels[retrieved] == queries).float().mean(0)


def average_precision(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """For each class the mean, over its own images, of the precision at that image's rank.

    This is the usual average precision over all N images; what the paper calls AP@50 is
    `precision_at` with k = 50.

    Args:
        scores: float (N, C).
        labels: int64 (N,).

    Returns:
        float32 (C,); NaN for a class without an image.

    Chapter: 6, zero-shot results.

    Example:
        >>> scores = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.3]])
        >>> average_precision(scores, torch.tensor([0, 1, 0])).tolist()  # ranks 1 and 3; rank 2
        [0.8333333134651184, 0.5]
    """
    order = scores.sort(dim=0, descending=True, stable=True).indices
    hits = (labels[order] == torch.arange(scores.shape[1])).double()
    ranks = torch.arange(1, len(scores) + 1).unsqueeze(1)
    precisions = hits.cumsum(0) / ranks
    return ((precisions * hits).sum(0) / hits.sum(0)).float()


def confusion(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """How many images of each class (row) are taken for each class (column), int64 (C, C).

    Example:
        >>> scores = torch.tensor([[2.0, 1.0], [0.0, 1.0], [5.0, 4.0]])
        >>> confusion(scores, torch.tensor([0, 1, 1])).tolist()
        [[1, 0], [1, 1]]
    """
    classes = scores.shape[1]
    cells = labels * classes + scores.argmax(1)
    return torch.bincount(cells, minlength=classes**2).view(classes, classes)


def pair_accuracy(scores: torch.Tensor, labels: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """How often an image scores higher with its own class than with that class's double.

    Args:
        scores: float (N, C).
        labels: int64 (N,).
        pairs: int64 (P, 2), classes that are easily confused.

    Returns:
        float32 (P,), the share over both classes' images; a guess has 0.5.

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

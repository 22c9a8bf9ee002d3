"""Zero-shot evaluation: classify and retrieve images of classes never seen in training."""

from dataclasses import dataclass

import torch

from dse.datasets.described_images import DescribedImages
from dse.runs import Run
from dse.utils.errors import InputError

RETRIEVED = 50
"""Images that a query retrieves, for the paper's AP@50."""
BLOCK = 2**16
"""Captions whose embeddings are held at a time: 268 MB of 1,024 numbers each."""


@dataclass(frozen=True, eq=False, repr=False)
class Metrics:
    """The metrics of one evaluation, all from the scores of N images with C classes.

    Attributes:
        class_names: C names.
        labels: int64 (N,), each image's own class.
        scores: float32 (N, C), inner product of image and class embedding.
        hits: bool (N,), whether an image's own class has the highest score.
        class_top1: float32 (C,), the share of hits within each class; NaN for a class without an
            image.
        class_precision: float32 (C,), the precision at 50 of each class's query.
        class_average_precision: float32 (C,), of each class's query; NaN likewise.

    Chapter: 6, zero-shot results.
    """

    class_names: list[str]
    labels: torch.Tensor
    scores: torch.Tensor
    hits: torch.Tensor
    class_top1: torch.Tensor
    class_precision: torch.Tensor
    class_average_precision: torch.Tensor

    def __repr__(self) -> str:
        return (
            f"Metrics(top1={self.top1:.3f}, ap50={self.ap50:.3f}, {len(self.class_names)} classes, "
            f"{len(self.labels)} images)"
        )

    @property
    def top1(self) -> float:
        """Share of the N images whose own class has the highest score, 0 to 1.

        This is the paper's top-1: over images, not over classes.
        """
        return float(self.hits.double().mean())

    @property
    def top1_per_class(self) -> float:
        """The mean over classes of the share within each class."""
        return float(self.class_top1.double().nanmean())

    @property
    def ap50(self) -> float:
        """Share of right images among the 50 that a class's text ranks highest, mean over classes.

        The paper calls it `AP@50`; it is a precision at 50. With fewer than 50 images all are
        retrieved.
        """
        return float(self.class_precision.double().mean())

    @property
    def map(self) -> float:
        """Mean average precision proper, over all N images, mean over the C classes."""
        return float(self.class_average_precision.double().nanmean())

    def to_dict(self) -> dict:
        """The metrics as plain numbers, for JSON; `classes` and `images` say how many."""
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
    Captions are embedded, and scores computed, on the device of the run.

    Args:
        run: a trained text encoder.
        data: with the features that the run was trained on.
        split: the classes to choose from.

    Raises:
        InputError: no such split, a split without a class, a class without a caption, or features
            of another dimension.

    Source: paper, sections 3 and 5. Chapter: 6, zero-shot results.
    """
    classes = data.unseen_classes(split)
    if run.config.text_encoder != "attributes":
        classes.refuse_silent_class()
    embeddings = class_embeddings(run, classes).to(run.device)
    return measure(score(classes, embeddings).cpu(), classes.labels, classes.class_names)


def score(classes: DescribedImages, embeddings: torch.Tensor) -> torch.Tensor:
    """The score of every image with every text: their inner product (equation 2).

    Args:
        classes: N images with features.
        embeddings: float32 (M, D), of classes or captions.

    Returns:
        float32 (N, M), on the device of the embeddings.

    Raises:
        InputError: no features, or features of another dimension.

    Example:
        >>> features = torch.tensor([[[1.0, 2.0]]])  # of one image in one view
        >>> classes = DescribedImages("toy", features, torch.tensor([0]), [["red"]], ["finch"], {})
        >>> score(classes, torch.eye(2)).tolist()
        [[1.0, 2.0]]
    """
    images = classes.whole_images()
    if images is None:
        raise InputError(f"{classes.name} has no image features: use load_dataset, or dse features")
    if images.shape[1] != embeddings.shape[1]:
        raise InputError(
            f"the run embeds in {embeddings.shape[1]} dimensions, and the features of "
            f"{classes.name} have {images.shape[1]}: evaluate with the image encoder that it was "
            "trained on"
        )
    return images.to(embeddings.device) @ embeddings.T


def class_embeddings(run: Run, classes: DescribedImages) -> torch.Tensor:
    """The mean embedding of each class's captions, float32 (C, D); every caption counts alike.

    A class without a caption has NaN. A run of `attributes` embeds the attributes of each class
    instead.

    Raises:
        InputError: such a run, and other attributes than it was trained on, or none.

    Source: paper, equation 8. Chapter: 6.
    """
    if run.config.text_encoder == "attributes":
        return _attribute_embeddings(run, classes)
    captions, owners = classes.all_captions, classes.caption_owners
    sums = torch.zeros(len(classes.class_names), run.encoder.linear.out_features)
    for start in range(0, len(captions), BLOCK):
        block = slice(start, start + BLOCK)
        sums.index_add_(0, owners[block], run.encode(captions[block]))
    return sums / torch.bincount(owners, minlength=len(sums)).unsqueeze(1)


def mean_by_class(embeddings: torch.Tensor, owners: torch.Tensor, classes: int) -> torch.Tensor:
    """The mean of the rows that each class owns.

    Args:
        embeddings: float32 (T, D).
        owners: int64 (T,), 0 to C - 1.
        classes: C; each owns a row.

    Returns:
        float32 (C, D).

    Example:
        >>> embeddings, owners = torch.tensor([[2.0], [4.0], [7.0]]), torch.tensor([0, 0, 1])
        >>> mean_by_class(embeddings, owners, 2).tolist()
        [[3.0], [7.0]]
    """
    sums = embeddings.new_zeros(classes, embeddings.shape[1]).index_add_(0, owners, embeddings)
    # Not torch.bincount: it has no form on the device `meta`, on which the tests run this.
    return sums / _members(owners, classes).sum(0).unsqueeze(1)


def _members(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Which image belongs to which class, bool (N, C)."""
    return labels.unsqueeze(1) == torch.arange(classes, device=labels.device)


@torch.no_grad()
def _attribute_embeddings(run: Run, classes: DescribedImages) -> torch.Tensor:
    expected = run.encoder.linear.in_features
    attributes = classes.class_attributes
    if attributes is None or attributes.shape[1] != expected:
        held = "none" if attributes is None else attributes.shape[1]
        raise InputError(
            f"the run reads {expected} attributes of a class, and {classes.name} has {held}: "
            "evaluate on the data that it was trained on"
        )
    return run.encoder(attributes.to(run.encoder.linear.weight)).float().cpu()


def measure(scores: torch.Tensor, labels: torch.Tensor, class_names: list[str]) -> Metrics:
    """All metrics from the scores of images with classes.

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
    hits = scores.argmax(1) == labels
    members = _members(labels, len(class_names))
    return Metrics(
        class_names,
        labels,
        scores,
        hits,
        class_top1=(members & hits.unsqueeze(1)).sum(0) / members.sum(0),
        class_precision=precision_at(scores, labels, RETRIEVED),
        class_average_precision=average_precision(scores, labels),
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

    Source: the authors' `util_retrieval.lua`, which calls its mean `AP@50`. Chapter: 6.

    Example:
        >>> scores = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.1, 0.3]])
        >>> precision_at(scores, torch.tensor([0, 1, 1]), k=2).tolist()
        [0.5, 1.0]
    """
    if queries is None:
        queries = torch.arange(scores.shape[1], device=scores.device)
    retrieved = scores.topk(min(k, len(scores)), dim=0).indices
    return (labels[retrieved] == queries).float().mean(0)


def average_precision(scores: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """For each class the mean, over its own images, of the precision at that image's rank.

    This is the usual average precision over all N images; what the paper calls `AP@50` is
    `precision_at` with k = 50. Images with equal scores are ranked in their own order.

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
    hits = _members(labels, scores.shape[1]).gather(0, order).double()
    ranks = torch.arange(1, len(scores) + 1, device=scores.device).unsqueeze(1)
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
    counts = cells.new_zeros(classes**2).index_add_(0, cells, torch.ones_like(cells))
    return counts.view(classes, classes)


def pair_accuracy(scores: torch.Tensor, labels: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """How often an image scores higher with its own class than with the other of a pair.

    Args:
        scores: float (N, C).
        labels: int64 (N,).
        pairs: int64 (P, 2), classes that are easily confused.

    Returns:
        float32 (P,), the share over both classes' images; the chance level is 0.5.

    Chapter: 6, zero-shot results.

    Example:
        >>> scores = torch.tensor([[2.0, 1.0], [3.0, 1.0]])
        >>> pair_accuracy(scores, torch.tensor([0, 1]), torch.tensor([[0, 1]])).tolist()
        [0.5]
    """
    one, other = pairs.to(scores.device).T
    of_one, of_other = labels.unsqueeze(1) == one, labels.unsqueeze(1) == other  # (N, P)
    wins = of_one & (scores[:, one] > scores[:, other])
    wins |= of_other & (scores[:, other] > scores[:, one])
    return wins.sum(0) / (of_one | of_other).sum(0)

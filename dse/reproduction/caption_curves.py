"""Evaluation with a few captions of each class in place of all: the paper's Figure 4b, and one."""

from collections.abc import Sequence

import torch

from dse.evaluation import RETRIEVED, mean_by_class, measure, precision_at

CAPTIONS = (1, 2, 4, 8, 16, 32, 64, 128, 192)
"""Captions a class in the paper's Figure 4b; its last point is all of them."""
DRAWS = 10
"""Random draws at each point of that figure."""


def caption_curve(
    images: torch.Tensor,
    labels: torch.Tensor,
    captions: torch.Tensor,
    owners: torch.Tensor,
    seed: int,
    counts: Sequence[int] = CAPTIONS,
) -> list[dict]:
    """Top-1 and precision at 50 against the number of captions that describe a class.

    For each number, ten times: draw so many of each class's captions without replacement, and
    describe the class by the mean of their embeddings. A class with fewer captions uses all of
    them. All draws come from one generator. The last row has all captions, and one value.

    Args:
        images: float32 (N, D), embeddings of the images.
        labels: int64 (N,), 0 to C - 1.
        captions: float32 (T, D), embeddings of the captions.
        owners: int64 (T,), the class of each caption.
        seed: of the generator.
        counts: captions a class.

    Returns:
        A dictionary for each number of captions and one for all of them, with `captions` (the
        number, or `"all"`), and `top1` and `ap50` (ten values each, or one).

    Source: paper, Figure 4b. Chapter: 7, birds.

    Example:
        >>> images, labels = torch.eye(2), torch.tensor([0, 1])
        >>> rows = caption_curve(images, labels, torch.eye(2), labels, seed=0, counts=[1])
        >>> [(row["captions"], len(row["top1"]), row["top1"][0]) for row in rows]
        [(1, 10, 1.0), ('all', 1, 1.0)]
    """
    classes = int(owners.max()) + 1
    own = [(owners == c).nonzero().flatten() for c in range(classes)]
    names = list(map(str, range(classes)))
    generator = torch.Generator().manual_seed(seed)

    def figures(drawn: torch.Tensor) -> tuple[float, float]:
        texts = mean_by_class(captions[drawn], owners[drawn], classes)
        metrics = measure(images @ texts.T, labels, names)
        return metrics.top1, metrics.ap50

    rows = []
    for n in counts:
        measured = []
        for _ in range(DRAWS):
            orders = [torch.randperm(len(c), generator=generator)[:n] for c in own]
            drawn = [c[order.to(c.device)] for c, order in zip(own, orders, strict=True)]
            measured.append(figures(torch.cat(drawn)))
        top1, ap50 = map(list, zip(*measured, strict=True))
        rows.append({"captions": n, "top1": top1, "ap50": ap50})
    top1, ap50 = figures(torch.arange(len(captions), device=owners.device))
    return [*rows, {"captions": "all", "top1": [top1], "ap50": [ap50]}]


def single_caption(scores: torch.Tensor, labels: torch.Tensor, owners: torch.Tensor) -> dict:
    """What one caption of a class can do, on average over every caption there is.

    - `ap50`: each caption by itself is a query for the images of its class. Precision at 50, mean
      over a class's captions (`ap50_per_class`, a list of C), then over the classes.
    - `top1`: each class is described by one caption, drawn at random and independently of the
      other classes. The share of images classified right, in expectation over all such draws: for
      each image and each caption of its own class, the product over the other classes of the
      share of captions that score lower.

    Both are what the first point of Figure 4b (one caption a class) estimates from ten draws.

    Args:
        scores: float32 (N, T), of images with captions.
        labels: int64 (N,), the class of each image, 0 to C - 1.
        owners: int64 (T,), the class of each caption; every class has one or more.

    Source: paper, section 5.6 gives `ap50` for three encoders. Chapter: 7, birds.

    Example:
        >>> scores = torch.tensor([[1.0, 5.0, 3.0]])  # one image, two captions of its own class
        >>> figures = single_caption(scores, torch.tensor([0]), torch.tensor([0, 0, 1]))
        >>> figures["top1"]  # the second caption beats class 1's, the first does not
        0.5
    """
    classes = int(owners.max()) + 1
    precision = precision_at(scores, labels, RETRIEVED, owners).unsqueeze(1)
    ap50 = mean_by_class(precision, owners, classes).flatten()
    own = [(owners == c).nonzero().flatten() for c in range(classes)]
    right = torch.empty(len(labels), dtype=torch.float64, device=scores.device)
    for c in range(classes):
        images = (labels == c).nonzero().flatten()
        if len(images):
            right[images] = _probability_to_win(scores[images], own, c)
    return {
        "top1": float(right.mean()),
        "ap50": float(ap50.double().mean()),
        "ap50_per_class": ap50.tolist(),
    }


def _probability_to_win(scores: torch.Tensor, own: list[torch.Tensor], c: int) -> torch.Tensor:
    """For images of class c, the probability that a random caption of c beats one of every other.

    Among equal scores the class of the lowest number wins, as in `argmax`.
    """
    mine = scores[:, own[c]].contiguous()
    probability = torch.ones(mine.shape, dtype=torch.float64, device=mine.device)
    for k, captions in enumerate(own):
        if k != c:
            ranked = scores[:, captions].sort(1).values
            below = torch.searchsorted(ranked, mine, right=k > c)
            probability *= below.double() / len(captions)
    return probability.mean(1)

"""What the paper claims, each as a difference of two figures that should be above zero."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dse.reproduction.cells import PAPER_ENCODERS, Cell
from dse.reproduction.intervals import interval

CNN_ENCODERS = ("char-cnn", "char-cnn-rnn", "word-cnn", "word-cnn-rnn")
METRICS = {"top1": "top-1", "ap50": "AP@50"}
WORD_NETWORKS = ("word-cnn", "word-lstm", "word-cnn-rnn")

Figures = Callable[[Cell, str], "np.ndarray | float | None"]
"""The figure of a cell in a metric (resampled values, or one number), None where there is none."""


@dataclass(frozen=True)
class Claim:
    """The figures of `higher` lie above those of `lower`, in one metric.

    Attributes:
        text: the claim in words.
        metric: `top1`, `ap50` or `single_caption_ap50`.
        higher: cells.
        lower: cells.
        of_higher: `max`, `min` or `mean`: what stands for the cells of `higher`.
        of_lower: the same for `lower`.
    """

    text: str
    metric: str
    higher: tuple[Cell, ...]
    lower: tuple[Cell, ...]
    of_higher: str = "max"
    of_lower: str = "max"

    def difference(self, figures: Figures) -> "np.ndarray | float | None":
        """Higher minus lower; None if a figure is missing."""
        sides = []
        for cells, how in ((self.higher, self.of_higher), (self.lower, self.of_lower)):
            values = [figures(cell, self.metric) for cell in cells]
            if any(value is None for value in values):
                return None
            sides.append(getattr(np, how)(values, axis=0))
        return sides[0] - sides[1]


def claims_about(dataset: str) -> list[Claim]:
    """The claims of the paper that can be put to a data set, in the order of the paper's text.

    `attributes` are left out for `flowers`, which has none.

    Source: paper, sections 5.3 to 5.7. Chapter: 6, zero-shot results.
    """
    encoders = [e for e in PAPER_ENCODERS if (e, dataset) != ("attributes", "flowers")]
    ds = {encoder: Cell(encoder) for encoder in encoders}
    da = {encoder: Cell(encoder, "da") for encoder in encoders}
    best = (ds["word-cnn-rnn"],)
    shallow_or_characters = [e for e in encoders if e not in (*WORD_NETWORKS, "attributes")]
    claims = []
    for metric, called in METRICS.items():
        claims += [
            Claim(f"DS-SJE above DA-SJE, {called}: {e}", metric, (ds[e],), (da[e],))
            for e in encoders
        ]
        mean = f"DS-SJE above DA-SJE, {called}: mean of the encoders"
        claims.append(Claim(mean, metric, tuple(ds.values()), tuple(da.values()), "mean", "mean"))
    others = tuple(ds[e] for e in encoders if e != "word-cnn-rnn")
    claims.append(Claim("word-cnn-rnn is the best, top-1", "top1", best, others))
    claims += [
        Claim(f"word-cnn-rnn above {e}, {called}", metric, best, (ds[e],))
        for metric, called in METRICS.items()
        for e in ("word2vec", "bag-of-words")
    ]
    if "attributes" in ds:
        attributes = (ds["attributes"],)
        captions = tuple(ds[e] for e in encoders if e != "attributes")
        two, four = ((Cell("word-cnn-rnn", captions=n),) for n in (2, 4))
        claims += [
            Claim("word-cnn-rnn above attributes, top-1", "top1", best, attributes),
            Claim("attributes are the best, AP@50", "ap50", attributes, captions),
            Claim("2 captions: word-cnn-rnn below attributes, top-1", "top1", attributes, two),
            Claim("4 captions: word-cnn-rnn above attributes, top-1", "top1", four, attributes),
        ]
    for metric, called in METRICS.items():
        text = f"Word networks above shallow and characters, {called}"
        words, rest = ([ds[e] for e in own] for own in (WORD_NETWORKS, shallow_or_characters))
        claims.append(Claim(text, metric, tuple(words), tuple(rest)))
    steady, convolutional = (da["word-lstm"], da["bag-of-words"]), [da[e] for e in CNN_ENCODERS]
    return [
        *claims,
        Claim("DA-SJE: CNNs below word-lstm and bag-of-words, AP@50", "ap50", steady,
              tuple(convolutional), "min", "max"),
        Claim("One caption: word-cnn-rnn above word-lstm, AP@50", "single_caption_ap50", best,
              (ds["word-lstm"],)),
        Claim("One caption: word-lstm above bag-of-words, AP@50", "single_caption_ap50",
              (ds["word-lstm"],), (ds["bag-of-words"],)),
    ]  # fmt: skip


def judged(claim: Claim, measured: Figures, resampled: Figures, published: Figures) -> dict:
    """A claim as a row: the paper's difference, ours, its interval, and the verdict.

    The verdict is `holds` or `does not hold` if the interval leaves out 0, `undecided` if it does
    not, `missing` if a cell has not been measured.

    Args:
        claim: what is claimed.
        measured: our figures.
        resampled: the same over resampled classes.
        published: the paper's figures.
    """
    paper, ours = claim.difference(published), claim.difference(measured)
    row = {
        "claim": claim.text,
        "metric": claim.metric,
        "paper": None if paper is None else float(paper),
        "ours": None,
        "interval": None,
        "verdict": "missing",
    }
    if ours is None:
        return row
    low, high = interval(claim.difference(resampled))
    verdict = "holds" if low > 0 else "does not hold" if high < 0 else "undecided"
    return {**row, "ours": float(ours), "interval": [low, high], "verdict": verdict}

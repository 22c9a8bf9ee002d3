"""What the paper claims, each as a difference of two figures that should be above zero."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dse.reproduction.cells import PAPER_ENCODERS, Cell
from dse.reproduction.figures import Measured
from dse.reproduction.intervals import holm, interval_of_smallest, p_value

LEVEL = 0.05
"""A verdict needs an adjusted p value below this."""
CLOSE, REPEATS = (0.02, 0.1), 20
"""An adjusted p value between these is estimated again, from so many times more resamples, so that
no verdict depends on the draws."""
CNN_ENCODERS = ("char-cnn", "char-cnn-rnn", "word-cnn", "word-cnn-rnn")
CHARACTER_ENCODERS = ("char-cnn", "char-lstm", "char-cnn-rnn")
METRICS = {"top1": "top-1", "ap50": "AP@50"}

Cells = Mapping[str, Cell]
Published = Callable[[Cell, str], float | None]
"""The paper's figure for a cell and metric, None where it has none."""


@dataclass(frozen=True)
class Claim:
    """In one metric, each cell of `higher` lies above each of `lower`; or their means do.

    Attributes:
        group: what the claim is about.
        text: the claim in words.
        metric: `top1`, `ap50` or `single_caption_ap50`.
        higher: cells.
        lower: cells.
        of_means: compare the mean of `higher` with that of `lower`.
    """

    group: str
    text: str
    metric: str
    higher: tuple[Cell, ...]
    lower: tuple[Cell, ...]
    of_means: bool = False

    def differences(self, figure: Callable[[Cell], "np.ndarray | float"]) -> np.ndarray:
        """Higher minus lower, (K, ...), a row for each pair of cells; all should be above 0.

        Args:
            figure: gives what to subtract for a cell: a number, or an array (...).

        Example:
            >>> a, b, c = map(Cell, ("word-cnn", "char-cnn", "char-lstm"))
            >>> figures = {a: 5.0, b: 3.0, c: 6.0}
            >>> Claim("", "word-cnn is the best", "top1", (a,), (b, c)).differences(figures.get)
            array([ 2., -1.])
        """
        higher, lower = (np.stack([figure(c) for c in own]) for own in (self.higher, self.lower))
        if self.of_means:
            return (higher.mean(0) - lower.mean(0))[None]
        return (higher[:, None] - lower).reshape(-1, *higher.shape[1:])


def claims_about(dataset: str) -> list[Claim]:
    """The claims that are put to a data set, each once: the paper's, and what they lack.

    `attributes` are left out for `flowers`, which has none.

    Source: paper, sections 5.3 to 5.7. Chapter: 7, birds.
    """
    encoders = [e for e in PAPER_ENCODERS if (e, dataset) != ("attributes", "flowers")]
    ds = {encoder: Cell(encoder) for encoder in encoders}
    da = {encoder: Cell(encoder, "da") for encoder in encoders}
    return [
        *_symmetric_above_asymmetric(ds, da),
        *_word_cnn_rnn_above_others(ds),
        *(_captions_and_attributes(ds) if "attributes" in ds else []),
        Claim(
            "DA-SJE", "DA-SJE: CNNs below word-lstm and bag-of-words, AP@50", "ap50",
            (da["word-lstm"], da["bag-of-words"]), tuple(da[e] for e in CNN_ENCODERS),
        ),
        *(
            Claim(
                "One caption", f"One caption: {higher} above {lower}, AP@50",
                "single_caption_ap50", (ds[higher],), (ds[lower],),
            )
            for higher, lower in (("word-cnn-rnn", "word-lstm"), ("word-lstm", "bag-of-words"))
        ),
        *_pairs_of_words(ds),
    ]  # fmt: skip


def _symmetric_above_asymmetric(ds: Cells, da: Cells) -> list[Claim]:
    claims = []
    for metric, called in METRICS.items():
        group = f"DS-SJE above DA-SJE, {called}"
        claims += [Claim(group, f"{group}: {e}", metric, (ds[e],), (da[e],)) for e in ds]
        text = f"{group}: mean of the encoders"
        means = tuple(ds.values()), tuple(da.values())
        claims.append(Claim(group, text, metric, *means, of_means=True))
    return claims


def _word_cnn_rnn_above_others(ds: Cells) -> list[Claim]:
    group, best = "The word-CNN-RNN above others", (ds["word-cnn-rnn"],)
    others = tuple(cell for e, cell in ds.items() if e != "word-cnn-rnn")
    characters = tuple(ds[e] for e in CHARACTER_ENCODERS)
    shallow = [
        Claim(group, f"word-cnn-rnn above {e}, {called}", metric, best, (ds[e],))
        for metric, called in METRICS.items()
        for e in ("word2vec", "bag-of-words")
    ]
    return [
        Claim(group, "word-cnn-rnn is the best, top-1", "top1", best, others),
        *shallow,
        Claim(group, "word-cnn-rnn above the character networks, AP@50", "ap50", best, characters),
    ]


def _captions_and_attributes(ds: Cells) -> list[Claim]:
    group, attributes, best = "Captions and attributes", (ds["attributes"],), ds["word-cnn-rnn"]
    captions = tuple(cell for e, cell in ds.items() if e != "attributes")
    two, four = (Cell("word-cnn-rnn", captions=n) for n in (2, 4))
    texts = (
        "word-cnn-rnn above attributes, top-1",
        "attributes are the best, AP@50",
        "2 captions: word-cnn-rnn below attributes, top-1",
        "4 captions: word-cnn-rnn above attributes, top-1",
    )
    return [
        Claim(group, texts[0], "top1", (best,), attributes),
        Claim(group, texts[1], "ap50", attributes, captions),
        Claim(group, texts[2], "top1", attributes, (two,)),
        Claim(group, texts[3], "top1", (four,), attributes),
    ]


def _pairs_of_words(ds: Cells) -> list[Claim]:
    """Not of the paper: what a linear layer on words and pairs leaves to the networks."""
    group, pairs = "Beyond the paper: pairs of words", (Cell("bag-of-bigrams"),)
    return [
        Claim(group, f"{text}, {called}", metric, higher, lower)
        for metric, called in METRICS.items()
        for text, higher, lower in (
            ("bag-of-bigrams above bag-of-words", pairs, (ds["bag-of-words"],)),
            ("word-cnn-rnn above bag-of-bigrams", (ds["word-cnn-rnn"],), pairs),
        )
    ]


def judge(claims: Sequence[Claim], measured: Measured, published: Published) -> list[dict]:
    """The claims as rows: the paper's difference, ours with its interval and p values, the verdict.

    All cells of a claim are compared on the seeds that every one of them was trained with. The
    difference of a claim about several pairs of cells is the smallest of theirs.

    - `higher`: the text encoders that should be above.
    - `paper`, `paper_verdict`: the published difference, and whether it is above 0 as claimed:
      `agrees`, `equal` or `disagrees`.
    - `ours`, `interval`, `seeds`: over the mean of the matched seeds.
    - `same_length`: whether all cells were trained for as long.
    - `p`, `adjusted_p`: two-sided; adjusted by Holm's method over the claims that were measured.
    - `verdict`: `holds` or `does not hold` (the reverse is seen) if `adjusted_p` is below 0.05,
      else `not told apart`; `missing` if a cell has not been measured.

    Args:
        claims: all that the correction is to cover.
        measured: our figures.
        published: the paper's figure for a cell and metric, or None.

    Chapter: 7, birds.
    """
    rows = [_row(claim, measured, published) for claim in claims]
    known = [(claim, row) for claim, row in zip(claims, rows, strict=True) if row["seeds"]]
    for (claim, row), first in zip(known, holm([row["p"] for _, row in known]), strict=True):
        if CLOSE[0] < first < CLOSE[1]:
            row["p"] = _p_value(claim, measured, row["seeds"], REPEATS)
    for (_, row), adjusted in zip(known, holm([row["p"] for _, row in known]), strict=True):
        row["adjusted_p"] = adjusted
        if adjusted >= LEVEL:
            row["verdict"] = "not told apart"
        else:
            row["verdict"] = "holds" if row["ours"] > 0 else "does not hold"
    return rows


def _row(claim: Claim, measured: Measured, published: Published) -> dict:
    cells = (*claim.higher, *claim.lower)
    seeds = sorted(set.intersection(*(set(measured.seeds(cell)) for cell in cells)))
    row = {
        "claim": claim.text,
        "group": claim.group,
        "higher": [cell.text_encoder for cell in claim.higher],
        "metric": claim.metric,
        **_in_the_paper(claim, [published(cell, claim.metric) for cell in cells]),
        "ours": None,
        "interval": None,
        "seeds": seeds,
        "same_length": None,
        "p": None,
        "adjusted_p": None,
        "verdict": "missing",
    }
    if not seeds:
        return row
    by_class = _differences(claim, measured.by_class, seeds)
    resampled = measured.resampled(by_class, claim.metric)
    return row | {
        "ours": float(_differences(claim, measured.value, seeds).mean(1).min()),
        "interval": list(interval_of_smallest(resampled)),
        "same_length": _same_length(claim, measured, seeds[0]),
        "p": p_value(resampled),
    }


def _differences(claim: Claim, figure: Callable, seeds: Sequence[int]) -> np.ndarray:
    """Of matched seeds: (K, S, ...)."""
    return claim.differences(
        lambda cell: np.stack([figure(replace(cell, seed=s), claim.metric) for s in seeds])
    )


def _p_value(claim: Claim, measured: Measured, seeds: Sequence[int], repeats: int) -> float:
    by_class = _differences(claim, measured.by_class, seeds)
    resampled = (measured.resampled(by_class, claim.metric, i) for i in range(repeats))
    return float(np.mean([p_value(own) for own in resampled]))


def _same_length(claim: Claim, measured: Measured, seed: int) -> bool:
    """Whether no encoder was trained for longer than what it is compared with."""
    higher, lower = (
        [measured.length(replace(cell, seed=seed)) for cell in own]
        for own in (claim.higher, claim.lower)
    )
    return higher == lower if claim.of_means else len({*higher, *lower}) == 1


def _in_the_paper(claim: Claim, figures: list[float | None]) -> dict:
    if None in figures:
        return {"paper": None, "paper_verdict": None}
    known = dict(zip((*claim.higher, *claim.lower), figures, strict=True))
    paper = round(float(claim.differences(known.get).min()), 9)  # 54.3 - 54.3 is 0, not nearly 0
    verdict = "agrees" if paper > 0 else "disagrees" if paper < 0 else "equal"
    return {"paper": paper, "paper_verdict": verdict}

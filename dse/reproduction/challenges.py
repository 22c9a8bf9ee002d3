"""The text encoders on FieldGuide's challenges: who tells the confusable pairs apart, and where."""

from dataclasses import replace

import numpy as np

from dse.datasets.fieldguide.challenges import CHALLENGES
from dse.reproduction.cells import SEEDED_ENCODERS, Cell
from dse.reproduction.formats import bounds, grid, number
from dse.reproduction.intervals import holm, interval, p_value, resampled_means
from dse.reproduction.records import Records

LEVEL = 0.05
"""An encoder is behind the best one if Holm's p value, over the encoders, is below this."""


def challenge_rows(records: Records, resamples: int, seed: int) -> list[dict]:
    """A row for each challenge and text encoder that was put to it.

    - `top1`, `ap50`, `pair_accuracy`: means over the seeds, in percent; the chance level of
      `pair_accuracy` is 50.
    - `interval`: of `pair_accuracy`; confusable pairs and seeds are resampled.
    - `change`, `change_interval`: its `pair_accuracy` less that of the first challenge, in which
      nothing but the order is asked for; the same pairs and seeds on both sides.
    - `seeds`: those of the cells.
    - `best`: it has the highest `pair_accuracy`, or is not told apart from what has: on the seeds
      that both have, resampling the same pairs, `adjusted_p` is 0.05 or more.

    Args:
        records: run records by cell.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Chapter: 6, zero-shot results.
    """
    rows = []
    for challenge in CHALLENGES:
        known = {}
        for encoder in SEEDED_ENCODERS:
            own = _of_encoder(records, encoder, challenge)
            if own:
                known[encoder] = own
        rows += _rows_of_challenge(challenge, known, resamples, seed)
    for row in rows:
        row |= _change(records, row, resamples, seed)
    return rows


def pairs_told_apart(records: Records, encoder: str, challenge: str) -> np.ndarray:
    """How many images of each confusable pair score higher with their own captions, in percent.

    Args:
        records: run records by cell.
        encoder: a text encoder under DS-SJE, in the plain form of training.
        challenge: of `dse.datasets.fieldguide.challenges.CHALLENGES`.

    Returns:
        (S, P), a row for each seed that was measured, a column for each pair.

    Chapter: 5, the CNN-RNN.

    Example:
        >>> measured = {"distant": {"per_pair": [{"accuracy": 0.5}, {"accuracy": 1.0}]}}
        >>> records = {Cell("char-cnn"): {"challenges": measured}}
        >>> pairs_told_apart(records, "char-cnn", "distant").tolist()
        [[50.0, 100.0]]
    """
    return np.stack([_by_pair(own) for own in _of_encoder(records, encoder, challenge).values()])


def challenge_section(rows: list[dict]) -> list[str]:
    """The rows as a section of a summary, in Markdown."""
    if not rows:
        return []
    return [
        "## Challenges",
        "Confusable pairs told apart, in percent; the chance level is 50. Each challenge describes "
        "the test species in captions of one kind. Means over the seeds; the interval resamples "
        "pairs and seeds. In bold: the highest share of a column, and those that are not told "
        "apart from it (the same pairs and seeds, Holm's p value over the column 0.05 or more).",
        challenge_table(rows),
    ]


def challenge_table(rows: list[dict], intervals: bool = True) -> str:
    """The rows as a table in Markdown, a column for each challenge; those that are `best` in bold.

    Args:
        rows: of `challenge_rows`.
        intervals: with the intervals and the number of seeds; else whole numbers alone.
    """
    lines: dict[str, list[str]] = {}
    for row in rows:
        name, share = row["text_encoder"], number(row["pair_accuracy"], digits=int(intervals))
        cell = f"**{share}**" if row["best"] else share
        first = [name, str(len(row["seeds"]))] if intervals else [name]
        own = lines.setdefault(name, first)
        own.append(f"{cell} ({bounds(row['interval'])})" if intervals else cell)
    header = ["text encoder", "seeds"] if intervals else ["text encoder"]
    return grid([*header, *dict.fromkeys(row["challenge"] for row in rows)], list(lines.values()))


def _of_encoder(records: Records, encoder: str, challenge: str) -> dict[int, dict]:
    """What an encoder's cells measured on a challenge, by seed."""
    cells = (cell for cell in records if cell == replace(Cell(encoder), seed=cell.seed))
    measured = {cell.seed: records[cell].get("challenges") for cell in cells}
    return {s: own[challenge] for s, own in sorted(measured.items()) if own is not None}


def _rows_of_challenge(
    challenge: str, known: dict[str, dict[int, dict]], resamples: int, seed: int
) -> list[dict]:
    rows = []
    for encoder, by_seed in known.items():
        means = {
            metric: 100 * float(np.mean([own[metric] for own in by_seed.values()]))
            for metric in ("top1", "ap50", "pair_accuracy")
        }
        shares = np.stack([_by_pair(own) for own in by_seed.values()])
        rows.append(
            {
                "challenge": challenge,
                "text_encoder": encoder,
                "seeds": list(by_seed),
                **means,
                "interval": interval(_resampled(shares, resamples, seed)),
            }
        )
    if not rows:
        return []
    best = max(rows, key=lambda row: row["pair_accuracy"])["text_encoder"]
    others = [encoder for encoder in known if encoder != best]
    p = [_p_behind(known[best], known[encoder], resamples, seed) for encoder in others]
    adjusted = dict(zip(others, holm(p), strict=True))
    for row in rows:
        row["adjusted_p"] = adjusted.get(row["text_encoder"])
        row["best"] = row["adjusted_p"] is None or row["adjusted_p"] >= LEVEL
    return rows


def _change(records: Records, row: dict, resamples: int, seed: int) -> dict:
    first, own = (
        _of_encoder(records, row["text_encoder"], challenge)
        for challenge in (next(iter(CHALLENGES)), row["challenge"])
    )
    changes = np.stack([_by_pair(own[s]) - _by_pair(first[s]) for s in own])
    return {
        "change": float(changes.mean()),
        "change_interval": interval(_resampled(changes, resamples, seed)),
    }


def _p_behind(best: dict[int, dict], other: dict[int, dict], resamples: int, seed: int) -> float:
    """The p value of the difference, on the seeds that both have; 1 without any."""
    both = sorted(best.keys() & other.keys())
    if not both:
        return 1.0
    difference = np.stack([_by_pair(best[s]) - _by_pair(other[s]) for s in both])
    return p_value(_resampled(difference, resamples, seed)[None])


def _by_pair(measured: dict) -> np.ndarray:
    return 100 * np.array([pair["accuracy"] for pair in measured["per_pair"]])


def _resampled(by_pair: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Means over resampled seeds and pairs: (S, P) -> (R,)."""
    return resampled_means(by_pair, np.ones(by_pair.shape[1]), resamples=resamples, seed=seed)

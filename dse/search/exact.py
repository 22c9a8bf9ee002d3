"""Exact search: the rows with the highest inner products, found in bounded memory."""

from typing import NamedTuple

import numpy as np
import torch

from dse.utils.errors import InputError

BLOCK_VALUES = 2**20
"""Numbers of the rows that are looked at together: 8 MB as float64, about what a processor's cache
holds. Ten times as many take longer."""
QUERIES = 256
"""Queries that are answered together; for more, the rows are read several times."""


class Nearest(NamedTuple):
    """What `nearest` found for Q queries.

    Attributes:
        scores: float32 (Q, k), highest first.
        indices: int64 (Q, k), the rows that have them.
    """

    scores: torch.Tensor
    indices: torch.Tensor


def nearest(queries: torch.Tensor, rows: torch.Tensor | np.ndarray, k: int) -> Nearest:
    """The k rows whose inner products with a query are highest, for each query.

    Of rows with equal scores the one with the smaller index comes first. A score is summed in
    float64 and rounded to float32, so that the same image twice has the same score twice, wherever
    it stands. Rows are read in blocks: a memory-mapped file may be larger than the memory.

    Args:
        queries: float (Q, D).
        rows: float32 or float16 (N, D), a tensor or an array; also `numpy.load(file,
            mmap_mode="r")`.
        k: 1 or more; of fewer rows all are returned.

    Raises:
        InputError: k below 1, other shapes, or scores that are no numbers.

    Example:
        >>> rows = torch.tensor([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0], [1.0, 0.0]])
        >>> nearest(torch.tensor([[1.0, 0.5]]), rows, k=3)
        Nearest(scores=tensor([[3., 1., 1.]]), indices=tensor([[2, 0, 3]]))
    """
    if k < 1:
        raise InputError(f"the {k} nearest rows are asked for: ask for 1 or more")
    if queries.ndim != 2 or rows.ndim != 2 or queries.shape[1] != rows.shape[1]:
        raise InputError(
            f"queries {tuple(queries.shape)} and rows {tuple(rows.shape)} do not fit: they are "
            "to be (Q, D) and (N, D)"
        )
    found = [_nearest(part, rows, k) for part in queries.cpu().double().split(QUERIES)]
    return Nearest(*(torch.cat(parts) for parts in zip(*found, strict=True)))


def _nearest(queries: torch.Tensor, rows: torch.Tensor | np.ndarray, k: int) -> Nearest:
    best = Nearest(torch.empty(len(queries), 0), torch.empty(len(queries), 0, dtype=torch.int64))
    block_rows = max(1, BLOCK_VALUES // max(1, rows.shape[1]))
    for start in range(0, len(rows), block_rows):
        scores = (queries @ _float64(rows[start : start + block_rows]).T).float()
        if not scores.isfinite().all():
            row = start + int((~scores.isfinite()).any(0).nonzero()[0])
            raise InputError(f"the score of row {row} is no number: extract its features again")
        candidates = torch.arange(scores.shape[1])
        if best.scores.shape[1] == k:  # a later row comes in only if it scores higher
            candidates = (scores > best.scores[:, -1:]).any(0).nonzero().flatten()
        best = _merged(best, scores[:, candidates], start + candidates, k)
    return best


def _float64(block: torch.Tensor | np.ndarray) -> torch.Tensor:
    tensor = block if isinstance(block, torch.Tensor) else torch.tensor(block)
    return tensor.to("cpu", torch.float64)


def _merged(best: Nearest, scores: torch.Tensor, indices: torch.Tensor, k: int) -> Nearest:
    """The k best of what was found before and of later rows, in a stable order."""
    scores = torch.cat([best.scores, scores], 1)
    indices = torch.cat([best.indices, indices.expand(len(scores), -1)], 1)
    scores, order = scores.sort(dim=1, descending=True, stable=True)
    return Nearest(scores[:, :k], indices.gather(1, order[:, :k]))

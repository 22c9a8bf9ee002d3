"""Approximate search, for more rows than exact search has time for: FAISS, the extra `faiss`."""

import math

import numpy as np
import torch

from dse.search.exact import Nearest, nearest
from dse.utils.errors import InputError, missing_extra

CANDIDATES = 1000
"""Rows that the index proposes for a query, unless told; their exact scores then decide."""
ADDED_ROWS = 8192
"""Rows that are handed to FAISS together, as float32."""
CODE_BYTES = 64
"""Bytes that `ivf-pq` keeps of a row."""
LEAST_ROWS = 10_000
"""Rows below which the codes of `ivf-pq` cannot be learned."""


class ApproximateIndex:
    """An index that finds most of what `nearest` finds, without looking at every row.

    FAISS proposes candidates, and their exact scores decide. So every score is right, and a row can
    be missing. How many are missing depends on rows and queries: measure it with `recall`.

    Args:
        rows: float32 or float16 (N, D), a tensor or an array, memory-mapped as well. The
            candidates are read from it at each search.
        kind: `hnsw`, a graph of neighbours, which keeps 4 D + 272 bytes a row in memory and is
            slow to build; or `ivf-pq`, cells of rows, each kept as 64 bytes.

    Raises:
        InputError: an unknown kind, the extra is not installed, or for `ivf-pq` fewer than 10,000
            rows or a D that 64 does not divide.

    Source: Malkov and Yashunin 2020 (`hnsw`), Jégou et al. 2011 (`ivf-pq`), as FAISS has them.
    """

    def __init__(self, rows: torch.Tensor | np.ndarray, kind: str = "hnsw"):
        try:
            import faiss
        except ImportError:
            raise missing_extra("approximate search", "faiss") from None
        num_rows, dim = rows.shape
        if kind == "hnsw":
            self.index = faiss.IndexHNSWFlat(dim, 32, faiss.METRIC_INNER_PRODUCT)
        elif kind == "ivf-pq":
            if num_rows < LEAST_ROWS or dim % CODE_BYTES:
                raise InputError(
                    f"ivf-pq of {num_rows} rows of {dim}: it needs {LEAST_ROWS} rows, and a "
                    f"dimension that {CODE_BYTES} divides; use nearest, which is exact"
                )
            cells = math.isqrt(num_rows)
            centres, metric = faiss.IndexFlatIP(dim), faiss.METRIC_INNER_PRODUCT
            self.index = faiss.IndexIVFPQ(centres, dim, cells, CODE_BYTES, 8, metric)
            self.index.do_polysemous_training = False  # minutes, for a filter that is not used
            sample = np.linspace(0, num_rows - 1, max(LEAST_ROWS, 40 * cells)).astype(np.int64)
            self.index.train(_float32(rows[sample]))
            self.index.nprobe = max(1, cells // 16)
        else:
            raise InputError(f"unknown index {kind!r}: choose hnsw or ivf-pq")
        for start in range(0, num_rows, ADDED_ROWS):
            self.index.add(_float32(rows[start : start + ADDED_ROWS]))
        self.kind, self.rows = kind, rows

    def __repr__(self) -> str:
        return f"ApproximateIndex({self.kind!r}, {len(self.rows)} rows of {self.rows.shape[1]})"

    def search(self, queries: torch.Tensor, k: int, candidates: int = CANDIDATES) -> Nearest:
        """The best k of the candidates of each query.

        Args:
            queries: float (Q, D).
            k: 1 or more.
            candidates: how many the index proposes; more find more, and take longer.

        Returns:
            As `nearest`; where fewer than k rows were found, a row of -1 with the score -inf.
        """
        candidates = min(max(k, candidates), len(self.rows))
        if self.kind == "hnsw":
            self.index.hnsw.efSearch = candidates
        proposed = self.index.search(_float32(queries), candidates)[1]
        scores = torch.full((len(queries), k), -torch.inf)
        indices = torch.full((len(queries), k), -1)
        for q, ids in enumerate(proposed):
            ids = np.sort(ids[ids >= 0])  # of equal scores the smaller index comes first
            found = nearest(queries[q : q + 1], self.rows[ids], k)
            count = found.scores.shape[1]
            scores[q, :count] = found.scores[0]
            indices[q, :count] = torch.from_numpy(ids)[found.indices[0]]
        return Nearest(scores, indices)


def _float32(rows: torch.Tensor | np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rows, dtype=np.float32)


def recall(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The share of the expected rows that were found, mean over queries, 0 to 1.

    Args:
        found: int64 (Q, k), of an approximate search.
        expected: int64 (Q, k), of `nearest`.

    Example:
        >>> recall(torch.tensor([[4, 1], [7, 2]]), torch.tensor([[1, 4], [2, 3]]))
        0.75
    """
    return float((expected.unsqueeze(2) == found.unsqueeze(1)).any(2).double().mean())

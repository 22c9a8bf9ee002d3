"""FAISS proposes, exact scores decide."""

import sys

import pytest
import torch

from dse.search import ApproximateIndex, approximate, nearest, recall
from dse.utils.errors import InputError

pytest.importorskip("faiss")


@pytest.fixture(scope="module")
def rows():
    """Three thousand rows around a hundred centres."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(100, 64, generator=generator)
    return centres.repeat(30, 1) + 0.3 * torch.randn(3000, 64, generator=generator)


@pytest.mark.parametrize("kind", ["hnsw", "ivf-pq"])
def test_it_finds_most_of_what_exact_search_finds(rows, kind, monkeypatch):
    monkeypatch.setattr(approximate, "LEAST_ROWS", 2000)
    monkeypatch.setattr(approximate, "CODE_BYTES", 8)  # 64 take long to learn
    index = ApproximateIndex(rows.half().numpy(), kind)
    queries = rows[:50] + 0.1
    exact = nearest(queries, rows.half(), 10)
    found = index.search(queries, 10, candidates=300)
    assert recall(found.indices, exact.indices) > 0.9
    assert recall(found.indices, exact.indices) >= recall(
        index.search(queries, 10, candidates=10).indices, exact.indices
    )
    own = (queries.double() @ rows.half().double().T).float().gather(1, found.indices)
    torch.testing.assert_close(found.scores, own)
    assert (found.scores.diff() <= 0).all()


def test_all_rows_as_candidates_are_an_exact_search(rows):
    index = ApproximateIndex(rows[:300], "hnsw")
    found, exact = index.search(rows[:5], 20, candidates=300), nearest(rows[:5], rows[:300], 20)
    assert torch.equal(found.indices, exact.indices)
    assert torch.equal(found.scores, exact.scores)
    assert repr(index) == f"ApproximateIndex('hnsw', 300 rows of {rows.shape[1]})"


def test_fewer_rows_than_asked_for_are_filled_up(rows):
    found = ApproximateIndex(rows[:3]).search(rows[:1], 5)
    assert found.indices[0, :3].sort().values.tolist() == [0, 1, 2]
    assert found.indices[0, 3:].tolist() == [-1, -1]
    assert found.scores[0, 3:].tolist() == [-torch.inf] * 2


def test_faults(rows, monkeypatch):
    with pytest.raises(InputError, match="'tree'"):
        ApproximateIndex(rows, "tree")
    with pytest.raises(InputError, match="ivf-pq"):
        ApproximateIndex(rows[:100], "ivf-pq")
    with pytest.raises(InputError, match="ivf-pq"):
        ApproximateIndex(rows[:, :10], "ivf-pq")
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match=r"\[faiss\]"):
        ApproximateIndex(rows)

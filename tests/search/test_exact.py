"""Exact search equals a literal sort of all scores, whatever the blocks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from dse.search import exact, nearest
from dse.utils.errors import InputError

SMALL = st.integers(-3, 3)  # few values: many equal scores


@st.composite
def searches(draw):
    """Queries and rows of small whole numbers, which no rounding touches."""
    dim = draw(st.integers(1, 4))
    dtype = draw(st.sampled_from(["float32", "float16"]))
    rows = draw(arrays.arrays("int64", (draw(st.integers(0, 40)), dim), elements=SMALL))
    queries = draw(arrays.arrays("int64", (draw(st.integers(0, 5)), dim), elements=SMALL))
    return queries.astype("float32"), rows.astype(dtype), draw(st.integers(1, 45))


def literal(queries, rows, k):
    scores = queries.astype(np.float64) @ rows.astype(np.float64).T
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, 1), order


@given(searches(), st.integers(1, 64), st.integers(1, 3), st.booleans())
def test_nearest_is_a_literal_argsort(search, block_values, queries_together, as_tensor):
    queries, rows, k = search
    scores, order = literal(queries, rows, k)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact, "BLOCK_VALUES", block_values)
        patch.setattr(exact, "QUERIES", queries_together)
        found = nearest(torch.tensor(queries), torch.tensor(rows) if as_tensor else rows, k)
    assert found.scores.dtype == torch.float32
    np.testing.assert_array_equal(found.indices.numpy(), order)
    np.testing.assert_array_equal(found.scores.numpy(), scores)


@pytest.mark.parametrize("block_values", [1, 700, 2**20])
def test_the_same_row_scores_the_same_wherever_it_stands(monkeypatch, block_values):
    """A sum in float32 depends on the row's place in its block; then a copy could come first."""
    monkeypatch.setattr(exact, "BLOCK_VALUES", block_values)
    generator = torch.Generator().manual_seed(0)
    few = torch.randn(7, 100, generator=generator)
    rows = few.repeat(60, 1)
    scores = literal(np.ones((1, 100)), rows.numpy(), 420)[0]
    found = nearest(torch.ones(1, 100), rows, 420)
    copies = found.indices[0].view(7, 60)
    assert (copies.diff() == 7).all()
    np.testing.assert_allclose(found.scores, scores, rtol=1e-6)


def test_rows_are_read_from_a_file_larger_than_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr(exact, "BLOCK_VALUES", 100)
    rows = np.random.default_rng(0).standard_normal((300, 16)).astype("float16")
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    read = []
    whole = exact._float64
    monkeypatch.setattr(exact, "_float64", lambda block: read.append(len(block)) or whole(block))
    queries = torch.randn(3, 16, generator=torch.Generator().manual_seed(1))
    found = nearest(queries, mapped, 12)
    np.testing.assert_array_equal(found.indices, literal(queries.numpy(), rows, 12)[1])
    assert max(read) == 100 // 16 and sum(read) == 300


def test_what_cannot_be_ranked_is_refused():
    rows = torch.ones(5, 2)
    rows[3, 1] = torch.nan
    with pytest.raises(InputError, match="row 3"):
        nearest(torch.ones(1, 2), rows, 1)
    with pytest.raises(InputError, match="0"):
        nearest(torch.ones(1, 2), torch.ones(5, 2), 0)
    with pytest.raises(InputError, match="fit"):
        nearest(torch.ones(1, 3), torch.ones(5, 2), 1)

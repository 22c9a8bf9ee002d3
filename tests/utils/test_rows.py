"""Files of rows: numpy and safetensors read what was written as a header and bytes."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from dse.utils.errors import InputError
from dse.utils.rows import row_file_header

SHAPES = st.lists(st.integers(0, 7), min_size=2, max_size=3)
METADATA = st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=3)


@given(SHAPES, METADATA)
def test_numpy_and_safetensors_read_the_rows(shape, metadata):
    rows = np.random.default_rng(0).random(shape, dtype=np.float32)
    whole = row_file_header(Path("a.npy"), shape) + rows.tobytes()
    assert np.array_equal(np.load(io.BytesIO(whole)), rows)
    whole = row_file_header(Path("a.safetensors"), shape, metadata) + rows.tobytes()
    assert np.array_equal(load(whole)["embeddings"], rows)
    assert (len(whole) - rows.nbytes) % 8 == 0  # the rows are aligned


def test_another_ending_is_refused():
    with pytest.raises(InputError, match=r"rows\.pt is no"):
        row_file_header(Path("rows.pt"), (1, 2))

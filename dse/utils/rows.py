"""Files of float32 rows that are written block by block, so that they need not fit into memory."""

import io
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dse.utils.errors import InputError

ROW_FILES = (".npy", ".safetensors")
"""Endings of the files that `row_file_header` knows."""


def row_file_header(
    path: Path, shape: Sequence[int], metadata: dict[str, str] | None = None
) -> bytes:
    """What stands before the rows of a file; after it come their bytes, float32, little-endian.

    Args:
        path: of the file: it ends in `.npy`, or in `.safetensors`, whose one tensor is called
            `embeddings`.
        shape: of the whole array, rows first.
        metadata: for `.safetensors`; a `.npy` has no place for it.

    Raises:
        InputError: another ending.

    Source: the format descriptions of numpy and of safetensors.

    Example:
        >>> rows = np.ones((2, 3), "<f4")
        >>> whole = row_file_header(Path("a.npy"), rows.shape) + rows.tobytes()
        >>> np.load(io.BytesIO(whole)).sum()
        np.float32(6.0)
    """
    refuse_unknown_ending(path)
    if path.suffix == ".npy":
        file = io.BytesIO()
        about = {"descr": "<f4", "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(file, about)
        return file.getvalue()
    tensor = {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 4 * math.prod(shape)]}
    header = json.dumps({"__metadata__": metadata or {}, "embeddings": tensor}).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header


def refuse_unknown_ending(path: Path) -> None:
    """Raise an `InputError` if `row_file_header` does not know the ending of a file's name."""
    if path.suffix not in ROW_FILES:
        raise InputError(f"{path} is no {' or '.join(ROW_FILES)} file: give it another name")

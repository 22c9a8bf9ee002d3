"""The Torch7 reader: every kind of value, by the byte; every fault in one line; nothing is run."""

import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dse.errors import InputError
from dse.torch7 import MAX_DEPTH, TorchObject, read_torch7

from torch7_writer import TENSORS, Function, torch7_bytes  # isort: skip


@pytest.fixture
def read(tmp_path):
    def read_bytes(content):
        path = tmp_path / "file.t7"
        path.write_bytes(content)
        return read_torch7(path)

    return read_bytes


def i32(*values):
    return struct.pack(f"<{len(values)}i", *values)


def i64(*values):
    return struct.pack(f"<{len(values)}q", *values)


def test_a_table_by_the_byte(read):
    """{"red" = 2.5, 1 = true}, written down here from the format's description."""
    content = (
        i32(3, 1, 2)
        + i32(2, 3) + b"red" + i32(1) + struct.pack("<d", 2.5)
        + i32(1) + struct.pack("<d", 1.0) + i32(5, 1)
    )  # fmt: skip
    assert read(content) == {"red": 2.5, 1: True}
    assert torch7_bytes({"red": 2.5, 1: True}) == content


FLOAT_TENSOR = (
    i32(4, 1, 3) + b"V 1" + i32(17) + b"torch.FloatTensor"
    + i32(2) + i64(2, 3) + i64(1, 2) + i64(3)  # sizes, strides, offset
    + i32(4, 2, 3) + b"V 1" + i32(18) + b"torch.FloatStorage"
    + i64(8) + np.arange(8, dtype="<f4").tobytes()
)  # fmt: skip


def test_a_tensor_by_the_byte_with_strides_and_an_offset(read):
    array = read(FLOAT_TENSOR)
    assert array.dtype == np.float32
    assert array.tolist() == [[2, 4, 6], [3, 5, 7]]


def test_a_class_without_a_version_and_a_cuda_tensor(read):
    old = FLOAT_TENSOR.replace(i32(3) + b"V 1", b"")
    cuda = FLOAT_TENSOR.replace(i32(17) + b"torch.FloatT", i32(16) + b"torch.CudaT").replace(
        i32(18) + b"torch.FloatS", i32(17) + b"torch.CudaS"
    )
    for content in (old, cuda):
        assert read(content).tolist() == [[2, 4, 6], [3, 5, 7]]


def test_empty_tensors(read):
    content = i32(4, 1, 3) + b"V 1" + i32(17) + b"torch.FloatTensor" + i32(0) + i64(1) + i32(0)
    assert read(content).shape == (0,)
    assert read(torch7_bytes(np.zeros((3, 0, 2), np.float32))).shape == (3, 0, 2)


SCALARS = (
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text("abc \u00e9\x00", max_size=5)
)
TREES = st.recursive(
    SCALARS, lambda inner: st.dictionaries(st.text("xyz", max_size=3), inner, max_size=3)
)


@given(TREES)
def test_trees_come_back(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("t7") / "tree.t7"
    path.write_bytes(torch7_bytes(tree))
    assert read_torch7(path) == tree


@given(
    hnp.arrays(
        st.sampled_from(sorted(TENSORS)).map(np.dtype),
        hnp.array_shapes(max_dims=3, max_side=4),
        elements={"allow_nan": False},
    )
)
def test_tensors_come_back(tmp_path_factory, array):
    path = tmp_path_factory.mktemp("t7") / "tensor.t7"
    path.write_bytes(torch7_bytes(array))
    again = read_torch7(path)
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)


def test_an_object_that_is_there_twice_is_one_object(read):
    shared = np.arange(3.0)
    table = {"a": shared, "b": {"c": shared}}
    table["self"] = table
    again = read(torch7_bytes(table))
    assert again["a"] is again["b"]["c"]
    assert again["self"] is again


def test_a_module_is_its_name_and_its_attributes(read):
    module = TorchObject("nn.Linear", {"weight": np.eye(2, dtype=np.float32), "train": False})
    again = read(torch7_bytes({"protos": {"enc": module}}))["protos"]["enc"]
    assert again.type_name == "nn.Linear"
    assert again.attributes["train"] is False
    np.testing.assert_array_equal(again.attributes["weight"], np.eye(2))


def refused(read, content, message):
    with pytest.raises(InputError, match=message) as error:
        read(content)
    assert "\n" not in str(error.value)
    assert "file.t7" in str(error.value)


@pytest.mark.parametrize("tag", [6, 7, 8])
def test_a_function_is_refused_wherever_it_is(read, tag):
    for content in (Function(tag), {"f": Function(tag)}, TorchObject("nn.X", {"f": Function(tag)})):
        refused(read, torch7_bytes(content), "holds a function, which dse does not run")


WHOLE = torch7_bytes(
    {
        "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        1: "text",
        "m": TorchObject("nn.X", {}),
    }
)


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_file_cut_at_any_byte_is_refused(read, length):
    refused(read, WHOLE[:length], "no sound Torch7 file")


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
@settings(max_examples=300)
def test_no_damaged_byte_brings_another_error(tmp_path_factory, place, byte):
    path = tmp_path_factory.mktemp("t7") / "damaged.t7"
    path.write_bytes(WHOLE[:place] + bytes([byte]) + WHOLE[place + 1 :])
    with suppress(InputError):
        read_torch7(path)


def large(elements):
    return FLOAT_TENSOR.replace(i64(8) + np.arange(8, dtype="<f4").tobytes(), i64(elements))


def nested(depth):
    table = {}
    for _ in range(depth):
        table = {"t": table}
    return torch7_bytes(table)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cut short"),
        (b"<!DOCTYPE html><html>", "unknown type"),
        (b"4\n1\n3\nV 1\n17\ntorch.FloatTensor\n", "unknown type"),  # Torch7's ASCII format
        (WHOLE + b"\0", "more bytes than its objects need"),
        (i32(99), "unknown type 99"),
        (i32(2, -1), "a size of -1"),
        (i32(3, 1, 2**31 - 1), "a size of 2147483647"),
        (large(2**40), "a size of 1099511627776"),
        (large(-1), "a size of -1"),
        (FLOAT_TENSOR.replace(i64(2, 3), i64(2, -3)), "negative size"),
        (FLOAT_TENSOR.replace(i64(2, 3), i64(2, 4)), "larger than its storage"),
        (FLOAT_TENSOR.replace(i64(2, 3) + i64(1, 2), i64(9, 9) + i64(0, 0)), "larger than its"),
        (FLOAT_TENSOR.replace(b"torch.FloatStorage", b"torch.OtherStorage"), "unknown type torch"),
        (FLOAT_TENSOR.replace(i32(18) + b"torch.FloatS", i32(19) + b"torch.DoubleS"), "cut short"),
        (FLOAT_TENSOR.replace(i32(18) + b"torch.FloatS", i32(16) + b"torch.IntS"), "its type"),
        (i32(3, 1, 1) + i32(3, 2, 0) + i32(0), "a key of type dict"),
        (nested(2 * MAX_DEPTH), "deep"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(read, content, message):
    refused(read, content, message)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.t7 cannot be read"):
        read_torch7(tmp_path / "none.t7")

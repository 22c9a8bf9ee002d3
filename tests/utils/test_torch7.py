"""The Torch7 reader: every kind of value, by the byte; every fault in one line; nothing is run."""

import struct
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dse.utils.errors import InputError
from dse.utils.torch7 import Table, TorchObject, read_torch7

from torch7_writer import KINDS, Function, Storage, Tensor, torch7_bytes  # isort: skip


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch7") / "file.t7"

    def read_bytes(content):
        path.write_bytes(content)
        return read_torch7(path)

    return read_bytes


def i32(*values):
    return struct.pack(f"<{len(values)}i", *values)


def i64(*values):
    return struct.pack(f"<{len(values)}q", *values)


ONE = struct.pack("<d", 1)
TWO_AND_A_HALF = struct.pack("<d", 2.5)


def test_a_table_by_the_byte(read):  # red = 2.5, 1 = true
    content = i32(3, 1, 2) + i32(2, 3) + b"red" + i32(1) + TWO_AND_A_HALF + i32(1) + ONE + i32(5, 1)
    assert repr(read(content)) == "{'red': 2.5, 1: True}"
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
    assert float_tensor() == FLOAT_TENSOR


def test_a_class_without_a_version(read):
    old = FLOAT_TENSOR.replace(i32(3) + b"V 1", b"")
    assert b"V 1" not in old and read(old).tolist() == [[2, 4, 6], [3, 5, 7]]


CUDA_KINDS = [(dtype, f"Cuda{kind}") for dtype, kind in KINDS.items()] + [("float32", "Cuda")]


@pytest.mark.parametrize(("dtype", "kind"), [*KINDS.items(), *CUDA_KINDS])
def test_tensors_and_storages_of_every_type(read, dtype, kind):
    storage = Storage(np.array([1, 2, 100], dtype), kind)
    table = read(torch7_bytes({"storage": storage, "tensor": Tensor(storage, (2,), (2,))}))
    assert table["storage"].dtype == table["tensor"].dtype == dtype
    assert table["storage"].tolist() == [1, 2, 100]
    assert table["tensor"].tolist() == [1, 100]


def test_tensors_at_the_edge(read):
    for storage in (None, Storage(np.zeros(4, np.int64))):
        array = read(torch7_bytes(Tensor(storage, (), (), kind="Long")))
        assert array.shape == (0,) and array.dtype == np.int64
    any_stride = Tensor(Storage(np.arange(4.0)), (1, 2), (2**62, 3))  # on an axis of one
    assert read(torch7_bytes(any_stride)).tolist() == [[0, 3]]


SCALARS = (
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text("abc \u00e9\x00", max_size=5)
)
KEYS = st.text("xyz", max_size=3) | st.integers(2, 9) | st.just(True) | st.just(0.5)
TREES = st.recursive(SCALARS, lambda inner: st.dictionaries(KEYS, inner, max_size=3))


@given(TREES)
def test_trees_come_back(read, tree):
    assert read(torch7_bytes(tree)) == tree


@given(
    hnp.arrays(
        st.sampled_from(sorted(KINDS)).map(np.dtype),
        hnp.array_shapes(max_dims=4, max_side=4),
        elements={"allow_nan": False},
    )
)
def test_tensors_come_back(read, array):
    again = read(torch7_bytes(array))
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)


AXES = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 5)), min_size=1, max_size=3)


@given(AXES, st.integers(1, 8))
def test_strides_and_offset_mean_what_they_mean_in_torch(read, axes, offset):
    sizes, strides = zip(*axes, strict=True)
    places = [offset - 1 + int(np.dot(index, strides)) for index in np.ndindex(*sizes)]
    content = torch7_bytes(Tensor(Storage(np.arange(10.0)), sizes, strides, offset))
    if max(places) < 10 and len(places) <= 10:
        assert read(content).shape == sizes
        assert read(content).ravel().tolist() == places
    else:
        refused(read, content, "larger than its storage")


def test_an_object_that_is_there_twice_is_one_object(read):
    shared = np.arange(3.0)
    module = TorchObject("nn.Linear", {"weight": shared, "train": False})
    module.attributes["itself"] = module
    table = {"a": shared, "b": {"c": shared}, "m": module}
    table["self"] = table
    again = read(torch7_bytes(table))
    assert again["a"] is again["b"]["c"]
    assert again["a"] is again["m"].attributes["weight"]
    assert again["m"] is again["m"].attributes["itself"]
    assert again["m"].type_name == "nn.Linear" and again["m"].attributes["train"] is False
    assert again["self"] is again


def test_nodes_of_a_graph_and_their_tables_are_keys_of_tables(read):
    """As nngraph saves a network: children[1] is a node, and children[node] is 1."""
    data = Table(mapindex={})
    child = TorchObject("nngraph.Node", {"children": {}, "data": data})
    parent = TorchObject("nngraph.Node", {"children": {1: child, child: 1}})
    parent.attributes["data"] = {"mapindex": Table({1: data, data: 1})}
    again = read(torch7_bytes(parent))
    children, mapindex = again.attributes["children"], again.attributes["data"]["mapindex"]
    assert children[children[1]] == 1
    assert mapindex[mapindex[1]] == 1
    assert mapindex[1] is children[1].attributes["data"]
    assert children[1].attributes["data"] == {"mapindex": {}}


def chain(depth):
    """A table in a table in a table, `depth` of them, each the one entry of the one before."""
    links = [i32(3, number, 1) + i32(1) + ONE for number in range(1, depth)]
    return b"".join(links) + i32(3, depth, 0)


def test_tables_lie_within_tables_as_deep_as_in_networks(read):
    """A graph of 18 recurrent steps, rebuilt for a trial, was 140 tables deep, half in objects."""
    node = TorchObject("nngraph.Node", {"children": {}})
    for _ in range(99):
        node = TorchObject("nngraph.Node", {"children": {1: node}})
    again = read(torch7_bytes(node))
    for _ in range(99):
        again = again.attributes["children"][1]
    assert again.attributes == {"children": {}}


def test_arrays_need_no_file_and_cannot_be_written_to(tmp_path):
    path = tmp_path / "tensor.t7"
    path.write_bytes(FLOAT_TENSOR)
    array = read_torch7(path)
    path.unlink()
    assert array.tolist() == [[2, 4, 6], [3, 5, 7]]
    assert not array.flags.writeable


def refused(read, content, message):
    with pytest.raises(InputError, match=message) as error:
        read(content)
    assert "\n" not in str(error.value)
    assert "file.t7" in str(error.value)


@pytest.mark.parametrize("tag", [6, 7, 8])
def test_a_function_is_refused_wherever_it_is(read, tag):
    for content in (Function(tag), {"f": Function(tag)}, TorchObject("nn.X", {"f": Function(tag)})):
        refused(read, torch7_bytes(content), "holds a function, which dse does not run: save it")


WHOLE = torch7_bytes(
    {
        "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        1: "text",
        "m": TorchObject("nn.X", {"train": True}),
    }
)


@pytest.mark.parametrize("length", range(len(WHOLE)))
def test_a_file_cut_at_any_byte_is_refused(read, length):
    refused(read, WHOLE[:length], "no sound Torch7 file")


EXTREMES = [-(2**63), -(2**31), -1, 0, 1, 3, 4, 8, 2**31 - 1, 2**40, 2**62, 2**63 - 1]


@given(st.integers(0, len(WHOLE) - 8), st.sampled_from(EXTREMES), st.sampled_from([1, 4, 8]))
@settings(max_examples=500)
def test_no_damage_brings_another_error(read, place, value, size):
    field = struct.pack("<q", value)[:size]
    with suppress(InputError):
        read(WHOLE[:place] + field + WHOLE[place + size :])


@given(st.lists(st.integers(0, 8).map(i32) | st.just(i32(3) + b"V 1") | st.binary(max_size=9)))
def test_no_nonsense_brings_another_error(read, parts):
    with suppress(InputError):
        read(b"".join(parts))


def float_tensor(sizes=(2, 3), strides=(1, 2), offset=3):
    return torch7_bytes(Tensor(Storage(np.arange(8, dtype=np.float32)), sizes, strides, offset))


NO_STORAGE = i32(3) + b"V 1" + i32(17) + b"torch.FloatTensor" + i32(0) + i64(1)
TENSORS_FOR_STORAGES = b"".join(i32(4, number) + NO_STORAGE for number in range(5000))
OBJECTS_FOR_ATTRIBUTES = torch7_bytes(TorchObject("nn.X", None))[:-4] * 5000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>", "no sound Torch7 file \\(it is a web page"),
        (b"4\n1\n3\nV 1\n17\ntorch.FloatTensor\n", "Torch7's text format: save it"),
        (b"\x80\x02}q\x00.", "unknown type"),  # a pickle
        (WHOLE + b"\0", "more bytes than its objects need"),
        (i32(99), "unknown type 99"),
        (i32(2, -1), "a size of -1"),
        (float_tensor(sizes=(2, -3)), "a size below 1"),
        (float_tensor(sizes=(0, 2**62)), "a size below 1"),
        (float_tensor(strides=(1, -2)), "a negative stride"),
        (float_tensor(offset=0), "offset"),
        (float_tensor(offset=9), "larger than its storage"),
        (float_tensor(sizes=(2, 4)), "larger than its storage"),
        (float_tensor(sizes=(9, 9), strides=(0, 0)), "larger than its storage"),
        (float_tensor(sizes=(1,) * 33, strides=(1,) * 33), "a tensor of 33 dimensions"),
        (torch7_bytes(Tensor(None, (2,), (1,), kind="Float")), "larger than its storage"),
        (torch7_bytes(Tensor(Storage(np.zeros(2, int)), (2,), (1,), kind="Float")), "of its type"),
        (torch7_bytes({1: 2, 2: Tensor({}, (2,), (1,), kind="Float")}), "of its type"),
        (torch7_bytes(Tensor(None, (2,), (1,), kind="Complex")), "type 'torch.ComplexTensor'"),
        (torch7_bytes(Storage(np.zeros(2), kind="\nBig")), r"an object 'torch\.\\nBigStorage'"),
        (torch7_bytes(TorchObject("nn.X", None)), "'nn.X' without a table of attributes"),
        (i32(3, 1, 1) + i32(0, 0), "a key of type NoneType"),
        (i32(3, 9, 1) + FLOAT_TENSOR + i32(0), "a key of type ndarray"),
        (torch7_bytes({True: "a"}).replace(i32(3, 1, 1), i32(3, 1, 2)) + i32(1) + ONE + i32(0),
         "a key twice"),
        (chain(100_000), "tables within tables"),
        (TENSORS_FOR_STORAGES, "of its type"),
        (OBJECTS_FOR_ATTRIBUTES, "without a table"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(read, content, message):
    refused(read, content, message)


def peak_memory(work):
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


STORAGE = i32(4, 1, 3) + b"V 1" + i32(18) + b"torch.FloatStorage"
HUGE_TENSOR = i32(4, 1, 3) + b"V 1" + i32(17) + b"torch.FloatTensor" + i32(2**31 - 1)


@pytest.mark.parametrize(
    "header",
    [STORAGE + i64(n) for n in (2**40, 2**62, -1)]
    + [HUGE_TENSOR, i32(2, 2**31 - 1), i32(3, 1, 2**31 - 1)],
)
def test_a_header_that_lies_takes_no_memory(read, header):
    content = header + bytes(100)
    assert peak_memory(lambda: refused(read, content, "cut short")) < 2**19


def test_a_large_tensor_is_held_in_memory_once(tmp_path):
    path = tmp_path / "large.t7"
    path.write_bytes(torch7_bytes(np.zeros((50, 1024, 10), np.float32)))
    assert peak_memory(lambda: read_torch7(path)) < 1.1 * path.stat().st_size


def test_a_file_that_is_not_there_or_is_a_folder(tmp_path):
    for path in (tmp_path / "none.t7", tmp_path):
        with pytest.raises(InputError, match=path.name):
            read_torch7(path)

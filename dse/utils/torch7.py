"""Torch7's binary files, read without running any code in them.

A file is a tree of objects. Each begins with a type tag, int32, little-endian. Tables, functions
and torch objects then carry a number; a number seen before stands for the same object.
Only data are read: numbers, strings, booleans, tables, tensors, storages, and the attributes of
other torch objects. A function is refused.
"""

import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dse.utils.errors import InputError
from dse.utils.files import read_bytes

NIL, NUMBER, STRING, TABLE, TORCH, BOOLEAN = range(6)
FUNCTIONS = (6, 7, 8)
MAX_DIMENSIONS = 32
LARGEST_FILE = 1 << 30
"""Bytes of a file; it is read into memory as a whole."""

_ELEMENTS = {
    "Double": "<f8", "Float": "<f4", "Half": "<f2",
    "Long": "<i8", "Int": "<i4", "Short": "<i2", "Byte": "u1", "Char": "i1",
}  # fmt: skip
_ELEMENTS |= {f"Cuda{kind}": code for kind, code in _ELEMENTS.items()} | {"Cuda": "<f4"}

_ARRAY_NAME = re.compile(r"torch\.(\w*)(Tensor|Storage)")


class Table(dict):
    """A Lua table: a dict that can itself be a key, as itself and not by what it holds.

    Graphs of networks use their nodes, and the nodes' tables, as keys.
    """

    __hash__ = object.__hash__


@dataclass(eq=False)
class TorchObject:
    """A torch object that is not a tensor: a module of a network, for instance.

    Attributes:
        type_name: as Torch7 calls it, `nn.Linear`.
        attributes: what it holds, by name.
    """

    type_name: str
    attributes: Table


def read_torch7(path: Path | str, largest: int = LARGEST_FILE) -> Any:
    """Read a Torch7 file in the binary format.

    Args:
        path: of the file.
        largest: bytes that it may have. Its objects may take ten times the memory, if they are
            small ones.

    Returns:
        Numbers as float, strings as str (Latin-1, so that every byte is one letter), booleans,
        None; tables as `Table`, with int keys where a key is a whole number; tensors and storages
        as numpy arrays of their type, read-only, for they share the file's bytes in memory; other
        torch objects as `TorchObject`. What the file holds once is one object here, too.

    Raises:
        InputError: the file is missing, cut short, damaged, of another format, or holds a function.

    Source: `File.lua`, `generic/Tensor.c` and `generic/Storage.c` of torch7. Chapter: data cards.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "answer.t7"
        >>> _ = path.write_bytes(struct.pack("<id", NUMBER, 42))
        >>> read_torch7(path)
        42.0
    """
    path = Path(path)
    content = read_bytes(path, "put the file there", largest)
    reader = _Reader(path, content)
    if content[:100].lstrip()[:1] == b"<":
        raise reader.damaged("it is a web page")
    if re.match(rb"[0-8]\r?\n", content):
        raise InputError(f"{path} is in Torch7's text format: save it in the binary format")
    return reader.read()


class _Reader:
    """Walks through the bytes, one method for each kind of value."""

    def __init__(self, path: Path, content: bytes):
        self.path = path
        self.content = content
        self.place = 0
        self.seen: dict[int, Any] = {}

    def read(self) -> Any:
        try:
            root = self.read_value()
        except RecursionError:
            raise self.damaged("tables within tables, too deep to follow") from None
        if self.place != len(self.content):
            raise self.damaged("more bytes than its objects need")
        return root

    def read_value(self) -> Any:
        tag = self.read_int()
        if tag == NIL:
            return None
        if tag == NUMBER:
            return self.unpack("<d")
        if tag == STRING:
            return self.read_string()
        if tag == BOOLEAN:
            return self.read_int() == 1
        if tag == TABLE:
            return self.read_table()
        if tag == TORCH:
            return self.read_torch_object()
        if tag in FUNCTIONS:
            raise InputError(
                f"{self.path} holds a function, which dse does not run: save it without functions"
            )
        raise self.damaged(f"an unknown type {tag} at byte {self.place - 4}")

    def as_key(self, value: Any, table: Table) -> Any:
        if value is None or isinstance(value, np.ndarray):
            raise self.damaged(f"a table has a key of type {type(value).__name__}")
        key = int(value) if isinstance(value, float) and value.is_integer() else value
        if key in table:
            raise self.damaged("a table has a key twice")
        return key

    def read_table(self) -> Any:
        index = self.read_int()
        if index in self.seen:
            return self.seen[index]
        table = self.seen[index] = Table()
        for _ in range(self.count(self.read_int(), 8)):
            key = self.as_key(self.read_value(), table)
            table[key] = self.read_value()
        return table

    def read_torch_object(self) -> Any:
        index = self.read_int()
        if index in self.seen:
            return self.seen[index]
        name = self.read_class_name()
        array = _ARRAY_NAME.fullmatch(name)
        if array and array[1] not in _ELEMENTS:
            raise self.damaged(f"an unknown type {name[:40]!r}")
        if array and array[2] == "Tensor":
            self.seen[index] = self.read_tensor(array[1])
        elif array:
            self.seen[index] = self.read_storage(array[1])
        else:
            module = self.seen[index] = TorchObject(name, Table())  # its attributes may name it
            module.attributes = self.read_value()
            if not isinstance(module.attributes, Table):
                raise self.damaged(f"an object {name[:40]!r} without a table of attributes")
        return self.seen[index]

    def read_class_name(self) -> str:
        version = self.read_string()
        return self.read_string() if version.startswith("V ") else version  # old files have none

    def read_tensor(self, kind: str) -> np.ndarray:
        dimensions = self.count(self.read_int(), 16)
        if dimensions > MAX_DIMENSIONS:
            raise self.damaged(f"a tensor of {dimensions} dimensions")
        sizes = [self.unpack("<q") for _ in range(dimensions)]
        strides = [self.unpack("<q") for _ in range(dimensions)]
        offset = self.unpack("<q") - 1  # Lua counts from 1
        storage = self.read_storage_of_tensor(kind)
        if not dimensions:
            return storage[:0]
        if min(sizes) < 1 or min(strides) < 0 or offset < 0:
            raise self.damaged("a tensor with a size below 1, or a negative stride or offset")
        axes = list(zip(sizes, strides, strict=True))
        last = offset + sum((size - 1) * stride for size, stride in axes)
        if last >= len(storage) or math.prod(sizes) > len(storage):
            raise self.damaged("a tensor larger than its storage")
        # The stride of an axis of size 1 is never used and may be any number.
        steps = [stride * storage.itemsize if size > 1 else 0 for size, stride in axes]
        return np.lib.stride_tricks.as_strided(storage[offset:], sizes, steps, writeable=False)

    def read_storage_of_tensor(self, kind: str) -> np.ndarray:
        dtype = np.dtype(_ELEMENTS[kind])
        tag = self.read_int()
        if tag == NIL:
            return np.empty(0, dtype)
        index = self.read_int()
        is_new = tag == TORCH and index not in self.seen
        if is_new and self.read_class_name() == f"torch.{kind}Storage":
            self.seen[index] = self.read_storage(kind)
        storage = self.seen.get(index) if tag == TORCH else None
        if not isinstance(storage, np.ndarray) or storage.ndim != 1 or storage.dtype != dtype:
            raise self.damaged("a tensor without a storage of its type")
        return storage

    def read_storage(self, kind: str) -> np.ndarray:
        dtype = np.dtype(_ELEMENTS[kind])
        number = self.count(self.unpack("<q"), dtype.itemsize)
        start, self.place = self.place, self.place + number * dtype.itemsize
        return np.frombuffer(self.content, dtype, number, start)

    def read_string(self) -> str:
        length = self.count(self.read_int(), 1)
        start, self.place = self.place, self.place + length
        return self.content[start : self.place].decode("latin-1")

    def count(self, number: int, size: int) -> int:
        """`number`, if so many things of `size` bytes can still follow: before room is made."""
        if number < 0 or number * size > len(self.content) - self.place:
            raise self.damaged(f"cut short at byte {len(self.content)}, or a size of {number}")
        return number

    def read_int(self) -> int:
        return self.unpack("<i")

    def unpack(self, form: str) -> Any:
        size = struct.calcsize(form)
        if self.place + size > len(self.content):
            raise self.damaged(f"cut short at byte {len(self.content)}")
        (value,) = struct.unpack_from(form, self.content, self.place)
        self.place += size
        return value

    def damaged(self, what: str) -> InputError:
        return InputError(
            f"{self.path} is no sound Torch7 file ({what}): download or unpack it again"
        )

"""Torch7's binary files, read without running anything that is in them.

A file is a tree of objects. Each begins with a type tag, int32, little-endian. Tables, functions
and torch objects then carry a number; one that came before stands for the object that bore it.
Only data are read: numbers, strings, booleans, tables, tensors, storages, and the attributes of
other torch objects. A function is refused.
"""

import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from dse.errors import InputError

NIL, NUMBER, STRING, TABLE, TORCH, BOOLEAN = range(6)
FUNCTIONS = (6, 7, 8)
MAX_DEPTH = 200
"""Objects within objects. Networks have about twenty levels."""

_ELEMENTS = {
    "Double": np.float64, "Float": np.float32, "Half": np.float16, "Long": np.int64,
    "Int": np.int32, "Short": np.int16, "Byte": np.uint8, "Char": np.int8,
    "Cuda": np.float32, "CudaDouble": np.float64, "CudaHalf": np.float16, "CudaLong": np.int64,
    "CudaInt": np.int32, "CudaShort": np.int16, "CudaByte": np.uint8, "CudaChar": np.int8,
}  # fmt: skip


@dataclass
class TorchObject:
    """A torch object that is no tensor: a module of a network, for instance.

    Attributes:
        type_name: as Torch7 calls it, `nn.Linear`.
        attributes: what it holds, a table as a rule.
    """

    type_name: str
    attributes: Any = field(default=None)


def read_torch7(path: Path | str) -> Any:
    """Read a Torch7 file in the binary format.

    Returns:
        Numbers as float, strings as str (Latin-1, so that every byte is one letter), booleans,
        None; tables as dict, with int keys where a key is a whole number; tensors and storages as
        numpy arrays of their type; other torch objects as `TorchObject`.

    Raises:
        InputError: the file is missing, cut short, of another format, or holds a function.

    Source: `File.lua` and `Tensor.lua` of torch7. Chapter: data cards.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put the file there") from None
    try:
        reader = _Reader(content)
        value = reader.read_object(0)
        if reader.place != len(content):
            raise _Damaged("more bytes than its objects need")
    except _Damaged as error:
        raise InputError(
            f"{path} is no sound Torch7 file ({error}): download or unpack it again"
        ) from None
    return value


class _Damaged(Exception):
    """What is wrong, in a few words."""


class _Reader:
    def __init__(self, content: bytes):
        self.content = content
        self.place = 0
        self.seen: dict[int, Any] = {}

    def read_object(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise _Damaged(f"objects within objects, more than {MAX_DEPTH} deep")
        tag = self.read_int()
        if tag == NIL:
            return None
        if tag == NUMBER:
            return self.unpack("<d", 8)
        if tag == STRING:
            return self.read_string()
        if tag == BOOLEAN:
            return self.read_int() == 1
        if tag == TABLE:
            return self.read_table(depth)
        if tag == TORCH:
            return self.read_torch_object(depth)
        if tag in FUNCTIONS:
            raise _Damaged("it holds a function, which dse does not run")
        raise _Damaged(f"an unknown type {tag} at byte {self.place - 4}")

    def read_table(self, depth: int) -> dict:
        index = self.read_int()
        if index in self.seen:
            return self.seen[index]
        table = self.seen[index] = {}
        for _ in range(self.count(self.read_int(), 8)):
            key, value = self.read_object(depth + 1), self.read_object(depth + 1)
            if isinstance(key, float) and key.is_integer():
                key = int(key)
            if not isinstance(key, str | int | float | bool):
                raise _Damaged(f"a table has a key of type {type(key).__name__}")
            table[key] = value
        return table

    def read_torch_object(self, depth: int) -> Any:
        index = self.read_int()
        if index in self.seen:
            return self.seen[index]
        version = self.read_string()
        name = self.read_string() if version.startswith("V ") else version
        kind, _, rest = name.removeprefix("torch.").partition("Tensor")
        if name.startswith("torch.") and kind in _ELEMENTS and name.endswith("Tensor") and not rest:
            self.seen[index] = self.read_tensor(np.dtype(_ELEMENTS[kind]), depth)
        elif name.startswith("torch.") and name.endswith("Storage"):
            kind = name.removeprefix("torch.").removesuffix("Storage")
            if kind not in _ELEMENTS:
                raise _Damaged(f"an unknown type {name}")
            self.seen[index] = self.read_elements(np.dtype(_ELEMENTS[kind]))
        else:
            made = self.seen[index] = TorchObject(name)
            made.attributes = self.read_object(depth + 1)
        return self.seen[index]

    def read_tensor(self, dtype: np.dtype, depth: int) -> np.ndarray:
        dimensions = self.count(self.read_int(), 16)
        sizes = [self.read_long() for _ in range(dimensions)]
        strides = [self.read_long() for _ in range(dimensions)]
        offset = self.read_long() - 1
        storage = self.read_object(depth + 1)
        if storage is None or not dimensions:
            return np.empty(0, dtype)
        if not isinstance(storage, np.ndarray) or storage.ndim != 1 or storage.dtype != dtype:
            raise _Damaged("a tensor without a storage of its type")
        if min(sizes) < 0 or min(strides) < 0 or offset < 0:
            raise _Damaged("a tensor with a negative size")
        if min(sizes) == 0:
            return np.empty(sizes, dtype)
        last = offset + sum((n - 1) * stride for n, stride in zip(sizes, strides, strict=True))
        if last >= len(storage) or math.prod(sizes) > len(storage):
            raise _Damaged("a tensor larger than its storage")
        strides = [stride * dtype.itemsize for stride in strides]
        return np.lib.stride_tricks.as_strided(storage[offset:], sizes, strides, writeable=False)

    def read_elements(self, dtype: np.dtype) -> np.ndarray:
        number = self.count(self.read_long(), dtype.itemsize)
        start, self.place = self.place, self.place + number * dtype.itemsize
        return np.frombuffer(self.content, dtype.newbyteorder("<"), number, start).astype(
            dtype, copy=False
        )

    def count(self, number: int, size: int) -> int:
        """`number`, if so many things of `size` bytes can still follow."""
        if number < 0 or number * size > len(self.content) - self.place:
            raise _Damaged(f"cut short at byte {len(self.content)}, or a size of {number}")
        return number

    def read_string(self) -> str:
        length = self.count(self.read_int(), 1)
        start, self.place = self.place, self.place + length
        return self.content[start : self.place].decode("latin-1")

    def read_int(self) -> int:
        return self.unpack("<i", 4)

    def read_long(self) -> int:
        return self.unpack("<q", 8)

    def unpack(self, form: str, size: int) -> Any:
        if self.place + size > len(self.content):
            raise _Damaged(f"cut short at byte {len(self.content)}")
        (value,) = struct.unpack_from(form, self.content, self.place)
        self.place += size
        return value

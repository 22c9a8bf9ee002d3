"""Writes Torch7's binary format, for tests: byte for byte what Torch7's own `torch.save` writes."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.utils.torch7 import TorchObject

KINDS = {
    "float64": "Double", "float32": "Float", "float16": "Half", "int64": "Long",
    "int32": "Int", "int16": "Short", "uint8": "Byte", "int8": "Char",
}  # fmt: skip


@dataclass
class Storage:
    """A storage: the elements of tensors, in a row.

    Attributes:
        elements: (n,).
        kind: Torch7's name of their type, such as `Cuda`; None: that of the array.
    """

    elements: np.ndarray
    kind: str | None = None

    def __post_init__(self):
        self.kind = self.kind or KINDS[self.elements.dtype.name]


@dataclass
class Tensor:
    """A view of a storage, with any sizes, strides and offset (counted from 1), sound or not."""

    storage: Storage | None
    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int = 1
    kind: str | None = None

    def __post_init__(self):
        self.kind = self.kind or self.storage.kind


@dataclass
class Function:
    """A Lua function, as Torch7 stores one: compiled code and its upvalues."""

    tag: int = 8


def torch7_bytes(value: Any) -> bytes:
    """A value in the binary format. The same dict, array or object twice is written once."""
    return _Writer().write(value)


class _Writer:
    def __init__(self):
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []  # so that no other object gets an identity again

    def write(self, value: Any) -> bytes:
        if value is None:
            return _int(0)
        if isinstance(value, bool):
            return _int(5) + _int(value)
        if isinstance(value, int | float):
            return _int(1) + struct.pack("<d", value)
        if isinstance(value, str):
            return _int(2) + _string(value)
        if isinstance(value, Function) and value.tag == 6:  # the oldest kind has no number
            return _int(6) + _string("code") + self.write({})
        number, is_new = self.number(value)
        head = _int(_tag(value)) + _int(number)
        return head + self.body(value) if is_new else head

    def number(self, value: Any) -> tuple[int, bool]:
        is_new = id(value) not in self.numbers
        if is_new:
            self.numbers[id(value)] = 1 + len(self.numbers)
            self.kept.append(value)
        return self.numbers[id(value)], is_new

    def body(self, value: Any) -> bytes:
        if isinstance(value, Function):
            return _string("code") + self.write({})
        if isinstance(value, dict):
            entries = [self.write(key) + self.write(item) for key, item in value.items()]
            return _int(len(value)) + b"".join(entries)
        if isinstance(value, TorchObject):
            return _class(value.type_name) + self.write(value.attributes)
        if isinstance(value, Storage):
            head = _class(f"torch.{value.kind}Storage") + _longs(len(value.elements))
            return head + value.elements.tobytes()
        return self.tensor(value if isinstance(value, Tensor) else _contiguous(value))

    def tensor(self, tensor: Tensor) -> bytes:
        head = _class(f"torch.{tensor.kind}Tensor") + _int(len(tensor.sizes))
        place = _longs(*tensor.sizes) + _longs(*tensor.strides) + _longs(tensor.offset)
        return head + place + self.write(tensor.storage)


def _tag(value: Any) -> int:
    if isinstance(value, Function):
        return value.tag
    return 3 if isinstance(value, dict) else 4


def _contiguous(array: np.ndarray) -> Tensor:
    array = np.ascontiguousarray(array)
    strides = tuple(stride // array.itemsize for stride in array.strides)
    return Tensor(Storage(array.ravel()), array.shape, strides)


def _int(value: int) -> bytes:
    return struct.pack("<i", value)


def _longs(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}q", *values)


def _string(text: str) -> bytes:
    content = text.encode("latin-1")
    return _int(len(content)) + content


def _class(name: str) -> bytes:
    return _string("V 1") + _string(name)

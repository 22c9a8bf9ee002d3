"""Writes Torch7's binary format, for tests: what `torch.save` of Torch7 would write."""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

from dse.torch7 import TorchObject

TENSORS = {
    "float64": "Double", "float32": "Float", "float16": "Half", "int64": "Long",
    "int32": "Int", "int16": "Short", "uint8": "Byte", "int8": "Char",
}  # fmt: skip


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
        if isinstance(value, Function):
            return _int(value.tag) + self.number(value)[0] + _string("code") + self.write({})
        number, is_new = self.number(value)
        if isinstance(value, dict):
            body = _int(3) + number
            if is_new:
                body += _int(len(value))
                for key, item in value.items():
                    body += self.write(key) + self.write(item)
            return body
        body = _int(4) + number
        if not is_new:
            return body
        if isinstance(value, TorchObject):
            return body + _class(value.type_name) + self.write(value.attributes)
        return body + self.tensor(value)

    def tensor(self, array: np.ndarray) -> bytes:
        kind = TENSORS[array.dtype.name]
        storage = np.ascontiguousarray(array).ravel()
        strides = np.ascontiguousarray(array).strides
        body = _class(f"torch.{kind}Tensor") + _int(array.ndim)
        body += b"".join(struct.pack("<q", n) for n in array.shape)
        body += b"".join(struct.pack("<q", s // array.itemsize) for s in strides)
        number, _ = self.number(storage)
        body += struct.pack("<q", 1) + _int(4) + number + _class(f"torch.{kind}Storage")
        return body + struct.pack("<q", storage.size) + storage.tobytes()

    def number(self, value: Any) -> tuple[bytes, bool]:
        is_new = id(value) not in self.numbers
        if is_new:
            self.numbers[id(value)] = 1 + len(self.numbers)
            self.kept.append(value)
        return _int(self.numbers[id(value)]), is_new


def _int(value: int) -> bytes:
    return struct.pack("<i", value)


def _string(text: str) -> bytes:
    content = text.encode("latin-1")
    return _int(len(content)) + content


def _class(name: str) -> bytes:
    return _string("V 1") + _string(name)

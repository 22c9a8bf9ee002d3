"""JSON that is written by one process and trusted by another: its schema and its checksum."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from dse.utils.errors import InputError, printable
from dse.utils.files import read_bytes

CHECKSUM = "sha256"
"""The key of a record's own checksum."""
LARGEST_FILE = 1 << 28
"""Bytes."""
LONGEST = 200
"""Letters of what is wrong: it may quote the file."""


class Strict(BaseModel):
    """What an object in a file must hold: no type is converted, no other key is allowed."""

    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


def read_json(path: Path, schema: Any, remedy: str) -> Any:
    """The content of a JSON file, as `json.load` gives it.

    Args:
        path: of the file.
        schema: what has to be in it: a subclass of `Strict`, or a type such as `dict[str, int]`.
        remedy: what to do about a file that is damaged.

    Raises:
        InputError: no such file, no JSON, or another content.
    """
    return parse_json(read_bytes(path, remedy, LARGEST_FILE), schema, path, remedy)


def parse_json(text: bytes | str, schema: Any, where: Path | str, remedy: str) -> Any:
    """The same for a text; `where` it stands is named in the error.

    Example:
        >>> parse_json('{"seeds": [1, 2]}', dict[str, list[int]], "grid.json", "remove it")
        {'seeds': [1, 2]}
        >>> try:
        ...     parse_json('{"seeds": [1, "2"]}', dict[str, list[int]], "grid.json", "remove it")
        ... except InputError as error:
        ...     print(error)
        grid.json is damaged (seeds.1: Input should be a valid integer): remove it
    """
    try:
        content = from_json(text, allow_inf_nan=False)  # nested too deep is an error, not a crash
    except ValueError as error:
        raise InputError(f"{where} is damaged ({printable(error)}): {remedy}") from None
    check(content, schema, where, remedy)
    return content


def check(content: Any, schema: Any, where: Path | str, remedy: str) -> None:
    """Raise the `InputError` of `parse_json` if JSON that was read is not as its schema says."""
    try:
        _adapter(schema).validate_python(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        why = printable(f"{place}: {first['msg']}" if place else first["msg"])[:LONGEST]
        raise InputError(f"{where} is damaged ({why}): {remedy}") from None


@cache
def _adapter(schema: Any) -> TypeAdapter:
    return TypeAdapter(schema)


def with_checksum(record: Mapping[str, Any]) -> dict[str, Any]:
    """A record with a checksum over the rest of it, as its last entry.

    Example:
        >>> record = with_checksum({"top1": 0.5})
        >>> record == with_checksum(record), record == with_checksum(record | {"top1": 0.6})
        (True, False)
    """
    content = {key: value for key, value in record.items() if key != CHECKSUM}
    text = json.dumps(content, sort_keys=True)
    return content | {CHECKSUM: hashlib.sha256(text.encode()).hexdigest()}

"""Lists of names and numbers that come with a data set: a few words a line."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

from dse.utils.errors import InputError
from dse.utils.files import read_utf8

LARGEST_NUMBER = 10_000_000
"""Of a class or an image; the numbers count from 1."""

# No name has one; as a name on a screen it would steer the terminal.
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def read_list(path: Path, remedy: str) -> list[str]:
    """The lines of a list that are not empty, without white space at their ends.

    Args:
        path: a UTF-8 file.
        remedy: what to do about a file that is missing or damaged.

    Raises:
        InputError: a file that cannot be read, is not UTF-8, or holds a control character.
    """
    lines = read_utf8(path, remedy).split("\n")
    for number, line in enumerate(lines, start=1):
        if control := _CONTROL_CHARACTER.search(line):
            raise InputError(
                f"{path}, line {number}: holds the control character {control[0]!r}: {remedy}"
            )
    return [line.strip() for line in lines if line.strip()]


def read_table(path: Path, remedy: str) -> dict[int, str]:
    """`number name` a line -> {number: name}, in the order of the file.

    Raises:
        InputError: as for `read_list`; a line of another form; a number that stands there twice.
    """
    table: dict[int, str] = {}
    for line in read_list(path, remedy):
        number, *rest = line.split(maxsplit=1)
        key = as_number(number)
        if key is None or not rest:
            raise InputError(
                f"{path} has a line {line[:60]!r}: each line is a number, from 1 on, and a name: "
                f"{remedy}"
            )
        if key in table:
            raise InputError(f"{path} has two lines for number {key}: {remedy}")
        table[key] = rest[0]
    return table


def as_number(word: str) -> int | None:
    """A whole number from 1 to `LARGEST_NUMBER`, in plain digits; None for anything else.

    Example:
        >>> as_number("12"), as_number("0"), as_number("1.0"), as_number("9" * 5000)
        (12, None, None, None)
    """
    if not re.fullmatch(r"0{0,9}[1-9][0-9]{0,7}", word) or int(word) > LARGEST_NUMBER:
        return None
    return int(word)


def refuse_name_twice(path: Path, table: Mapping[int, str], remedy: str) -> None:
    """Raise an `InputError` if two numbers have one name."""
    seen: dict[str, int] = {}
    for number, name in table.items():
        other = seen.setdefault(name, number)
        if other != number:
            raise InputError(f"{path} gives {other} and {number} one name, {name!r}: {remedy}")


def refuse_odd_names(folder: Path, names: Iterable[str]) -> None:
    """Raise an `InputError` if a class that has its name from a file or a folder is no text.

    The name goes into files and onto the screen.
    """
    for name in names:
        if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
            raise InputError(
                f"{folder / name} has a name that is not UTF-8 text, or holds a line break or "
                "another control character: rename it"
            )

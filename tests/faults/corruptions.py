"""Ways in which a file can be broken, by name; each one follows from its random numbers alone.

A corruption is a function of a file's path and a `random.Random`: it breaks the file in place.
`TEXT`, `JSON` and `BINARY` are for what a file holds, `PLACE` for what stands where it should be.
"""

import json
import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from random import Random

from faults import changes

Corruption = Callable[[Path, Random], None]


def _of_content(change: Callable[[bytes, Random], bytes]) -> Corruption:
    """A corruption of what a file holds; what cannot be changed becomes empty."""

    def corrupt(path: Path, random: Random) -> None:
        content = path.read_bytes()
        path.write_bytes(change(content, random) if content else b"")

    return corrupt


def _of_lines(change: Callable[[list[bytes], Random], None]) -> Corruption:
    """A corruption of a list of lines, in place; each keeps its end."""

    def changed(content: bytes, random: Random) -> bytes:
        lines = content.splitlines(keepends=True)
        change(lines, random)
        return b"".join(lines)

    return _of_content(changed)


def _of_json(change: Callable[[list, Random], None]) -> Corruption:
    """A corruption of one value of a JSON document, given as [container, key]."""

    def changed(content: bytes, random: Random) -> bytes:
        root = [json.loads(content)]
        container, key = random.choice(list(_places(root)))
        change(container, key, random)
        return json.dumps(root[0] if root else None).encode()

    return _of_content(changed)


def _places(value: object):
    """Every (container, key) in a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in entries:
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


def _replaced(make: Callable[[Path, Random], None]) -> Corruption:
    """A corruption of what stands at a path: it is taken away first."""

    def corrupt(path: Path, random: Random) -> None:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        make(path, random)

    return corrupt


def nothing(path: Path, random: Random) -> None:
    """The file is missing."""


def a_folder(path: Path, random: Random) -> None:
    path.mkdir()
    if random.random() < 0.5:
        (path / "inside.txt").write_text("a bird\n", encoding="utf-8")


def a_dangling_link(path: Path, random: Random) -> None:
    path.symlink_to("nowhere")


def a_looping_link(path: Path, random: Random) -> None:
    path.symlink_to(path.name)


def a_link_to_an_endless_file(path: Path, random: Random) -> None:
    path.symlink_to(random.choice(("/dev/zero", "/dev/urandom")))


def a_link_to_an_empty_device(path: Path, random: Random) -> None:
    path.symlink_to("/dev/null")


def a_link_to_a_folder(path: Path, random: Random) -> None:
    path.symlink_to(random.choice(("..", ".", "/proc/self")))


def a_pipe(path: Path, random: Random) -> None:
    os.mkfifo(path)


def a_socket(path: Path, random: Random) -> None:
    here = os.getcwd()
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            os.chdir(path.parent)  # a socket's address has room for 107 bytes
            listener.bind(path.name)
        finally:
            os.chdir(here)


def a_file_beyond_all_bounds(path: Path, random: Random) -> None:
    """64 GB by its size, and no block on the disk."""
    path.touch()
    os.truncate(path, 64 << 30)


PLACE: dict[str, Corruption] = {
    make.__name__.replace("_", " "): _replaced(make)
    for make in (
        *(nothing, a_folder, a_dangling_link, a_looping_link, a_link_to_an_endless_file),
        *(a_link_to_an_empty_device, a_link_to_a_folder, a_pipe, a_socket),
        a_file_beyond_all_bounds,
    )
}
NO_FILE = tuple(name for name in PLACE if name != "nothing")
"""What cannot be read, and is not absent either."""
BINARY: dict[str, Corruption] = {
    "empty": _of_content(lambda content, random: b""),
    "truncated": _of_content(changes.truncated),
    "a bit flipped": _of_content(changes.flip_bits),
    "50 bits flipped": _of_content(lambda content, random: changes.flip_bits(content, random, 50)),
    "bytes removed": _of_content(changes.bytes_removed),
    "bytes twice": _of_content(changes.bytes_twice),
    "bytes swapped": _of_content(changes.bytes_swapped),
    "zeros": _of_content(changes.zeros),
    "random bytes": _of_content(changes.random_bytes),
    "an odd number": _of_content(changes.odd_number),
    "garbage behind": _of_content(changes.garbage_behind),
    "other format": _of_content(changes.other_format),
}
_ANY_TEXT: dict[str, Corruption] = {
    **{name: BINARY[name] for name in ("empty", "truncated", "a bit flipped", "random bytes")},
    "odd sign": _of_content(changes.odd_sign),
    "undecodable bytes": _of_content(changes.undecodable_bytes),
    "other encoding": _of_content(changes.other_encoding),
    "other line ends": _of_content(changes.other_line_ends),
    "very long line": _of_content(changes.very_long_line),
    "very many lines": _of_content(changes.very_many_lines),
    "other format": _of_content(changes.other_format),
}
TEXT: dict[str, Corruption] = _ANY_TEXT | {
    "lines swapped": _of_lines(changes.lines_swapped),
    "a line twice": _of_lines(changes.line_twice),
    "a line removed": _of_lines(changes.line_removed),
    "cut at a line end": _of_lines(changes.cut_at_a_line_end),
    "lines joined": _of_lines(changes.lines_joined),
    "odd word": _of_lines(changes.odd_word),
    "words swapped": _of_lines(changes.words_swapped),
    "word of another line": _of_lines(changes.word_of_another_line),
    "a word removed": _of_lines(changes.word_removed),
}
JSON: dict[str, Corruption] = _ANY_TEXT | {
    "nested 100,000 deep": _of_content(changes.nested_json),
    "odd value": _of_json(changes.odd_value),
    "a value removed": _of_json(changes.value_removed),
    "a value elsewhere": _of_json(changes.value_elsewhere),
    "number beyond bounds": _of_content(changes.number_beyond_bounds),
    "a key twice": _of_content(changes.key_twice),
}

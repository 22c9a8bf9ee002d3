"""Changes of what a file holds, each one at random: of bytes, of lines, of one value in JSON."""

import re
import struct
from random import Random

ODD_WORDS = (
    "", "one", "0", "-1", "7", "900", "1.5", "1_0", "+1", "1e30", "-1e30", "1e999", "nan", "inf",
    "0x10", "true", "null", "None", "9" * 400, "9" * 5000, "\u0663", "\u00b2", "../../elsewhere",
    "/etc/passwd", ".", "..", "~", "*", "%s", "{}", "'", '"', "\\", "<html>", "a" * 300, "\x1b[2J",
    "\u202e", "\u200b", "\ufffd", "\U0001f426",
)  # fmt: skip
"""In place of a word: numbers of every kind, other files, signs that mean something somewhere."""

ODD_SIGNS = (
    "\0", "\x1b[31m", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u00a0", "\u3000", "\u200b",
    "\u202e", "\ufeff", "e\u0301", "\u212b", "\ufdfa", "\U000e0041", "\U0001f426",
)  # fmt: skip
"""Letters that look like others, like none, or that end a line for some readers and not others."""

ODD_VALUES = (
    None, True, False, 0, -1, 1.5, 10**30, 10**4000, 1e308, "", "one", "\ud800", "a" * 100_000,
    [], {}, [[]], [None], [1, "a"], {"": None}, {"train": {}}, ["a", "a"],
)  # fmt: skip
"""In place of a value in JSON."""

ODD_NUMBERS = (
    *(struct.pack("<i", n) for n in (-1, 0, 1, 255, 2**31 - 1, -(2**31))),
    *(struct.pack("<q", n) for n in (-1, 0, 2**31, 2**40, 2**63 - 1, -(2**63))),
    *(struct.pack("<f", x) for x in (float("nan"), float("inf"), 1e30, -1e30, 1e-40)),
    *(struct.pack("<d", x) for x in (float("nan"), float("-inf"), 1e30, 1e300, 0.5)),
)
"""In place of some bytes: sizes, counts and values of four and eight bytes."""

OTHER_FORMATS = {
    "a web page": b"<!DOCTYPE html>\n<html><title>404 Not Found</title></html>\n",
    "a PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0\x90wS\xde",
    "gzip": b"\x1f\x8b\x08\0\0\0\0\0\2\xff\xcbH\xcd\xc9\xc9W(\xcf/\xcaI\xe1\2\0[\xe7\xb6\x3f\x0c\0",
    "JSON": b'{"train": ["a"], "val": ["b"], "test": ["c"]}',
    "a number": b"42\n",
}


def _slice(content: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(content))
    return start, min(len(content), start + random.choice((1, 4, 8, 30, 200)))


def truncated(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content))]


def flip_bits(content: bytes, random: Random, number: int = 1) -> bytes:
    flipped = bytearray(content)
    for _ in range(number):
        flipped[random.randrange(len(content))] ^= 1 << random.randrange(8)
    return bytes(flipped)


def bytes_removed(content: bytes, random: Random) -> bytes:
    start, end = _slice(content, random)
    return content[:start] + content[end:]


def bytes_twice(content: bytes, random: Random) -> bytes:
    start, end = _slice(content, random)
    return content[:end] + content[start:]


def bytes_swapped(content: bytes, random: Random) -> bytes:
    middle, end = _slice(content, random)
    start = max(0, middle - (end - middle))
    return content[:start] + content[middle:end] + content[start:middle] + content[end:]


def zeros(content: bytes, random: Random) -> bytes:
    start, end = _slice(content, random)
    return content[:start] + bytes(end - start) + content[end:]


def random_bytes(content: bytes, random: Random) -> bytes:
    start, end = _slice(content, random)
    return content[:start] + random.randbytes(end - start) + content[end:]


def odd_number(content: bytes, random: Random) -> bytes:
    number = random.choice(ODD_NUMBERS)
    start = random.randrange(len(content))
    return content[:start] + number + content[start + len(number) :]


def garbage_behind(content: bytes, random: Random) -> bytes:
    return content + random.randbytes(random.choice((1, 7, 4096)))


def lines_swapped(lines: list[bytes], random: Random) -> None:
    i, j = random.randrange(len(lines)), random.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]


def line_twice(lines: list[bytes], random: Random) -> None:
    lines.insert(random.randrange(len(lines) + 1), random.choice(lines))


def line_removed(lines: list[bytes], random: Random) -> None:
    del lines[random.randrange(len(lines))]


def cut_at_a_line_end(lines: list[bytes], random: Random) -> None:
    del lines[random.randrange(len(lines)) :]


def lines_joined(lines: list[bytes], random: Random) -> None:
    i = random.randrange(len(lines))
    lines[i] = lines[i].rstrip(b"\n")


def _words(lines: list[bytes], random: Random) -> tuple[int, list[bytes]]:
    """The place of a line, and its words and what stands between them in turns."""
    i = random.randrange(len(lines))
    return i, re.split(rb"(\s+)", lines[i])


def odd_word(lines: list[bytes], random: Random) -> None:
    i, words = _words(lines, random)
    words[random.randrange(0, len(words), 2)] = random.choice(ODD_WORDS).encode()
    lines[i] = b"".join(words)


def words_swapped(lines: list[bytes], random: Random) -> None:
    i, words = _words(lines, random)
    j, k = (random.randrange(0, len(words), 2) for _ in range(2))
    words[j], words[k] = words[k], words[j]
    lines[i] = b"".join(words)


def word_of_another_line(lines: list[bytes], random: Random) -> None:
    i, words = _words(lines, random)
    _, others = _words(lines, random)
    words[random.randrange(0, len(words), 2)] = others[random.randrange(0, len(others), 2)]
    lines[i] = b"".join(words)


def word_removed(lines: list[bytes], random: Random) -> None:
    i, words = _words(lines, random)
    words[random.randrange(0, len(words), 2)] = b""
    lines[i] = b"".join(words)


def odd_sign(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    return content[:start] + random.choice(ODD_SIGNS).encode() + content[start:]


def undecodable_bytes(content: bytes, random: Random) -> bytes:
    start = random.randrange(len(content) + 1)
    odd = random.choice((b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\x80" * 50))
    return content[:start] + odd + content[start:]


def other_encoding(content: bytes, random: Random) -> bytes:
    name = random.choice(("utf-16", "utf-32", "utf-8-sig", "utf-7", "cp500"))
    return content.decode("utf-8", "replace").encode(name, "replace")


def other_line_ends(content: bytes, random: Random) -> bytes:
    return content.replace(b"\n", random.choice((b"\r\n", b"\r", b"\n\n", b"\n\r", b" \n\t")))


def very_long_line(content: bytes, random: Random) -> bytes:
    return content.rstrip(b"\n") + b" bird" * 200_000


def very_many_lines(content: bytes, random: Random) -> bytes:
    return content * (1 + 2_000_000 // len(content))


def other_format(content: bytes, random: Random) -> bytes:
    return random.choice(list(OTHER_FORMATS.values()))


def nested_json(content: bytes, random: Random) -> bytes:
    opened, closed = random.choice(((b"[", b"]"), (b'{"train":', b"}")))
    return opened * 100_000 + b"1" + closed * 100_000


def odd_value(container, key, random: Random) -> None:
    container[key] = random.choice(ODD_VALUES)


def value_removed(container, key, random: Random) -> None:
    del container[key]


def value_elsewhere(container, key, random: Random) -> None:
    """Exchange two values of a list; give a value of an object another name."""
    if isinstance(container, dict):
        container[random.choice(("x", key.upper(), key + " ", "train", ""))] = container.pop(key)
    else:
        other = random.randrange(len(container))
        container[key], container[other] = container[other], container[key]


def number_beyond_bounds(content: bytes, random: Random) -> bytes:
    """A number that Python's JSON takes and other readers do not."""
    numbers = list(re.finditer(rb"-?\d[\d.eE+-]*|\"[^\"]*\"", content))
    if not numbers:
        return content
    found = random.choice(numbers)
    odd = random.choice((b"1e999", b"NaN", b"-Infinity", b"9" * 5000, b"1" + b"0" * 400, b"-0"))
    return content[: found.start()] + odd + content[found.end() :]


def key_twice(content: bytes, random: Random) -> bytes:
    keys = list(re.finditer(rb"\"[^\"]*\"\s*:", content))
    if not keys:
        return content
    found = random.choice(keys)
    return content[: found.start()] + found[0] + b"[]," + content[found.start() :]

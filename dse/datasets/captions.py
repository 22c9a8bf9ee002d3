"""Caption files: one caption a line. The one place where their bytes become text."""

import re
from collections.abc import Sequence
from pathlib import Path

from dse.utils.errors import InputError, Problems

# What the published CUB captions hold where a character was lost: U+FFFD itself, or its three bytes
# EF BF BD read as Latin-1, one letter each.
_LOST_CHARACTER = re.compile("\ufffd|\u00ef\u00bf\u00bd")


def read_captions(path: Path) -> list[str]:
    """The captions of one image.

    Bytes that are not UTF-8, and the traces of lost characters, become a space; runs of white space
    become one space; empty lines are dropped. Nothing else is changed.

    Raises:
        InputError: no such file, or a file without a caption.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", errors="replace")
    except FileNotFoundError:
        raise InputError(f"{path} is missing: every image needs its file of captions") from None
    captions = [" ".join(line.split()) for line in _LOST_CHARACTER.sub(" ", text).splitlines()]
    captions = [caption for caption in captions if caption]
    if not captions:
        raise InputError(f"{path} holds no caption: write one a line, or remove its image")
    return captions


def read_caption_files(paths: Sequence[Path], problems: Problems) -> list[list[str]]:
    """The captions of many images, one file each.

    Args:
        paths: N files.
        problems: gets what is wrong with a file; its captions are then left out.
    """
    captions = []
    for path in paths:
        with problems.collected():
            captions.append(read_captions(path))
    return captions


def notes_on_captions(captions: Sequence[Sequence[str]], expected: int = 10) -> tuple[str, ...]:
    """A sentence if some images have fewer captions than expected."""
    fewer = sum(len(own) < expected for own in captions)
    return (f"{fewer} images have fewer than {expected} captions.",) if fewer else ()

"""Caption files: one caption a line. The one place where their bytes become text."""

import re
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path

from dse.utils.errors import InputError, Problems
from dse.utils.files import read_bytes, refuse_no_file

LARGEST_FILE = 10_000_000
"""Bytes of one image's captions; ten captions have 1,000."""
LONGEST_LINE = 1_000_000
"""Characters of a caption in a file of many; a longer one is no caption."""

_LINE_END = re.compile("\r\n|\r|\n")  # and none of the ten others of `str.splitlines`
# What the published CUB captions hold where a character was lost: U+FFFD itself, or its three bytes
# EF BF BD read as Latin-1, one letter each.
_LOST_CHARACTER = re.compile("\ufffd|\u00ef\u00bf\u00bd")


def read_captions(path: Path) -> list[str]:
    """The captions of one image.

    Bytes that are not UTF-8, and the traces of lost characters, become a space; runs of white space
    become one space; empty lines are dropped. Nothing else is changed.

    Raises:
        InputError: a file that is missing, cannot be read, is too large or no UTF-8 but UTF-16, or
            one without a caption.
    """
    content = read_bytes(path, "every image needs its file of captions", LARGEST_FILE)
    text = _LOST_CHARACTER.sub(" ", content.decode("utf-8-sig", errors="replace"))
    _refuse_utf16(path, text)
    captions = [" ".join(line.split()) for line in _LINE_END.split(text)]
    captions = [caption for caption in captions if caption]
    if not captions:
        raise InputError(f"{path} holds no caption: write one a line, or remove its image")
    return captions


def _refuse_utf16(where: Path | str, text: str) -> None:
    """Raise an `InputError` if a text has a NUL, as every other byte of UTF-16 is one."""
    if "\0" in text:
        raise InputError(f"{where}: not UTF-8 text, but UTF-16 or no text: save the file as UTF-8")


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


class CaptionLines:
    """The captions in a file, one a line, read anew each time and never held as a whole.

    An empty line is a caption, too. Bytes that are not UTF-8 become U+FFFD.

    Args:
        path: the file.

    Raises:
        InputError: no such file, or a pipe, which cannot be read again; when it is read, a file
            that cannot be or is UTF-16, or a line that is no caption by its length.
    """

    REMEDY = "write the captions to a file, one a line, and name it"

    def __init__(self, path: Path):
        refuse_no_file(path, self.REMEDY)
        self.path = path

    def __iter__(self) -> Iterator[str]:
        try:
            with self.path.open(encoding="utf-8-sig", errors="replace") as file:
                number = 0
                while line := file.readline(LONGEST_LINE):
                    number += 1
                    _refuse_utf16(f"{self.path}, line {number}", line)
                    if len(line) == LONGEST_LINE and not line.endswith("\n"):
                        raise InputError(
                            f"{self.path}, line {number}: has {LONGEST_LINE:,} characters or more: "
                            "write one caption a line"
                        )
                    yield line.removesuffix("\n")
        except OSError as error:
            raise InputError(
                f"{self.path} cannot be read ({error.strerror}): {self.REMEDY}"
            ) from None


class CaptionTree:
    """The captions in a folder of the authors' layout, so many of each image.

    The layout is `<class>/<image>.txt`, as in their `text_c10`. The images are sorted by the name
    of the class, then by that of the file. Of an image with more captions the first ones are taken;
    one with fewer has the same ones again, from its first.

    Attributes:
        images: N names, `<class>/<image>`.
        fewer: images with fewer captions than `per_image`.
        more: images with more.

    Args:
        folder: holds the folders of the classes.
        per_image: captions of each image.

    Raises:
        InputError: no such file, or one without a caption.
    """

    def __init__(self, folder: Path, per_image: int = 10):
        self.per_image = per_image
        found = [
            path
            for path in folder.glob("*/*.txt")
            if not path.name.startswith(".") and not path.parent.name.startswith(".")
        ]
        if not found:
            raise InputError(
                f"{folder} holds no CLASS/IMAGE.txt: name a file, one caption a line, or the "
                "folder that holds one folder for each class"
            )
        self._files = sorted(found, key=lambda path: (path.parent.name, path.name))
        self.images = [f"{path.parent.name}/{path.stem}" for path in self._files]
        numbers = [len(read_captions(path)) for path in self._files]
        self.fewer = sum(number < per_image for number in numbers)
        self.more = sum(number > per_image for number in numbers)

    def __iter__(self) -> Iterator[str]:
        for path in self._files:
            yield from islice(cycle(read_captions(path)), self.per_image)

"""Errors that the user can correct, one at a time or all of a data set's at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import metadata
from pathlib import Path

LONGEST = 1000
"""Letters of a message; a longer one quotes too much of a file."""


class InputError(ValueError):
    """Something given to `dse` is wrong: a call, a folder, a file.

    The message is one line: what is wrong, in which file or word, and what to do.
    The command line prints it and ends with exit code 2; in Python it is a `ValueError`.
    It may quote a file or name one, so it is made `printable` and, if need be, shortened here.

    Attributes:
        problems: every line, where several things are wrong at once; else the message alone.

    Example:
        >>> from dse import InputError
        >>> str(InputError("unknown text encoder 'lstm': choose one of bag-of-words, word2vec"))
        "unknown text encoder 'lstm': choose one of bag-of-words, word2vec"
    """

    def __init__(self, message: str, problems: Sequence[str] = ()):
        super().__init__(_one_line(message))
        self.problems = tuple(map(_one_line, problems)) or (str(self),)


def _one_line(message: str) -> str:
    line = printable(message)
    if len(line) > LONGEST:
        line = f"{line[: LONGEST // 2]} ... {line[-LONGEST // 4 :]}"
    return line


def printable(text: Path | str) -> str:
    """A file's name, or a text that holds it, with a sign for each character that cannot be shown.

    A name may hold bytes that are no text, and characters that steer a terminal.

    Example:
        >>> printable(f"finch{chr(27)}[2J.jpg")
        'finch\N{REPLACEMENT CHARACTER}[2J.jpg'
    """
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def first_line(error: BaseException) -> str:
    """What an error says, in one line; its kind, if it says nothing.

    Example:
        >>> first_line(ValueError(f"no such row{chr(10)}in the table")), first_line(KeyError())
        ('no such row', 'KeyError')
    """
    return (str(error) or type(error).__name__).splitlines()[0]


def missing_extra(name: str, extra: str) -> InputError:
    """The error for a feature of an optional extra that is not installed.

    Args:
        name: what is not available.
        extra: the extra's name.
    """
    address = dict(
        line.split(", ", 1) for line in metadata("dse").get_all("Project-URL") or []
    ).get("Repository")
    if address:
        command = f'pip install "dse[{extra}] @ git+{address}"'
    else:
        command = f'in the folder of the repository, pip install -e ".[{extra}]"'
    return InputError(f"{name} needs an optional extra, which is not installed: {command}")


class Problems:
    """Collects what is wrong with the files of a data set, to tell all of it at once.

    Example:
        >>> problems = Problems()
        >>> for word in ("one", "two"):
        ...     with problems.collected():
        ...         raise InputError(f"file {word} is empty: remove it")
        >>> try:
        ...     problems.raise_if_any()
        ... except InputError as error:
        ...     print(error)
        file one is empty: remove it (and 1 more problem: dse data lists them all)
    """

    def __init__(self):
        self.found: list[str] = []

    @contextmanager
    def collected(self) -> Iterator[None]:
        """Remember an `InputError` of the block instead of passing it on."""
        try:
            yield
        except InputError as error:
            self.found += error.problems

    def raise_if_any(self) -> None:
        """Raise one `InputError` if anything was found."""
        if not self.found:
            return
        self.found.sort()  # threads find them in any order
        message, *others = self.found
        if others:
            plural = "s" if len(others) > 1 else ""
            message += f" (and {len(others)} more problem{plural}: dse data lists them all)"
        raise InputError(message, self.found)

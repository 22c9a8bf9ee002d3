"""Progress bars, with one rule for when they are shown."""

import os
from collections.abc import Iterable

from tqdm.auto import tqdm


def progress_bar(iterable: Iterable | None = None, *, progress: bool = True, **options) -> tqdm:
    """A bar in a terminal or a notebook; none if it is not wanted, or where stderr is a file.

    Args:
        iterable: what to go through; None: the caller calls `update`.
        progress: whether the caller wants it, see `is_wanted`.
        options: those of `tqdm.auto.tqdm`.

    Example:
        >>> sum(progress_bar([1, 2, 3], progress=False))
        6
    """
    hidden = not is_wanted(progress)
    return tqdm(iterable, disable=hidden or None, **options)  # None: not where stderr is a file


def is_wanted(progress: bool) -> bool:
    """Whether to show progress: what the caller says, unless `$TQDM_DISABLE` turns it off.

    Example:
        >>> is_wanted(False)
        False
    """
    return progress and not os.environ.get("TQDM_DISABLE")

"""Which classes are trained on, chosen on and tested on: zero-shot splits share no class."""

from collections.abc import Sequence
from pathlib import Path

import torch

from dse.errors import InputError


def read_class_list(path: Path, class_names: Sequence[str]) -> list[str]:
    """The class names in a list, one a line.

    Raises:
        InputError: no such file, or a name that is not one of `class_names`.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing: it lists the classes of a split, one a line")
    names = path.read_text().split()
    unknown = [name for name in names if name not in set(class_names)]
    if unknown:
        raise InputError(
            f"{path} names an unknown class {unknown[0]!r}: correct or remove the line"
        )
    return names


def make_inner_split(classes: torch.Tensor, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Divide the trainval classes into train and val, two to one, at random but repeatably.

    Args:
        classes: int64 (C,), the trainval classes.
        seed: of the division.

    Returns:
        The train and the val classes, each sorted.

    Example:
        >>> train, val = make_inner_split(torch.arange(150))
        >>> len(train), len(val)
        (100, 50)
    """
    order = torch.randperm(len(classes), generator=torch.Generator().manual_seed(seed))
    num_val = len(classes) // 3
    shuffled = classes[order]
    return shuffled[num_val:].sort().values, shuffled[:num_val].sort().values


def refuse_overlap(one: Sequence[str], other: Sequence[str], files: str) -> None:
    """Raise an `InputError` if a class is in both lists."""
    both = sorted(set(one) & set(other))
    if both:
        raise InputError(
            f"{files} both name {both[0]}: zero-shot splits share no class; take it out of one"
        )

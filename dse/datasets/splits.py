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


def read_splits(
    folder: Path, all_classes: Sequence[str], class_names: Sequence[str]
) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """The four splits from the authors' lists: `trainvalclasses.txt`, `testclasses.txt` and others.

    Args:
        folder: holds the lists.
        all_classes: names that the lists may hold.
        class_names: the classes that are there; the others are left out of the splits.

    Returns:
        Split -> indices into `class_names`; and a note if trainval had to be divided here.

    Raises:
        InputError: a list is missing, names an unknown class, or shares one with another.
    """
    trainval, test = folder / "trainvalclasses.txt", folder / "testclasses.txt"
    names = {"trainval": read_class_list(trainval, all_classes)}
    names["test"] = read_class_list(test, all_classes)
    refuse_overlap(names["trainval"], names["test"], f"{trainval} and {test.name}")
    inner = {split: folder / f"{split}classes.txt" for split in ("train", "val")}
    if all(path.is_file() for path in inner.values()):
        names |= {split: read_class_list(path, all_classes) for split, path in inner.items()}
        refuse_overlap(names["train"], names["val"], f"{inner['train']} and {inner['val'].name}")
    index_of = {name: index for index, name in enumerate(class_names)}
    splits = {
        split: torch.tensor(sorted({index_of[n] for n in listed if n in index_of})).long()
        for split, listed in names.items()
    }
    if "train" in splits:
        return splits, ()
    splits["train"], splits["val"] = make_inner_split(splits["trainval"])
    return splits, (
        "trainclasses.txt and valclasses.txt are not there: trainval was divided two to one, "
        "with seed 0.",
    )


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

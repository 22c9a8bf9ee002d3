"""Which classes are for training, validation and testing: zero-shot splits share no class."""

from collections.abc import Sequence
from pathlib import Path

import torch

from dse.datasets.lists import as_number, read_list
from dse.utils.errors import InputError
from dse.utils.files import is_there

REMEDY = "it lists the classes of a split, one a line; unpack the archive again"


def read_class_list(path: Path, class_names: Sequence[str], source: str) -> list[str]:
    """The class names in a list, one a line.

    Args:
        path: of the list.
        class_names: those that may stand in it.
        source: where `class_names` come from, for the error: that, too, may be damaged.

    Raises:
        InputError: no such file, or a name that is not one of `class_names`.
    """
    known = set(class_names)
    names = [name for line in read_list(path, REMEDY) for name in line.split()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise InputError(
            f"{path} names an unknown class {unknown[0][:60]!r}, none of {source}: correct the one "
            "or the other"
        )
    return names


def read_splits(
    folder: Path, all_classes: Sequence[str], class_names: Sequence[str], source: str
) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    """The four splits from the authors' lists: `trainvalclasses.txt`, `testclasses.txt` and others.

    Where a list of names is missing, the list of ids is read, `trainvalids.txt` and so on: the line
    numbers of `manifest.txt`. Where one of `train` and `val` is listed, the other is the rest of
    `trainval`; where neither is, `trainval` is divided by `make_inner_split`.

    Args:
        folder: holds the lists.
        all_classes: names that the lists may hold, in the order of their ids.
        class_names: the classes that are there; the others are left out of the splits.
        source: where `all_classes` come from, for the error about a class that is not there.

    Returns:
        Split -> indices into `class_names`; and notes: if trainval had to be divided here, and if a
        class is in no split.

    Raises:
        InputError: a list is missing or cannot be read, names an unknown class, or shares one with
            another.
    """
    paths = {split: _split_file(folder, split) for split in ("trainval", "test", "train", "val")}
    names = {
        split: _read_split(paths[split], all_classes, source) for split in ("trainval", "test")
    }
    refuse_overlap(
        names["trainval"], names["test"], f"{paths['trainval']} and {paths['test'].name}"
    )
    listed = {
        split: _read_split(paths[split], all_classes, source)
        for split in ("train", "val")
        if is_there(paths[split])
    }
    if listed:
        taken = {name for own in listed.values() for name in own}
        rest = [name for name in names["trainval"] if name not in taken]
        names |= {split: listed.get(split, rest) for split in ("train", "val")}
        refuse_overlap(names["train"], names["val"], f"{paths['train']} and {paths['val'].name}")
        stray = sorted({*names["train"], *names["val"]} - set(names["trainval"]))
        if stray:
            raise InputError(
                f"{paths['train']} or {paths['val'].name} names {stray[0]}, which "
                f"{paths['trainval'].name} does not: correct one of them"
            )
    notes = _notes_on_classes_in_no_split(names, class_names, paths)
    index_of = {name: index for index, name in enumerate(class_names)}
    splits = {
        split: torch.tensor(sorted({index_of[n] for n in listed if n in index_of})).long()
        for split, listed in names.items()
    }
    if "train" in splits:
        return splits, notes
    splits["train"], splits["val"] = make_inner_split(splits["trainval"])
    return splits, (
        *notes,
        "trainclasses.txt and valclasses.txt are not there: trainval was divided two to one, "
        "with seed 0.",
    )


def _split_file(folder: Path, split: str) -> Path:
    """The list of a split's classes; of their ids where those alone are there."""
    listed, ids = folder / f"{split}classes.txt", folder / f"{split}ids.txt"
    by_ids = not is_there(listed) and is_there(ids) and is_there(folder / "manifest.txt")
    return ids if by_ids else listed


def _read_split(path: Path, all_classes: Sequence[str], source: str) -> list[str]:
    """The class names in a list of names or of ids."""
    if path.name.endswith("classes.txt"):
        return read_class_list(path, all_classes, source)
    ids = [word for line in read_list(path, REMEDY) for word in line.split()]
    for word in ids:
        number = as_number(word)
        if number is None or number > len(all_classes):
            raise InputError(
                f"{path} has a line {word[:40]!r}: each is a line number of {source}, "
                f"1 to {len(all_classes)}"
            )
    return [all_classes[int(word) - 1] for word in ids]


def _notes_on_classes_in_no_split(
    names: dict[str, list[str]], class_names: Sequence[str], paths: dict[str, Path]
) -> tuple[str, ...]:
    """What is missing in the lists: they may be cut off at the end of a line."""
    notes = []
    for classes, parts in (
        (class_names, ("trainval", "test")),
        (names["trainval"], ("train", "val")),
    ):
        if any(split not in names for split in parts):
            continue
        lists = " nor in ".join(paths[split].name for split in parts)
        absent = sorted(set(classes).difference(*(names[split] for split in parts)))
        if absent:
            notes.append(f"{len(absent)} classes are neither in {lists}, among them {absent[0]}.")
    return tuple(notes)


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

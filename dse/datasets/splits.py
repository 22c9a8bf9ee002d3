"""Which classes are for training, validation and testing: zero-shot splits share no class."""

from collections.abc import Sequence
from pathlib import Path

import torch

from dse.utils.errors import InputError


def read_class_list(path: Path, class_names: Sequence[str]) -> list[str]:
    """The class names in a list, one a line.

    Raises:
        InputError: no such file, or a name that is not one of `class_names`.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing: it lists the classes of a split, one a line")
    names = path.read_text(encoding="utf-8", errors="replace").split()
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

    Where a list of names is missing, the list of ids is read, `trainvalids.txt` and so on: the line
    numbers of `manifest.txt`. Where `train` alone is listed, `val` is the rest of `trainval`.

    Args:
        folder: holds the lists.
        all_classes: names that the lists may hold, in the order of their ids.
        class_names: the classes that are there; the others are left out of the splits.

    Returns:
        Split -> indices into `class_names`; and a note if trainval had to be divided here.

    Raises:
        InputError: a list is missing, names an unknown class, or shares one with another.
    """
    paths = {split: _split_file(folder, split) for split in ("trainval", "test", "train", "val")}
    names = {split: _read_split(paths[split], all_classes) for split in ("trainval", "test")}
    refuse_overlap(
        names["trainval"], names["test"], f"{paths['trainval']} and {paths['test'].name}"
    )
    if paths["train"].is_file():
        names["train"] = _read_split(paths["train"], all_classes)
        rest = [name for name in names["trainval"] if name not in names["train"]]
        names["val"] = _read_split(paths["val"], all_classes) if paths["val"].is_file() else rest
        refuse_overlap(names["train"], names["val"], f"{paths['train']} and {paths['val'].name}")
        stray = sorted({*names["train"], *names["val"]} - set(names["trainval"]))
        if stray:
            raise InputError(
                f"{paths['train']} or {paths['val'].name} names {stray[0]}, which "
                f"{paths['trainval'].name} does not: correct one of them"
            )
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


def _split_file(folder: Path, split: str) -> Path:
    """The list of a split's classes; of their ids where those alone are there."""
    listed, ids = folder / f"{split}classes.txt", folder / f"{split}ids.txt"
    by_ids = not listed.is_file() and ids.is_file() and (folder / "manifest.txt").is_file()
    return ids if by_ids else listed


def _read_split(path: Path, all_classes: Sequence[str]) -> list[str]:
    """The class names in a list of names or of ids."""
    if path.name.endswith("classes.txt"):
        return read_class_list(path, all_classes)
    name_of = {str(number): name for number, name in enumerate(all_classes, start=1)}
    ids = path.read_text(encoding="utf-8", errors="replace").split()
    unknown = [number for number in ids if number not in name_of]
    if unknown:
        raise InputError(
            f"{path} has a line {unknown[0][:40]!r}: each is a line number of manifest.txt, "
            f"1 to {len(all_classes)}"
        )
    return [name_of[number] for number in ids]


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

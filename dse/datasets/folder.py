"""Your own images and captions.

The layout::

    root/images/<class>/<image>.jpg
    root/images/<class>/<image>.txt
    root/captions/<class>/<image>.txt
    root/splits.json

Images may also end in .jpeg, .png or .webp; what is hidden does not count. Captions, one a line,
stand beside the image or in the tree `captions/`. `splits.json` is `{"train": [classes], "val":
[...], "test": [...]}`.
"""

import json
from pathlib import Path
from typing import Any

import torch

from dse.datasets.captions import read_caption_files
from dse.datasets.described_images import DescribedImages
from dse.datasets.lists import refuse_odd_names
from dse.images.views import IMAGE_SUFFIXES
from dse.utils.errors import InputError, Problems
from dse.utils.files import is_there, read_utf8, written_whole

SPLITS = ("train", "val", "test")


def read_folder(root: Path | str) -> DescribedImages:
    """Read a folder of your own without image features; `load_dataset` adds them.

    A missing `splits.json` is made, with seed 0: half of the classes train, a quarter val, a
    quarter test, as CUB; and written down, so that it stays.

    Args:
        root: the folder that holds `images/`.

    Raises:
        InputError: what is missing or wrong, in which file.

    Chapter: 1, data and splits.
    """
    root = Path(root)
    if not (root / "images").is_dir():
        raise InputError(f"{root} has no folder images: put one folder for each class in it")
    paths = sorted(
        path
        for path in (root / "images").glob("*/*")
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not path.name.startswith(".")
        and not path.parent.name.startswith(".")
    )
    if not paths:
        raise InputError(
            f"{root / 'images'} holds no image: put them there as CLASS/NAME.jpg, .png or .webp"
        )
    class_names = sorted({path.parent.name for path in paths})
    refuse_odd_names(root / "images", class_names)
    problems = Problems()
    captions = read_caption_files([_caption_file(root, path) for path in paths], problems)
    with problems.collected():
        _refuse_shared_captions(paths)
    with problems.collected():
        splits, notes = _read_or_make_splits(root / "splits.json", class_names)
    problems.raise_if_any()
    return DescribedImages(
        name="folder",
        features=None,
        labels=torch.tensor([class_names.index(path.parent.name) for path in paths]),
        captions=captions,
        class_names=class_names,
        splits=splits,
        image_paths=paths,
        root=root,
        notes=notes,
    )


def _caption_file(root: Path, image: Path) -> Path:
    """Beside the image if it is there, else in the tree of captions."""
    beside = image.with_suffix(".txt")
    mirrored = root / "captions" / image.parent.name / beside.name
    return beside if is_there(beside) or not (root / "captions").is_dir() else mirrored


def _refuse_shared_captions(paths: list[Path]) -> None:
    seen: dict[Path, Path] = {}
    for path in paths:
        other = seen.setdefault(path.with_suffix(""), path)
        if other != path:
            raise InputError(f"{path} and {other.name} share one caption file: rename one of them")


def _read_or_make_splits(
    path: Path, class_names: list[str]
) -> tuple[dict[str, torch.Tensor], tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    if is_there(path):
        names = _read_names(path)
    else:
        names = _make_splits(path.parent, class_names)
        try:
            with written_whole(path) as partial:
                partial.write_text(
                    json.dumps(names, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
                )
            notes = (
                f"{path.name} was made, with seed 0: edit it to divide the classes otherwise.",
            )
        except OSError:
            notes = (f"{path.name} could not be written; the classes are divided with seed 0.",)
    index_of = {name: index for index, name in enumerate(class_names)}
    owner: dict[str, str] = {}
    for split, listed in names.items():
        for name in listed:
            if name not in index_of:
                raise InputError(f"{path} names {name!r}, which has no image: correct the name")
            if name in owner:
                raise InputError(
                    f"{path} names {name!r} in {owner[name]} and in {split}: choose one"
                )
            owner[name] = split
    splits = {
        split: torch.tensor(sorted(index_of[name] for name in names[split])).long()
        for split in SPLITS
    }
    splits["trainval"] = torch.cat([splits["train"], splits["val"]]).sort().values
    unused = len(class_names) - len(owner)
    if unused:
        notes += (f"{unused} of {len(class_names)} classes are in no split of {path.name}.",)
    return splits, notes


def _read_names(path: Path) -> dict[str, list[str]]:
    remedy = "correct it, or remove it to have the classes divided anew"
    text = read_utf8(path, remedy)
    try:
        names = json.loads(text, object_pairs_hook=_no_key_twice)
    except (ValueError, RecursionError) as error:  # one is a document of thousands of brackets
        raise InputError(f"{path} is not JSON ({error}): {remedy}") from None
    lists = isinstance(names, dict) and all(
        isinstance(names.get(split), list) and all(isinstance(n, str) for n in names[split])
        for split in SPLITS
    )
    if not lists:
        raise InputError(f"{path} must hold three lists of class names: train, val and test")
    return {split: names[split] for split in SPLITS}


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) < len(pairs):
        raise ValueError("it has a key twice")
    return names


def _make_splits(root: Path, class_names: list[str]) -> dict[str, list[str]]:
    if len(class_names) < 3:
        raise InputError(
            f"{root / 'images'} has {len(class_names)} class{'es' * (len(class_names) > 1)}: "
            "a zero-shot split needs 3 or more, one to train on, one to choose on, one to test on"
        )
    order = torch.randperm(len(class_names), generator=torch.Generator().manual_seed(0)).tolist()
    quarter = max(1, len(class_names) // 4)
    bounds = {"test": order[:quarter], "val": order[quarter : 2 * quarter]}
    bounds["train"] = order[2 * quarter :]
    return {split: sorted(class_names[i] for i in bounds[split]) for split in SPLITS}

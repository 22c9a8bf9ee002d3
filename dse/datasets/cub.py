"""Caltech-UCSD Birds 200-2011 with the captions of Reed et al., read in place.

The layout::

    root/CUB_200_2011/   images.txt  classes.txt  image_class_labels.txt
                         images/<class>/<image>.jpg
                         attributes/class_attribute_labels_continuous.txt
    root/cvpr2016_cub/   text_c10/<class>/<image>.txt  trainvalclasses.txt  testclasses.txt
                         and, where they are known, trainclasses.txt and valclasses.txt
"""

from pathlib import Path

import numpy as np
import torch

from dse.datasets.captions import notes_on_captions, read_caption_files
from dse.datasets.described_images import DescribedImages
from dse.datasets.splits import read_splits
from dse.utils.errors import InputError, Problems


def read_cub(root: Path | str) -> DescribedImages:
    """Read CUB without image features; `load_dataset` adds them.

    Classes without an image on the disk are left out, as are single images that are not there;
    `notes` says how many. The other classes keep their order.

    Args:
        root: the folder that holds `CUB_200_2011/` and `cvpr2016_cub/`.

    Raises:
        InputError: what is missing or wrong, in which file.

    Source: Wah et al. 2011; paper, section 5; the authors' archive. Chapter: 1.
    """
    root = Path(root)
    birds, texts = root / "CUB_200_2011", root / "cvpr2016_cub"
    for folder in (birds, texts):
        if not folder.is_dir():
            raise InputError(
                f"{root} has no folder {folder.name}: --root names the folder that holds "
                "CUB_200_2011 and cvpr2016_cub"
            )
    all_classes = _read_table(birds / "classes.txt")
    images = _read_table(birds / "images.txt")
    class_of = _read_table(birds / "image_class_labels.txt")
    _refuse_unlabelled(birds / "image_class_labels.txt", images, class_of, all_classes)
    there = _images_there(birds / "images", images)
    if not there:
        raise InputError(f"{birds / 'images'} holds none of the images of images.txt")

    kept_classes = sorted({int(class_of[i]) for i in there})
    index_of = {number: index for index, number in enumerate(kept_classes)}
    class_names = [all_classes[str(number)] for number in kept_classes]
    labels = torch.tensor([index_of[int(class_of[i])] for i in there])
    problems = Problems()
    captions = read_caption_files(
        [texts / "text_c10" / Path(images[i]).with_suffix(".txt") for i in there], problems
    )
    with problems.collected():
        splits, split_notes = read_splits(texts, list(all_classes.values()), class_names)
    with problems.collected():
        attributes = _read_attributes(birds, kept_classes, len(all_classes))
    problems.raise_if_any()
    return DescribedImages(
        name="cub",
        features=None,
        labels=labels,
        captions=captions,
        class_names=class_names,
        splits=splits,
        class_attributes=attributes,
        image_paths=[birds / "images" / images[i] for i in there],
        root=root,
        notes=(
            *_notes_on_images(images, there, class_of, all_classes, kept_classes),
            *notes_on_captions(captions),
            *split_notes,
        ),
    )


def _read_table(path: Path) -> dict[str, str]:
    """`number name` a line -> {number: name}, in the order of the file."""
    if not path.is_file():
        raise InputError(f"{path} is missing: unpack the published CUB_200_2011 archive there")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    rows = [line.split(maxsplit=1) for line in lines if line.strip()]
    broken = [row for row in rows if len(row) != 2]
    if broken:
        raise InputError(f"{path} has a line {broken[0][0]!r}: each line is a number and a name")
    return {number: name.strip() for number, name in rows}


def _refuse_unlabelled(
    path: Path, images: dict[str, str], class_of: dict[str, str], all_classes: dict[str, str]
) -> None:
    for number in images:
        if class_of.get(number) not in all_classes:
            raise InputError(
                f"{path} gives image {number} no class of classes.txt: unpack the archive again"
            )


def _images_there(folder: Path, images: dict[str, str]) -> list[str]:
    """The numbers of the images that are on the disk, in the order of images.txt."""
    found = {f"{path.parent.name}/{path.name}" for path in folder.glob("*/*")}
    return [number for number, name in images.items() if name in found]


def _read_attributes(birds: Path, kept: list[int], num_classes: int) -> torch.Tensor | None:
    """The published share of annotators who saw each attribute, 0 to 1, float32 (C, 312)."""
    path = birds / "attributes" / "class_attribute_labels_continuous.txt"
    if not path.is_file():
        return None
    try:
        percentages = np.loadtxt(path, dtype=np.float32, ndmin=2, encoding="utf-8")
    except ValueError as error:
        raise InputError(f"{path} is not a table of numbers: {error}") from None
    if len(percentages) != num_classes:
        raise InputError(f"{path} has {len(percentages)} rows for {num_classes} classes")
    return torch.from_numpy(percentages[np.array(kept) - 1] / 100)


def _notes_on_images(
    images: dict[str, str],
    there: list[str],
    class_of: dict[str, str],
    all_classes: dict[str, str],
    kept: list[int],
) -> tuple[str, ...]:
    notes = []
    if len(kept) < len(all_classes):
        notes.append(
            f"{len(all_classes) - len(kept)} of {len(all_classes)} classes have no image here "
            "and are left out."
        )
    listed = sum(int(class_of[i]) in set(kept) for i in images)
    if listed > len(there):
        notes.append(
            f"{listed - len(there)} images of the other classes are not there and are left out."
        )
    return tuple(notes)

"""Caltech-UCSD Birds 200-2011 with the captions of Reed et al., read in place.

The layout::

    root/CUB_200_2011/
        images.txt  classes.txt
        image_class_labels.txt
        images/<class>/<image>.jpg
        attributes/
            class_attribute_labels_continuous.txt
    root/cvpr2016_cub/
        text_c10/<class>/<image>.txt
        trainvalclasses.txt  testclasses.txt
        trainclasses.txt  valclasses.txt

The last two are there where the lists are known.
"""

from pathlib import Path

import numpy as np
import torch

from dse.datasets.captions import notes_on_captions, read_caption_files
from dse.datasets.described_images import DescribedImages
from dse.datasets.lists import as_number, read_list, read_table, refuse_name_twice
from dse.datasets.splits import read_splits
from dse.utils.errors import InputError, Problems
from dse.utils.files import is_there

REMEDY = "unpack the published archive again"


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
    all_classes = read_table(birds / "classes.txt", REMEDY)
    images = read_table(birds / "images.txt", REMEDY)
    refuse_name_twice(birds / "classes.txt", all_classes, REMEDY)
    refuse_name_twice(birds / "images.txt", images, REMEDY)
    class_of = _read_class_of(birds / "image_class_labels.txt", images, all_classes)
    there = _images_there(birds / "images", images)
    if not there:
        raise InputError(f"{birds / 'images'} holds none of the images of images.txt")

    kept_classes = sorted({class_of[i] for i in there})
    index_of = {number: index for index, number in enumerate(kept_classes)}
    class_names = [all_classes[number] for number in kept_classes]
    labels = torch.tensor([index_of[class_of[i]] for i in there])
    problems = Problems()
    captions = read_caption_files(
        [texts / "text_c10" / Path(images[i]).with_suffix(".txt") for i in there], problems
    )
    with problems.collected():
        splits, split_notes = read_splits(
            texts, list(all_classes.values()), class_names, "classes.txt"
        )
    with problems.collected():
        attributes = _read_attributes(birds, kept_classes, all_classes)
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


def _read_class_of(
    path: Path, images: dict[int, str], all_classes: dict[int, str]
) -> dict[int, int]:
    """Image number -> class number. An image lies in the folder of its class: two lists agree."""
    class_of = {image: as_number(number) for image, number in read_table(path, REMEDY).items()}
    for image, name in images.items():
        if class_of.get(image) not in all_classes:
            raise InputError(
                f"{path} gives image {image} of images.txt no class of classes.txt: {REMEDY}"
            )
        class_name = all_classes[class_of[image]]
        if class_name != name.partition("/")[0]:
            raise InputError(
                f"{path} and classes.txt say that image {image} is {class_name!r}, images.txt says "
                f"{name!r}: {REMEDY}"
            )
    return class_of


def _images_there(folder: Path, images: dict[int, str]) -> list[int]:
    """The numbers of the images that are on the disk, in the order of images.txt."""
    found = {f"{path.parent.name}/{path.name}" for path in folder.glob("*/*")}
    return [number for number, name in images.items() if name in found]


def _read_attributes(
    birds: Path, kept: list[int], all_classes: dict[int, str]
) -> torch.Tensor | None:
    """The published share of annotators who saw each attribute, 0 to 1, float32 (C, 312)."""
    path = birds / "attributes" / "class_attribute_labels_continuous.txt"
    if not is_there(path):
        return None
    rows = [line.split() for line in read_list(path, REMEDY)]
    if len(rows) != len(all_classes) or list(all_classes) != list(range(1, len(rows) + 1)):
        raise InputError(
            f"{path} has {len(rows)} rows, one for each class in the order of classes.txt, which "
            f"has {len(all_classes)} classes with the numbers {min(all_classes)} to "
            f"{max(all_classes)}: {REMEDY}"
        )
    if len({len(row) for row in rows}) != 1:
        raise InputError(f"{path} has rows of different lengths: {REMEDY}")
    try:
        percentages = np.array(rows, np.float64)
    except ValueError as error:
        raise InputError(f"{path} is not a table of numbers ({error}): {REMEDY}") from None
    if not ((percentages >= 0) & (percentages <= 100)).all():  # not a number is refused, too
        raise InputError(f"{path} holds percentages outside 0 to 100: {REMEDY}")
    table = torch.from_numpy(percentages.astype(np.float32))
    return table[torch.tensor(kept) - 1] / 100


def _notes_on_images(
    images: dict[int, str],
    there: list[int],
    class_of: dict[int, int],
    all_classes: dict[int, str],
    kept: list[int],
) -> tuple[str, ...]:
    notes = []
    if len(kept) < len(all_classes):
        notes.append(
            f"{len(all_classes) - len(kept)} of {len(all_classes)} classes have no image here "
            "and are left out."
        )
    kept_classes = set(kept)
    listed = sum(class_of[i] in kept_classes for i in images)
    if listed > len(there):
        notes.append(
            f"{listed - len(there)} images of the other classes are not there and are left out."
        )
    unlisted = len(class_of.keys() - images.keys())
    if unlisted:
        notes.append(f"{unlisted} images of image_class_labels.txt are not in images.txt.")
    return tuple(notes)

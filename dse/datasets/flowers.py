"""Oxford Flowers-102 with the captions of Reed et al., read in place.

The layout::

    root/flowers-102/
        imagelabels.mat  setid.mat
        jpg/image_NNNNN.jpg
    root/cvpr2016_flowers/
        text_c10/class_NNNNN/image_NNNNN.txt
        trainvalclasses.txt  testclasses.txt
        trainclasses.txt  valclasses.txt

The first folder is as torchvision unpacks it. The zero-shot split is by classes. `setid.mat`, which
divides the images of each class, is not it.
"""

import io
from pathlib import Path

import numpy as np
import torch
from scipy.io import loadmat

from dse.datasets.captions import notes_on_captions, read_caption_files
from dse.datasets.described_images import DescribedImages
from dse.datasets.lists import LARGEST_NUMBER
from dse.datasets.splits import read_splits
from dse.utils.errors import InputError, Problems
from dse.utils.files import read_bytes

NUM_CLASSES = 102
SOURCE = f"class_00001 to class_00{NUM_CLASSES}"
LARGEST_FILE = 100_000
"""Bytes of `imagelabels.mat`; the published one has 502. It may be compressed, up to 1 to 1,000,
and scipy unpacks it as a whole, whatever is in it."""
REMEDY = "dse download flowers fetches it"


def read_flowers(root: Path | str) -> DescribedImages:
    """Read Flowers without image features; `load_dataset` adds them.

    Image n has the label that `imagelabels.mat` gives it; label k is the class
    `class_` and k in five digits: `class_00001`.
    Images that are not on the disk are left out, and counted in `notes`.

    Args:
        root: the folder that holds `flowers-102/` and `cvpr2016_flowers/`.

    Raises:
        InputError: what is missing or wrong, in which file.

    Source: Nilsback and Zisserman 2008; paper, section 5; the authors' archive. Chapter: 1.
    """
    root = Path(root)
    flowers, texts = root / "flowers-102", root / "cvpr2016_flowers"
    for folder in (flowers, texts):
        if not folder.is_dir():
            raise InputError(
                f"{root} has no folder {folder.name}: --root names the folder that holds "
                "flowers-102 and cvpr2016_flowers; dse download flowers fetches both"
            )
    class_of = _read_labels(flowers / "imagelabels.mat")
    found = {path.name for path in (flowers / "jpg").glob("*.jpg")}
    there = [number for number in class_of if f"image_{number:05d}.jpg" in found]
    if not there:
        raise InputError(
            f"{flowers / 'jpg'} holds no image_NNNNN.jpg: unpack 102flowers.tgz in {flowers}"
        )
    kept = sorted({class_of[number] for number in there})
    index_of = {label: index for index, label in enumerate(kept)}
    class_names = [_class_name(label) for label in kept]
    problems = Problems()
    captions = read_caption_files(
        [
            texts / "text_c10" / _class_name(class_of[number]) / f"image_{number:05d}.txt"
            for number in there
        ],
        problems,
    )
    with problems.collected():
        all_classes = [_class_name(label) for label in range(1, NUM_CLASSES + 1)]
        splits, split_notes = read_splits(texts, all_classes, class_names, SOURCE)
    problems.raise_if_any()
    return DescribedImages(
        name="flowers",
        features=None,
        labels=torch.tensor([index_of[class_of[number]] for number in there]),
        captions=captions,
        class_names=class_names,
        splits=splits,
        image_paths=[flowers / "jpg" / f"image_{number:05d}.jpg" for number in there],
        root=root,
        notes=(
            *_notes_on_images(len(there), len(class_of), len(kept)),
            *notes_on_captions(captions),
            *split_notes,
        ),
    )


def _read_labels(path: Path) -> dict[int, int]:
    """Image number -> label, both from 1."""
    content = read_bytes(path, REMEDY, LARGEST_FILE)
    try:
        labels = loadmat(io.BytesIO(content), variable_names=["labels"])["labels"].ravel()
        if len(labels) > LARGEST_NUMBER:
            raise ValueError("so many labels")
        are_numbers = labels.dtype.kind in "uif" and (labels == np.floor(labels)).all()
    except Exception as error:  # scipy fails in many ways on a file that is not Matlab's
        raise InputError(
            f"{path} is not the published table ({type(error).__name__}): download it again"
        ) from None
    if not are_numbers:
        raise InputError(f"{path} holds labels that are not whole numbers: download it again")
    if not len(labels) or labels.min() < 1 or labels.max() > NUM_CLASSES:
        raise InputError(f"{path} holds labels outside 1 to {NUM_CLASSES}: download it again")
    return {number: int(label) for number, label in enumerate(labels, start=1)}


def _class_name(label: int) -> str:
    return f"class_{label:05d}"


def _notes_on_images(there: int, listed: int, classes: int) -> tuple[str, ...]:
    notes = []
    absent = NUM_CLASSES - classes
    if absent:
        notes.append(f"{absent} of {NUM_CLASSES} classes have no image here and are left out.")
    if there < listed:
        notes.append(f"{listed - there} of {listed} images are not there and are left out.")
    return tuple(notes)

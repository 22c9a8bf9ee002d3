"""The archives that the authors published: features in place of pictures, captions as numbers.

The layout::

    root/ or root/cvpr2016_cub/ or root/cvpr2016_flowers/
        images/<class>.t7     N x 1024 x 10: ten views of each picture, the first to test on
        text_c10/<class>.t7   N x 201 x 10: character numbers, 0 past the end of a caption
        text_c10/<class>/<picture>.txt      the same captions as text
        vocab_c10.t7          word -> number
        manifest.txt          <class>.t7 a line; its line number is the class's id
        trainids.txt, trainvalids.txt       class ids
        trainclasses.txt, valclasses.txt, trainvalclasses.txt, testclasses.txt, allclasses.txt
"""

from pathlib import Path

import numpy as np
import torch

from dse.datasets.captions import notes_on_captions, read_captions
from dse.datasets.described_images import DescribedImages
from dse.datasets.splits import read_splits
from dse.errors import InputError, Problems
from dse.text.tokens import ALPHABET
from dse.torch7 import read_torch7

ARCHIVES = ("cvpr2016_cub", "cvpr2016_flowers")
IMAGE_ENCODER = "release"
"""What `DescribedImages.image_encoder` says of features that came with the archive."""


def read_release(root: Path | str) -> DescribedImages:
    """Read an archive of the authors, features included.

    Captions are those of the `.t7` files, number by number, as the authors trained on them. Where a
    class has none, its text files are read instead, in the order of their names: that this is the
    order of the features is an assumption.

    Args:
        root: the archive's folder, or the folder that holds one of `ARCHIVES`.

    Raises:
        InputError: what is missing or wrong, in which file.

    Source: the authors' README and `util/MultimodalMinibatchLoaderCaption.lua`. Chapter: 1.
    """
    folder = _archive_folder(Path(root))
    all_classes = _class_names(folder)
    class_names = [name for name in all_classes if (folder / "images" / f"{name}.t7").is_file()]
    problems, features, captions = Problems(), [], []
    for name in class_names:
        with problems.collected():
            own = _read_features(folder / "images" / f"{name}.t7", features)
            captions += _read_class_captions(folder / "text_c10", name, len(own))
            features.append(own)
    splits, split_notes, vocabulary = {}, (), None
    with problems.collected():
        splits, split_notes = read_splits(folder, all_classes, class_names)
    with problems.collected():
        if (folder / "vocab_c10.t7").is_file():
            vocabulary = read_vocabulary(folder / "vocab_c10.t7")
    problems.raise_if_any()
    absent = len(all_classes) - len(class_names)
    missing = (f"{absent} of {len(all_classes)} classes have no features and are left out.",)
    return DescribedImages(
        name="release",
        features=torch.cat(features),
        labels=torch.arange(len(features)).repeat_interleave(
            torch.tensor([len(own) for own in features])
        ),
        captions=captions,
        class_names=class_names,
        splits=splits,
        image_encoder=IMAGE_ENCODER,
        root=Path(root),
        vocabulary=vocabulary,
        notes=(*(missing if absent else ()), *notes_on_captions(captions), *split_notes),
    )


def read_vocabulary(path: Path) -> list[str]:
    """The authors' words, in the order of their numbers, which start from 1.

    Raises:
        InputError: the file is no table of words with the numbers 1 to V.
    """
    table = read_torch7(path)
    if not isinstance(table, dict) or sorted(table.values(), key=str) != sorted(
        map(float, range(1, len(table) + 1)), key=str
    ):
        raise InputError(f"{path} is no table of words with numbers from 1: unpack it again")
    return sorted(map(str, table), key=table.get)


def _archive_folder(root: Path) -> Path:
    """The folder with `images/*.t7`: the root itself, or the one archive below it."""
    found = [
        folder
        for folder in (root, *(root / name for name in ARCHIVES))
        if any((folder / "images").glob("*.t7"))
    ]
    if not found:
        raise InputError(
            f"{root} holds no images/<class>.t7, nor does {' or '.join(ARCHIVES)} in it: --root "
            "names the folder of the authors' archive"
        )
    if len(found) > 1:
        raise InputError(f"{root} holds {found[0].name} and {found[1].name}: name one as --root")
    return found[0]


def _class_names(folder: Path) -> list[str]:
    """All classes of the archive: by manifest.txt, else allclasses.txt, else the files there."""
    for name in ("manifest.txt", "allclasses.txt"):
        if (folder / name).is_file():
            return [line.removesuffix(".t7") for line in (folder / name).read_text().split()]
    return sorted(path.stem for path in (folder / "images").glob("*.t7"))


def _read_features(path: Path, others: list[torch.Tensor]) -> torch.Tensor:
    """float32 (N, views, D) from the file's (N, D, views)."""
    array = read_torch7(path)
    if not isinstance(array, np.ndarray) or array.ndim != 3 or not len(array):
        raise InputError(f"{path} is no tensor pictures x features x views: unpack it again")
    features = torch.from_numpy(np.array(array, np.float32)).transpose(1, 2).contiguous()
    if not torch.isfinite(features).all():
        raise InputError(f"{path} holds features that are no numbers: unpack it again")
    if others and features.shape[1:] != others[0].shape[1:]:
        raise InputError(
            f"{path} has {features.shape[2]} features in {features.shape[1]} views, the classes "
            f"before it {others[0].shape[2]} in {others[0].shape[1]}: unpack it again"
        )
    return features


def _read_class_captions(folder: Path, name: str, number: int) -> list[list[str]]:
    """The captions of a class's pictures."""
    path = folder / f"{name}.t7"
    if path.is_file():
        captions = _decode(path)
    else:
        path = folder / name
        captions = [read_captions(file) for file in sorted(path.glob("*.txt"))]
    if len(captions) != number:
        raise InputError(
            f"{path} has captions of {len(captions)} pictures, and there are features of {number}: "
            "unpack it again"
        )
    return captions


def _decode(path: Path) -> list[list[str]]:
    """Captions from character numbers, (N, 201, 10)."""
    numbers = read_torch7(path)
    if not isinstance(numbers, np.ndarray) or numbers.ndim != 3:
        raise InputError(f"{path} is no tensor pictures x characters x captions: unpack it again")
    if numbers.size and not 0 <= numbers.min() <= numbers.max() <= len(ALPHABET):
        raise InputError(f"{path} holds characters outside 0 to {len(ALPHABET)}: unpack it again")
    symbols = np.array(["\n", *ALPHABET])[np.array(numbers, np.int64).transpose(0, 2, 1)]
    captions = []
    for picture, own in enumerate(symbols):
        texts = ["".join(caption).partition("\n")[0] for caption in own]
        captions.append([text for text in texts if text.strip()])
        if not captions[-1]:
            raise InputError(f"{path} has no caption for picture {picture + 1}: unpack it again")
    return captions

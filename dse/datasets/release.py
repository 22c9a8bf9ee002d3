"""The archives that the authors published: features in place of images, captions as numbers.

The layout::

    root/cvpr2016_cub/ or root/cvpr2016_flowers/
        images/<class>.t7     N x 1024 x 10
        text_c10/<class>.t7   N x 201 x 10
        text_c10/<class>/<image>.txt
        vocab_c10.t7          word -> number
        manifest.txt
        trainids.txt  trainvalids.txt
        trainclasses.txt  valclasses.txt
        trainvalclasses.txt  testclasses.txt
        allclasses.txt

The root may also be the inner folder itself. Of each of N images there are ten views, the first to
test on, and ten captions: as character numbers, 0 past the end, and as text. A line of
`manifest.txt` names a <class>.t7, and its line number is the class's id.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from dse.datasets.captions import notes_on_captions, read_captions
from dse.datasets.described_images import DescribedImages
from dse.datasets.lists import read_list, refuse_odd_names
from dse.datasets.splits import read_splits
from dse.text.tokens import ALPHABET
from dse.utils.errors import InputError, Problems
from dse.utils.files import is_there
from dse.utils.torch7 import read_torch7

ARCHIVES = ("cvpr2016_cub", "cvpr2016_flowers")
IMAGE_ENCODER = "release"
"""What `DescribedImages.image_encoder` says of features that came with the archive."""

REMEDY = "unpack the archive again"
LARGEST_FEATURE = 1e6
"""In absolute value. GoogLeNet's are below 100; a flipped bit makes 1e19 of 1."""
MOST_WORDS = 100_000
"""Of a vocabulary; the authors' have some 6,000."""
LARGEST_VOCABULARY_FILE = 16_000_000

_SYMBOLS = np.frombuffer(f"\0{ALPHABET}".encode("ascii"), np.uint8)


def read_release(root: Path | str) -> DescribedImages:
    """Read an archive of the authors, features included.

    Captions are those of the `.t7` files, number by number, as the authors trained on them. Where a
    class has none, its text files are read instead, in the order of their names: that this is the
    order of the features is an assumption, and `notes` says so. Classes without features are left
    out; `notes` counts them. Splits are those of the class lists; where a list is missing, of
    `trainids.txt` and `trainvalids.txt`.

    Args:
        root: the archive's folder, or the folder that holds one of `ARCHIVES`.

    Returns:
        `features` float32 (N, 10, 1024); classes in the order of `manifest.txt`, else
        `allclasses.txt`, else of their names.

    Raises:
        InputError: what is missing or wrong, in which file.

    Source: the authors' README and `util/MultimodalMinibatchLoaderCaption.lua`. Chapter: 1.
    """
    folder = _archive_folder(Path(root))
    all_classes, source = _class_names(folder)
    there = set(_classes_there(folder))
    class_names = [name for name in all_classes if name in there]
    if not class_names:
        raise InputError(f"{folder / 'images'} holds no class that {source} lists: {REMEDY}")
    problems, features, captions = Problems(), {}, []
    for name in class_names:
        with problems.collected():
            own = _read_features(folder / "images" / f"{name}.t7", features)
            captions += _read_class_captions(folder / "text_c10", name, len(own), problems)
            features[name] = own
    splits, split_notes, vocabulary = {}, (), None
    with problems.collected():
        splits, split_notes = read_splits(folder, all_classes, class_names, source)
    with problems.collected():
        if is_there(folder / "vocab_c10.t7"):
            vocabulary = read_vocabulary(folder / "vocab_c10.t7")
    problems.raise_if_any()
    return DescribedImages(
        name="release",
        features=torch.cat(list(features.values())),
        labels=torch.arange(len(features)).repeat_interleave(
            torch.tensor([len(own) for own in features.values()])
        ),
        captions=captions,
        class_names=class_names,
        splits=splits,
        image_encoder=IMAGE_ENCODER,
        root=Path(root),
        vocabulary=vocabulary,
        notes=(
            *_notes_on_classes(folder, all_classes, class_names),
            *notes_on_captions(captions),
            *split_notes,
        ),
    )


def read_vocabulary(path: Path) -> list[str]:
    """The authors' words, in the order of their numbers: word i stands at i - 1.

    Raises:
        InputError: the file is not a table of words with the numbers 1 to V, each once.
    """
    table = read_torch7(path, LARGEST_VOCABULARY_FILE)
    is_table = isinstance(table, dict) and all(
        isinstance(word, str) and isinstance(number, float) for word, number in table.items()
    )
    if not is_table or sorted(table.values()) != list(range(1, len(table) + 1)):
        raise InputError(f"{path} is not a table of words with numbers from 1: unpack it again")
    if len(table) > MOST_WORDS:
        raise InputError(
            f"{path} holds {len(table):,} words; more than {MOST_WORDS:,} are no vocabulary of "
            "captions, and encoders of words would need gigabytes for them: unpack it again"
        )
    return sorted(table, key=table.get)


def _archive_folder(root: Path) -> Path:
    """The folder with `images/*.t7`: the root itself, or the one archive below it."""
    if _classes_there(root):
        return root
    found = [root / name for name in ARCHIVES if _classes_there(root / name)]
    if not found:
        raise InputError(
            f"{root} holds no images/<class>.t7, nor does {' or '.join(ARCHIVES)} in it: --root "
            "names the folder of the authors' archive"
        )
    if len(found) > 1:
        raise InputError(f"{root} holds {found[0].name} and {found[1].name}: name one as --root")
    return found[0]


def _classes_there(folder: Path) -> list[str]:
    return sorted(path.stem for path in (folder / "images").glob("*.t7"))


def _class_names(folder: Path) -> tuple[list[str], str]:
    """All classes of the archive, and where they come from: manifest.txt, else allclasses.txt, else
    the files that are there."""
    for path in (folder / "manifest.txt", folder / "allclasses.txt"):
        if is_there(path):
            words = [word for line in read_list(path, REMEDY) for word in line.split()]
            names = [word.removesuffix(".t7") for word in words]
            if len(set(names)) < len(names):
                raise InputError(f"{path} names a class twice: take one of the lines out")
            return names, path.name
    names = _classes_there(folder)
    refuse_odd_names(folder / "images", names)
    return names, "the files in images"


def _read_features(path: Path, others: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """float32 (N, views, D) from the file's (N, D, views)."""
    array = read_torch7(path)
    if not isinstance(array, np.ndarray) or array.ndim != 3:
        raise InputError(f"{path} is not a tensor images x features x views: unpack it again")
    features = torch.from_numpy(np.array(array)).float().transpose(1, 2).contiguous()
    if not (features.abs() <= LARGEST_FEATURE).all():  # not a number is refused, too
        raise InputError(
            f"{path} holds features that are not finite numbers, or beyond {LARGEST_FEATURE:,.0f}: "
            "unpack it again"
        )
    first, expected = next(iter(others.items()), (path.stem, features))
    if features.shape[1:] != expected.shape[1:]:
        raise InputError(
            f"{path} has {features.shape[2]} features in {features.shape[1]} views, {first}.t7 has "
            f"{expected.shape[2]} in {expected.shape[1]}: unpack both again"
        )
    return features


def _read_class_captions(
    folder: Path, name: str, number: int, problems: Problems
) -> list[list[str]]:
    """The captions of a class's images."""
    path = folder / f"{name}.t7"
    if is_there(path):
        captions = _decode(path)
        _refuse_other_number(path, len(captions), number)
        return captions
    files = sorted((folder / name).glob("*.txt"))
    if not files:
        raise InputError(
            f"{path} is missing, and there is no {name}/<image>.txt in its place: {REMEDY}"
        )
    _refuse_other_number(folder / name, len(files), number)
    captions = []
    for file in files:
        with problems.collected():
            captions.append(read_captions(file))
    return captions


def _refuse_other_number(path: Path, captions: int, images: int) -> None:
    if captions != images:
        raise InputError(
            f"{path} has captions of {captions} images, and there are features of {images}: "
            "unpack it again"
        )


def _decode(path: Path) -> list[list[str]]:
    """Captions from character numbers, (N, 201, 10): each ends before its first 0."""
    numbers = read_torch7(path)
    if not isinstance(numbers, np.ndarray) or numbers.ndim != 3:
        raise InputError(f"{path} is not a tensor images x characters x captions: unpack it again")
    in_range = 0 <= numbers.min() <= numbers.max() <= len(ALPHABET)
    if not in_range or (numbers != np.floor(numbers)).any():
        raise InputError(f"{path} holds characters outside 0 to {len(ALPHABET)}: unpack it again")
    symbols = _SYMBOLS[numbers.transpose(0, 2, 1).astype(np.int64)]
    captions = []
    for image, own in enumerate(symbols, start=1):
        texts = [caption.tobytes().partition(b"\0")[0].decode("ascii") for caption in own]
        captions.append([text for text in texts if text])
        if not captions[-1]:
            raise InputError(f"{path} has no caption for image {image}: unpack it again")
    return captions


def _notes_on_classes(
    folder: Path, all_classes: Sequence[str], class_names: Sequence[str]
) -> tuple[str, ...]:
    notes = []
    if len(class_names) < len(all_classes):
        absent = len(all_classes) - len(class_names)
        notes.append(f"{absent} of {len(all_classes)} classes have no features and are left out.")
    as_text = sum(not is_there(folder / "text_c10" / f"{name}.t7") for name in class_names)
    if as_text:
        notes.append(
            f"The captions of {as_text} classes come from text files, matched to the features in "
            "the order of the files' names."
        )
    return tuple(notes)

"""Small valid files of every format of data, and the way in which `dse` reads them."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
from joblib import parallel_config
from PIL import Image
from scipy.io import savemat

from dse.datasets import fieldguide as guide
from dse.datasets import read_dataset
from dse.datasets.captions import CaptionLines, CaptionTree
from dse.datasets.verification import verify_images
from dse.images.cache import cached_features
from dse.images.image_folder import read_image_folder
from dse.search.classes import read_classes
from dse.text.tokens import CharacterTokenizer
from faults.campaign import Reading
from mean_colour import mean_colour_encoder
from torch7_writer import torch7_bytes

BIRDS = ("001.Red_Bird", "002.Blue_Bird", "003.Green_Bird", "004.Grey_Bird", "005.Pink_Bird")
SPLITS = {"train": (0, 1), "val": (2,), "trainval": (0, 1, 2), "test": (3, 4)}


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def draw(path: Path, number: int, size: tuple[int, int] = (24, 16)) -> None:
    """A picture with an edge and some noise in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 90, (size[1], size[0], 3), np.uint8)
    pixels[:, size[0] // 2 :] += np.uint8(20 * number % 160)
    Image.fromarray(pixels).save(path)


def class_lists(folder: Path, names: tuple[str, ...]) -> None:
    for split, own in SPLITS.items():
        write(folder / f"{split}classes.txt", "".join(f"{names[c]}\n" for c in own))


# The data sets.


def cub(root: Path) -> None:
    birds, texts = root / "CUB_200_2011", root / "cvpr2016_cub"
    images, labels = "", ""
    for number in range(10):
        name, picture = BIRDS[number // 2], f"{BIRDS[number // 2]}/Bird_{number}"
        draw(birds / "images" / f"{picture}.jpg", number)
        write(texts / "text_c10" / f"{picture}.txt", f"this bird is {name[4:-5].lower()}.\n" * 10)
        images += f"{number + 1} {picture}.jpg\n"
        labels += f"{number + 1} {number // 2 + 1}\n"
    write(birds / "images.txt", images)
    write(birds / "image_class_labels.txt", labels)
    write(birds / "classes.txt", "".join(f"{c} {name}\n" for c, name in enumerate(BIRDS, 1)))
    attributes = "".join(f"{10 * c} 0.5 {c}.25\n" for c in range(1, 6))
    write(birds / "attributes/class_attribute_labels_continuous.txt", attributes)
    class_lists(texts, BIRDS)


FLOWERS = tuple(f"class_{label:05d}" for label in (1, 5, 30, 77, 102))


def flowers(root: Path, compressed: bool = True) -> None:
    texts, labels = root / "cvpr2016_flowers", []
    for number in range(1, 11):
        name = FLOWERS[(number - 1) // 2]
        labels.append(int(name[-5:]))
        draw(root / f"flowers-102/jpg/image_{number:05d}.jpg", number)
        write(texts / f"text_c10/{name}/image_{number:05d}.txt", "a flower with petals\n" * 10)
    savemat(
        root / "flowers-102/imagelabels.mat",
        {"labels": np.array([labels], np.uint8)},
        do_compression=compressed,
    )
    class_lists(texts, FLOWERS)


def release(root: Path) -> None:
    for c, name in enumerate(BIRDS):
        features = np.random.default_rng(c).standard_normal((2, 6, 10)).astype(np.float32)
        captions = [[f"a {name[4:8].lower()} bird, {i}-{k}" for k in range(10)] for i in range(2)]
        numbers = np.stack([CharacterTokenizer()(own).numpy().T for own in captions])
        write(root / f"images/{name}.t7", torch7_bytes(features))
        write(root / f"text_c10/{name}.t7", torch7_bytes(numbers))
    words = ["a", "bird", "red", "blue", "green", "grey", "pink"]
    write(root / "vocab_c10.t7", torch7_bytes({word: n for n, word in enumerate(words, 1)}))
    write(root / "manifest.txt", "".join(f"{name}.t7\n" for name in BIRDS))
    class_lists(root, BIRDS)


def release_with_ids(root: Path) -> None:
    release(root)
    for split in ("train", "trainval"):
        (root / f"{split}classes.txt").unlink()
        write(root / f"{split}ids.txt", "".join(f"{c + 1}\n" for c in SPLITS[split]))


def folder(root: Path) -> None:
    for number in range(10):
        name, suffix = BIRDS[number // 2], (".jpg", ".png", ".webp")[number % 3]
        draw(root / f"images/{name}/{number}{suffix}", number)
        write(root / f"images/{name}/{number}.txt", f"bird number {number}\nanother line\n")
    splits = {s: [BIRDS[c] for c in SPLITS[s]] for s in ("train", "val", "test")}
    write(root / "splits.json", json.dumps(splits, indent=1))


def reads(name: str) -> Callable[[Path], Reading]:
    """Read a data set as `dse train` does."""

    def read(root: Path) -> Reading:
        data = read_dataset(name, root)
        return Reading(data.fingerprint(), data.notes)

    return read


def looks_at_images(name: str) -> Callable[[Path], Reading]:
    """Read a data set, verify its images and extract their features."""

    def read(root: Path) -> Reading:
        data = read_dataset(name, root)
        notes = (*data.notes, *verify_images(data, progress=False))
        features = cached_features(
            data.image_paths, mean_colour_encoder(), device="cpu", progress=False
        )
        return Reading((data.fingerprint(), features.tolist()), notes)

    return read


# Images, features in the cache, captions and classes of one's own.


@contextmanager
def warnings_of_dse() -> Iterator[list[str]]:
    """The warnings that a command would show."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logger = logging.getLogger("dse")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


def pictures(root: Path) -> None:
    for number, suffix in enumerate((".jpg", ".png", ".webp", ".png")):
        draw(root / f"{number}{suffix}", number)


def searches_images(root: Path) -> Reading:
    with warnings_of_dse() as notes:
        images = read_image_folder(root, mean_colour_encoder(), device="cpu", progress=False)
    found = dict(zip(map(images.name, images.paths), images.features.tolist(), strict=True))
    return Reading(found, notes)


def with_cache(root: Path) -> None:
    """The images, and in `cache` what `dse` kept of them."""
    pictures(root / "photos")
    os.environ["DSE_CACHE"] = str(root / "cache")
    _features_of(root)


def with_shard(root: Path) -> None:
    """The same after a kill: what was extracted before it lies in a shard."""
    with_cache(root)
    (whole,) = (root / "cache/features").glob("*/features.safetensors")
    shard = whole.parent.with_suffix(".partial") / "0000000.safetensors"
    shard.parent.mkdir()
    whole.rename(shard)
    shutil.rmtree(whole.parent)


def _features_of(root: Path) -> list:
    paths = sorted((root / "photos").iterdir())
    whole = cached_features(paths, mean_colour_encoder(), device="cpu", progress=False)
    single = read_image_folder(root / "photos", mean_colour_encoder(), device="cpu", progress=False)
    return [whole.tolist(), single.features.tolist()]


def uses_cache(root: Path) -> Reading:
    os.environ["DSE_CACHE"] = str(root / "cache")
    with warnings_of_dse() as notes:
        return Reading(_features_of(root), notes)


@contextmanager
def small_guide() -> Iterator[None]:
    """A FieldGuide of four birds with two pictures each."""
    species = guide.guide_species()[:4]
    small = {"guide_species": lambda: species, "guide_splits": dict}
    with (
        patch.multiple(guide, **small, IMAGES_PER_SPECIES=range(2, 3)),
        parallel_config("sequential"),
    ):
        yield


def fieldguide(root: Path) -> None:
    os.environ["DSE_CACHE"] = str(root)
    with small_guide():
        guide.read_fieldguide()


def reads_fieldguide(root: Path) -> Reading:
    os.environ["DSE_CACHE"] = str(root)
    with small_guide():
        data = guide.read_fieldguide()
    features = cached_features(
        data.image_paths, mean_colour_encoder(), device="cpu", progress=False
    )
    return Reading((data.fingerprint(), features.tolist()), data.notes)


def own_captions(root: Path) -> None:
    write(root / "captions.txt", "a small red bird\n\na bird with a blue crown\nvögel\n")


def reads_own_captions(root: Path) -> Reading:
    return Reading(list(CaptionLines(root / "captions.txt")))


def caption_tree(root: Path) -> None:
    for c in range(3):
        write(root / f"text_c10/{c}/bird.txt", f"bird {c}\nanother\n")


def reads_caption_tree(root: Path) -> Reading:
    tree = CaptionTree(root / "text_c10", per_image=2)
    notes = (f"{tree.fewer} images have fewer", f"{tree.more} have more")  # as `dse embed` says
    return Reading((tree.images, list(tree)), notes)


CLASSES = {"wren": ["small and brown", "a short tail"], "jay": ["blue"], "tit": ["yellow belly"]}


def classes(root: Path) -> None:
    lines = [f"{name}: {text}\n" for name, texts in CLASSES.items() for text in texts]
    write(root / "classes.txt", "".join(lines))
    write(root / "classes.json", json.dumps(CLASSES, indent=1))


def reads_classes(name: str) -> Callable[[Path], Reading]:
    return lambda root: Reading(read_classes(root / name))

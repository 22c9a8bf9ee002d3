"""Small roots in the layouts of CUB and Flowers: coloured noise, captions that name a colour."""

from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

COLOURS = {"red": (200, 30, 30), "blue": (30, 60, 200), "green": (40, 160, 60), "grey": (120,) * 3}
PARTS = ("crown", "nape", "back", "breast", "belly", "wings", "bill")
CLASSES, IMAGES_PER_CLASS = 50, 3
SPLITS = {
    "train": range(1, 41),
    "val": range(41, 47),
    "trainval": range(1, 47),
    "test": range(47, 51),
}


def make_root(root: Path) -> Path:
    """A folder that both `cub` and `flowers` can be read from: 40 classes train, 6 val, 4 test."""
    _write_cub(root / "CUB_200_2011", root / "cvpr2016_cub")
    _write_flowers(root / "flowers-102", root / "cvpr2016_flowers")
    return root


def _write_cub(birds: Path, texts: Path) -> None:
    names = {c: f"{c:03d}.Bird_{c}" for c in range(1, CLASSES + 1)}
    files = [f"{names[c]}/Bird_{c}_{k}" for c in names for k in range(IMAGES_PER_CLASS)]
    for file in files:
        c = int(file[:3])
        _draw(birds / "images" / f"{file}.jpg", c)
        _describe(texts / "text_c10" / f"{file}.txt", c)
    numbered = list(enumerate(files, start=1))
    _write(birds / "images.txt", (f"{n} {file}.jpg" for n, file in numbered))
    _write(birds / "image_class_labels.txt", (f"{n} {int(file[:3])}" for n, file in numbered))
    _write(birds / "classes.txt", (f"{c} {name}" for c, name in names.items()))
    attributes = np.random.default_rng(0).uniform(0, 100, (CLASSES, 8)).round(1)
    table = birds / "attributes" / "class_attribute_labels_continuous.txt"
    _write(table, (" ".join(map(str, row)) for row in attributes))
    for split, classes in SPLITS.items():
        _write(texts / f"{split}classes.txt", (names[c] for c in classes))


def _write_flowers(flowers: Path, texts: Path) -> None:
    names = {c: f"class_{c:05d}" for c in range(1, CLASSES + 1)}
    labels = np.repeat(np.arange(1, CLASSES + 1, dtype=np.uint8), IMAGES_PER_CLASS)
    for n, c in enumerate(labels.tolist(), start=1):
        _draw(flowers / "jpg" / f"image_{n:05d}.jpg", c)
        _describe(texts / "text_c10" / names[c] / f"image_{n:05d}.txt", c)
    savemat(flowers / "imagelabels.mat", {"labels": labels[None]})
    for split, classes in SPLITS.items():
        _write(texts / f"{split}classes.txt", (names[c] for c in classes))


def _draw(path: Path, c: int) -> None:
    """A noisy image in the colour of its class, every third of them a little wider."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(str(path)) + c).integers(-25, 26, (60, 60 + 20 * (c % 3), 3))
    pixels = np.clip(noise + [*COLOURS.values()][c % len(COLOURS)], 0, 255)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def _describe(path: Path, c: int) -> None:
    """Ten captions: the class's colour, at parts that change from one to the next."""
    colour = [*COLOURS][c % len(COLOURS)]
    _write(path, (f"this one has a {colour} {PARTS[(c + k) % len(PARTS)]}." for k in range(10)))


def _write(path: Path, lines) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

"""Make a folder of images and captions as a person would have it, to try `dse` on.

    python scripts/example_folder.py photos

40 species of FieldGuide, one of each pair, with ten images of each and five captions an image; and
new pictures, without captions, of eight species that are not among them:

    photos/images/<species>/<number>.jpg
    photos/images/<species>/<number>.txt
    photos/new/<species> <number>.jpg
"""

import argparse
from pathlib import Path

from PIL import Image

import dse
from dse.datasets.described_images import DescribedImages

SPECIES, IMAGES, CAPTIONS = 40, 10, 5
NEW_SPECIES, NEW_IMAGES = 8, 6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="DIR", help="a new folder")
    make_folder(parser.parse_args().out)


def make_folder(out: Path) -> None:
    """Write all files into a new folder."""
    guide = dse.read_dataset("fieldguide")
    for c in range(0, 2 * SPECIES, 2):  # one of each pair
        folder = out / "images" / _name(guide, c)
        folder.mkdir(parents=True)
        for number, i in enumerate(_images(guide, c)[:IMAGES], start=1):
            _save_jpeg(guide.image_paths[i], folder / f"{number:02d}.jpg")
            lines = "".join(f"{caption}\n" for caption in guide.captions[i][:CAPTIONS])
            (folder / f"{number:02d}.txt").write_text(lines, encoding="utf-8")
    (out / "new").mkdir()
    for c in range(2 * SPECIES, 2 * (SPECIES + NEW_SPECIES), 2):
        for number, i in enumerate(_images(guide, c)[:NEW_IMAGES], start=1):
            _save_jpeg(guide.image_paths[i], out / "new" / f"{_name(guide, c)} {number}.jpg")


def _name(guide: DescribedImages, c: int) -> str:
    return guide.class_names[c].removeprefix("eastern ")


def _images(guide: DescribedImages, c: int) -> list[int]:
    return (guide.labels == c).nonzero().flatten().tolist()


def _save_jpeg(drawing: Path, path: Path) -> None:
    Image.open(drawing).convert("RGB").save(path, quality=90)


if __name__ == "__main__":
    main()

"""Make a folder of images and captions as a person would have it, to try `dse` on.

    python scripts/example_folder.py photos

24 species of FieldGuide, one of each pair, with twelve images of each and five captions an image:

    photos/images/<species>/<number>.jpg
    photos/images/<species>/<number>.txt
"""

import argparse
from pathlib import Path

from PIL import Image

import dse

SPECIES, IMAGES, CAPTIONS = 24, 12, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, metavar="DIR", help="a new folder")
    make_folder(parser.parse_args().out)


def make_folder(out: Path) -> None:
    guide = dse.read_dataset("fieldguide")
    for c, name in enumerate(guide.class_names[: 2 * SPECIES : 2]):  # one of each pair
        folder = out / "images" / name.removeprefix("eastern ")
        folder.mkdir(parents=True)
        own = (guide.labels == 2 * c).nonzero().flatten().tolist()
        for number, i in enumerate(own[:IMAGES], start=1):
            image = Image.open(guide.image_paths[i]).convert("RGB")
            image.save(folder / f"{number:02d}.jpg", quality=90)
            lines = "".join(f"{caption}\n" for caption in guide.captions[i][:CAPTIONS])
            (folder / f"{number:02d}.txt").write_text(lines, encoding="utf-8")


if __name__ == "__main__":
    main()

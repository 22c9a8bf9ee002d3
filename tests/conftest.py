"""Shared pieces of the tests: caches of their own, and a small CUB drawn on the spot."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from PIL import Image

from browser import Browser
from dse.text import TEXT_ENCODERS, register_text_encoder
from own_encoder import OwnEncoder

settings.register_profile("dse", deadline=None)  # no clock decides whether a test passes
settings.load_profile("dse")

CLASSES = ("001.Red_Bird", "002.Blue_Bird", "003.Green_Bird", "004.Absent_Bird", "005.Grey_Bird")
COLOURS = {"Red": (200, 30, 30), "Blue": (30, 60, 200), "Green": (40, 160, 60), "Grey": (120,) * 3}


@pytest.fixture
def own_cache(tmp_path, monkeypatch) -> Path:
    """An empty cache folder for one test."""
    monkeypatch.setenv("DSE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def own_encoder() -> Iterator[str]:
    """The name of a text encoder that was registered from outside `dse`."""
    register_text_encoder("own", OwnEncoder, needs=["vocabulary"])
    yield "own"
    del TEXT_ENCODERS["own"]


@pytest.fixture
def tiny_cub(tmp_path) -> Path:
    """A root with CUB's layout: five classes, one of them without an image, two images each."""
    root = tmp_path / "data"
    birds, texts = root / "CUB_200_2011", root / "cvpr2016_cub"
    images, labels = [], []
    for c, name in enumerate(CLASSES, start=1):
        colour = name[4:].split("_")[0]
        for k in (1, 2):
            number = len(images) + 1
            images.append(f"{number} {name}/{name[4:]}_{k}.jpg")
            labels.append(f"{number} {c}")
            caption = texts / "text_c10" / name / f"{name[4:]}_{k}.txt"
            caption.parent.mkdir(parents=True, exist_ok=True)
            caption.write_text(f"this bird is {colour.lower()}.\n" * 10)
            if colour in COLOURS:
                image = birds / "images" / name / f"{name[4:]}_{k}.jpg"
                image.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (40, 30), COLOURS[colour]).save(image)
    (birds / "images.txt").write_text("\n".join(images) + "\n")
    (birds / "image_class_labels.txt").write_text("\n".join(labels) + "\n")
    (birds / "classes.txt").write_text(
        "".join(f"{c} {name}\n" for c, name in enumerate(CLASSES, start=1))
    )
    (birds / "attributes").mkdir()
    (birds / "attributes" / "class_attribute_labels_continuous.txt").write_text(
        "".join(f"{10 * c} 0 50\n" for c in range(1, 6))
    )
    (texts / "trainvalclasses.txt").write_text("\n".join((*CLASSES[:2], *CLASSES[3:])))
    (texts / "testclasses.txt").write_text(CLASSES[2] + "\n")
    return root


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A headless Chromium; modules that use it are skipped where there is none."""
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def real_root() -> Path:
    """The folder of real data, for tests that want it."""
    root = os.environ.get("DSE_ROOT")
    if not root:
        pytest.skip("set DSE_ROOT to a folder with CUB_200_2011 and cvpr2016_cub to run this")
    return Path(root)

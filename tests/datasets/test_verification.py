"""The check of every image: those in trainval and in test, and all that cannot be read."""

import os
from dataclasses import replace

import pytest
import torch
from PIL import Image

from dse.datasets.described_images import DescribedImages
from dse.datasets.verification import verify_images
from dse.utils.errors import InputError

SPLITS = {"train": [0], "val": [1], "trainval": [0, 1], "test": [2]}
TRAIN, VAL, TEST, NO_SPLIT = range(4)


@pytest.fixture
def data(tmp_path, own_cache):
    """Two different images of each of four classes; class 3 is in no split."""
    paths = []
    for i in range(8):
        paths.append(tmp_path / f"{i}.png")
        Image.new("RGB", (6, 5), (30 * i, 200, 7)).save(paths[i])
    return DescribedImages(
        name="toy",
        features=None,
        labels=torch.arange(4).repeat_interleave(2),
        captions=[["a bird"]] * 8,
        class_names=["train", "val", "test", "none"],
        splits={split: torch.tensor(classes) for split, classes in SPLITS.items()},
        image_paths=paths,
    )


def copy(data, one, other):
    """Make the first image of class `other` the second one of class `one`."""
    source, target = data.image_paths[2 * one + 1], data.image_paths[2 * other]
    target.write_bytes(source.read_bytes())
    return source, target


def test_different_images_are_no_note(data):
    assert verify_images(data, progress=False) == ()


@pytest.mark.parametrize("one", [TRAIN, VAL])
def test_an_image_in_trainval_and_in_test_is_named_twice(data, one):
    source, target = copy(data, one, TEST)
    (note,) = verify_images(data, progress=False)
    assert note.startswith("images in trainval and in test: 1,")
    assert f"{source} and {target}" in note


def test_a_copy_counts_even_if_size_and_time_do_not_change(data):
    assert verify_images(data, progress=False) == ()
    before = data.image_paths[2 * TEST].stat()
    _, target = copy(data, TRAIN, TEST)
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))  # as `cp -p` would
    assert target.stat().st_size == before.st_size
    assert len(verify_images(data, progress=False)) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [(TRAIN, VAL), (TRAIN, NO_SPLIT), (VAL, NO_SPLIT), (TEST, NO_SPLIT)],
)
def test_other_copies_do_not_leak_into_the_test(data, one, other):
    copy(data, one, other)
    assert verify_images(data, progress=False) == ()


@pytest.mark.parametrize("own", [TRAIN, TEST])
def test_a_copy_within_a_class_does_not_leak_either(data, own):
    data.image_paths[2 * own].write_bytes(data.image_paths[2 * own + 1].read_bytes())
    assert verify_images(data, progress=False) == ()


def test_every_image_that_leaks_is_counted(data):
    copy(data, TRAIN, TEST)
    data.image_paths[5].write_bytes(data.image_paths[3].read_bytes())
    (note,) = verify_images(data, progress=False)
    assert note.startswith("images in trainval and in test: 2,")


def test_a_leak_is_seen_past_a_copy_in_no_split(data):
    classes = data.splits | {
        "trainval": torch.tensor([VAL, NO_SPLIT]),
        "test": torch.tensor([TEST]),
    }
    unused_first = replace(data, splits=classes)  # class TRAIN, the first, is now in no split
    copy(data, TRAIN, TEST)
    data.image_paths[2 * NO_SPLIT].write_bytes(data.image_paths[2 * TEST].read_bytes())
    (note,) = verify_images(unused_first, progress=False)
    assert note.startswith("images in trainval and in test: 1,")


def test_all_images_that_cannot_be_read_are_told_at_once(data):
    cut, empty, missing = (data.image_paths[i] for i in (1, 4, 6))
    cut.write_bytes(cut.read_bytes()[:40])
    empty.write_bytes(b"")
    missing.unlink()
    with pytest.raises(InputError, match="and 2 more problems") as error:
        verify_images(data, progress=False)
    told = zip(error.value.problems, (cut, empty, missing), strict=True)
    assert all(line.startswith(str(path)) for line, path in told)
    assert "is missing" in error.value.problems[2]


def test_features_without_images_have_nothing_to_verify():
    alone = DescribedImages("toy", None, torch.tensor([0]), [["a"]], ["one"], {})
    assert verify_images(alone) == ()

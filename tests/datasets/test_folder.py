"""A folder of one's own: captions beside or mirrored, splits given or made, every slip named."""

import errno
import json
import os
from random import Random

import pytest
from PIL import Image

from dse.cli import main
from dse.datasets import read_dataset
from dse.datasets.folder import read_folder
from dse.utils.errors import InputError
from faults.corruptions import NO_FILE, PLACE

CLASSES = ("Blaumeise", "Gr\u00fcnfink mit Haube", "rotkehlchen", "sperling", "zaunk\u00f6nig")


@pytest.fixture(params=["beside", "mirrored"])
def photos(tmp_path, request):
    root = tmp_path / "my photos"
    for c, name in enumerate(CLASSES):
        for k, suffix in enumerate(("jpg", "PNG", "webp")):
            image = root / "images" / name / f"pic {k}.{suffix}"
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (50 * c, 200, 40 * k)).save(image)
            captions = image.with_suffix(".txt")
            if request.param == "mirrored":
                captions = root / "captions" / name / captions.name
            captions.parent.mkdir(parents=True, exist_ok=True)
            captions.write_text(f"bird number {c}\nanother line\n"[: 14 if k else None])
    return root


def test_reads_images_captions_and_makes_a_split_that_stays(photos):
    data = read_folder(photos)
    assert data.class_names == sorted(CLASSES)
    assert data.labels.tolist() == [c for c in range(5) for _ in range(3)]
    assert data.captions[0] == ["bird number 0", "another line"]
    assert data.captions[1] == ["bird number 0"]
    assert [len(data.splits[s]) for s in ("train", "val", "test", "trainval")] == [3, 1, 1, 4]
    assert "splits.json was made" in data.notes[0]
    assert set(json.loads((photos / "splits.json").read_text())) == {"train", "val", "test"}
    again = read_folder(photos)
    assert again.notes == ()
    assert all(again.splits[s].tolist() == data.splits[s].tolist() for s in data.splits)


def test_what_is_hidden_is_no_class(photos):
    hidden = photos / "images" / ".ipynb_checkpoints" / "pic 0-checkpoint.png"
    hidden.parent.mkdir()
    Image.new("RGB", (4, 3)).save(hidden)
    assert read_folder(photos).class_names == sorted(CLASSES)


def test_a_split_that_is_given_is_used_and_other_classes_are_said(photos):
    names = {"train": ["sperling", "Blaumeise"], "val": ["rotkehlchen"], "test": [CLASSES[1]]}
    (photos / "splits.json").write_text(json.dumps(names))
    data = read_folder(photos)
    index = data.class_names.index
    assert data.splits["test"].tolist() == [index(CLASSES[1])]
    assert data.splits["trainval"].tolist() == sorted(
        index(name) for name in ("sperling", "Blaumeise", "rotkehlchen")
    )
    assert data.notes == ("1 of 5 classes are in no split of splits.json.",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"splits\.json is not JSON"),
        ("[]", "three lists of class names"),
        ("[" * 100_000 + "]" * 100_000, r"splits\.json is not JSON"),
        ('{"train": ' + "9" * 5000 + "}", r"splits\.json is not JSON"),
        ('{"train": [], "val": [], "test": [], "train": ["sperling"]}', "a key twice"),
        (b'{"train": ["\xff"], "val": [], "test": []}', r"splits\.json, line 1"),
        ('{"train": [], "val": []}', "three lists of class names"),
        ('{"train": [1], "val": [], "test": []}', "three lists of class names"),
        ('{"train": ["elster"], "val": [], "test": []}', "names 'elster', which has no image"),
        (
            '{"train": ["sperling"], "val": [], "test": ["sperling"]}',
            "names 'sperling' in train and in test",
        ),
    ],
)
def test_a_wrong_split_is_named(photos, content, message):
    content = content if isinstance(content, bytes) else content.encode()
    (photos / "splits.json").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_folder(photos)


def test_a_folder_that_cannot_be_written_is_divided_in_the_same_way(photos, monkeypatch):
    def fail(*_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with monkeypatch.context() as read_only:
        read_only.setattr(os, "replace", fail)
        data = read_folder(photos)
    assert data.notes == ("splits.json could not be written; the classes are divided with seed 0.",)
    assert not (photos / "splits.json").exists()
    written = read_folder(photos).splits
    assert all(data.splits[split].tolist() == written[split].tolist() for split in written)


@pytest.mark.parametrize("instead", NO_FILE)
def test_a_split_that_cannot_be_read_is_not_made_anew(photos, instead):
    read_folder(photos)
    PLACE[instead](photos / "splits.json", Random(0))
    with pytest.raises(InputError, match=r"splits\.json"):
        read_folder(photos)


@pytest.mark.parametrize("instead", NO_FILE)
def test_captions_beside_an_image_that_cannot_be_read_are_not_looked_for_elsewhere(photos, instead):
    read_folder(photos)
    beside = photos / "images" / "sperling" / "pic 0.txt"
    beside.touch()
    PLACE[instead](beside, Random(0))
    with pytest.raises(InputError, match=r"images/sperling/pic 0\.txt"):
        read_folder(photos)


@pytest.mark.parametrize("name", [b"caf\xe9", b"line\nbreak", b"\x1b[2J"])
def test_a_class_whose_name_is_no_text_is_named(photos, name):
    read_folder(photos)
    os.rename(photos / "images" / "sperling", os.path.join(os.fsencode(photos / "images"), name))
    with pytest.raises(InputError, match="rename it") as error:
        read_folder(photos)
    assert str(error.value).isprintable()


def test_dse_data_lists_every_problem_and_other_calls_the_first(photos, own_cache, capsys):
    captions = sorted(photos.glob("**/*.txt"))
    captions[0].unlink()
    captions[1].write_text("\n \n")
    (photos / "splits.json").write_text("{")
    assert main(["data", "folder", "--root", str(photos)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "is missing" in lines[0]
    assert "holds no caption" in lines[1]
    assert "is not JSON" in lines[2]
    with pytest.raises(InputError, match=r"is missing.*and 2 more problems") as error:
        read_dataset("folder", photos)
    assert "\n" not in str(error.value)


def test_dse_data_lists_every_image_that_cannot_be_read(photos, own_cache, capsys):
    images = sorted(photos.glob("images/*/*.webp"))
    images[0].write_bytes(images[0].read_bytes()[:20])
    images[1].write_bytes(b"")
    assert main(["data", "folder", "--root", str(photos)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [str(p) in line for p, line in zip(images[:2], lines, strict=True)] == [True, True]


def test_dse_data_says_which_images_are_in_two_splits(photos, own_cache, capsys):
    names = {"train": list(CLASSES[:2]), "val": [CLASSES[2]], "test": list(CLASSES[3:])}
    (photos / "splits.json").write_text(json.dumps(names))
    (one,) = photos.glob(f"images/{CLASSES[0]}/*.jpg")
    (other,) = photos.glob(f"images/{CLASSES[4]}/*.jpg")
    other.write_bytes(one.read_bytes())
    assert main(["data", "folder", "--root", str(photos)]) == 0
    assert "images in trainval and in test: 1," in capsys.readouterr().out


def test_the_whole_way_through_the_commands(photos, own_cache, tmp_path, capsys):
    run = str(tmp_path / "run")
    root = ["--root", str(photos), "--image-encoder", "fieldguide"]
    assert main(["features", "folder", *root, "--views", "10"]) == 0
    training = ["--text-encoder", "char-cnn-rnn", "--steps", "2", "--batch-size", "3"]
    assert main(["train", "folder", *root, *training, "--out", run]) == 0
    assert main(["evaluate", run]) == 0
    assert "test: 1 classes, 3 images" in capsys.readouterr().out


@pytest.mark.parametrize("classes", [1, 2])
def test_too_few_classes_for_a_split(photos, classes):
    for name in CLASSES[classes:]:
        for path in (photos / "images" / name).iterdir():
            path.unlink()
    with pytest.raises(InputError, match=rf"has {classes} class(es)?: a zero-shot split needs 3"):
        read_folder(photos)


def test_two_images_cannot_share_captions(photos):
    (image,) = photos.glob("images/sperling/*.jpg")
    image.with_suffix(".jpeg").write_bytes(image.read_bytes())
    with pytest.raises(InputError, match="share one caption file"):
        read_folder(photos)


def test_no_images_at_all(tmp_path):
    with pytest.raises(InputError, match="has no folder images"):
        read_folder(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(InputError, match="holds no image"):
        read_folder(tmp_path)


def test_any_number_of_captions_and_a_class_with_one_image(photos, own_cache, tmp_path):
    for path in sorted((photos / "images/sperling").iterdir())[2:]:
        if path.suffix != ".txt":
            path.unlink()
    (image,) = photos.glob("images/rotkehlchen/*.jpg")
    captions = image.with_suffix(".txt")
    if not captions.is_file():
        captions = photos / "captions/rotkehlchen" / captions.name
    captions.write_text("".join(f"line {i}\n" for i in range(37)))
    data = read_folder(photos)
    assert sorted({len(own) for own in data.captions}) == [1, 2, 37]
    run = str(tmp_path / "run")
    options = ["--image-encoder", "fieldguide", "--text-encoder", "bag-of-words", "--steps", "20"]
    root = ["--root", str(photos), "--batch-size", "4"]
    assert main(["train", "folder", *root, *options, "--out", run]) == 0
    assert main(["evaluate", run]) == 0

"""The Flowers reader on a small tree of torchvision's layout, with images drawn here."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from dse.cli import main
from dse.datasets import read_dataset
from dse.datasets.flowers import LARGEST_FILE, read_flowers
from dse.utils.errors import InputError

MAT = "flowers-102/imagelabels.mat"
LABELS = [77, 77, 1, 1, 5, 5, 102, 102, 30, 30]
COLOURS = {77: "red", 1: "yellow", 5: "blue", 102: "white", 30: "orange"}
SPLITS = {"trainval": (77, 5, 102, 30), "test": (1,), "train": (77, 5, 30), "val": (102,)}


@pytest.fixture
def flowers(tmp_path):
    root = tmp_path / "data"
    images, texts = root / "flowers-102/jpg", root / "cvpr2016_flowers"
    images.mkdir(parents=True)
    savemat(root / "flowers-102/imagelabels.mat", {"labels": np.array([LABELS], np.uint8)})
    for number, label in enumerate(LABELS, start=1):
        Image.new("RGB", (50, 40), COLOURS[label]).save(images / f"image_{number:05d}.jpg")
        captions = texts / f"text_c10/class_{label:05d}/image_{number:05d}.txt"
        captions.parent.mkdir(parents=True, exist_ok=True)
        captions.write_text(f"a flower with {COLOURS[label]} petals\n" * 10)
    for split, labels in SPLITS.items():
        names = "".join(f"class_{label:05d}\n" for label in labels)
        (texts / f"{split}classes.txt").write_text(names)
    return root


def test_reads_labels_captions_and_the_class_split(flowers):
    data = read_flowers(flowers)
    assert data.class_names == [f"class_{k:05d}" for k in (1, 5, 30, 77, 102)]
    assert data.labels.tolist() == [3, 3, 0, 0, 1, 1, 4, 4, 2, 2]
    assert data.captions[2] == ["a flower with yellow petals"] * 10
    assert {split: classes.tolist() for split, classes in data.splits.items()} == {
        "trainval": [1, 2, 3, 4],
        "test": [0],
        "train": [1, 2, 3],
        "val": [4],
    }
    assert data.notes == ("97 of 102 classes have no image here and are left out.",)
    assert data.image_paths[9].name == "image_00010.jpg"


def test_an_image_that_is_not_there_is_left_out_and_counted(flowers):
    (flowers / "flowers-102/jpg/image_00003.jpg").unlink()
    data = read_flowers(flowers)
    assert len(data.labels) == 9
    assert "1 of 10 images are not there and are left out." in data.notes


def test_the_whole_way_through_the_commands(flowers, own_cache, tmp_path, capsys):
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra [efficientnet] is missing")
    run, root = str(tmp_path / "run"), ["--root", str(flowers)]
    encoder = ["--image-encoder", "efficientnet-lite0"]
    assert main(["data", "flowers", *root]) == 0
    assert main(["features", "flowers", *root, *encoder, "--views", "10", "--float16"]) == 0
    assert "10 images, 10 views, 1280 features, float16" in capsys.readouterr().out
    training = ["--text-encoder", "bag-of-words", "--steps", "3", "--batch-size", "4"]
    features = [*encoder, "--views", "10", "--float16"]
    assert main(["train", "flowers", *root, *features, *training, "--out", run]) == 0
    assert main(["evaluate", run]) == 0
    printed = capsys.readouterr().out
    assert "test: 1 classes, 2 images" in printed
    assert "unknown words" in printed
    assert "yellow" in printed


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda r: (r / "flowers-102").rename(r / "flowers"), "no folder flowers-102"),
        (lambda r: (r / "flowers-102/imagelabels.mat").unlink(), r"imagelabels\.mat is missing"),
        (
            lambda r: (r / "flowers-102/imagelabels.mat").write_bytes(b"<html>not here</html>"),
            r"imagelabels\.mat is not the published table",
        ),
        (
            lambda r: savemat(r / "flowers-102/imagelabels.mat", {"labels": [[0, 300]]}),
            "labels outside 1 to 102",
        ),
        *(
            (
                lambda r, labels=labels: savemat(r / MAT, {"labels": labels}),
                r"imagelabels\.mat",
            )
            for labels in ([[1.5]], [[np.nan]], [[1 + 1j]], "labels", [[]], {"a": 1}, [[1e30]])
        ),
        (lambda r: savemat(r / MAT, {"label": [[1]]}), r"imagelabels\.mat"),
        (lambda r: (r / MAT).write_bytes(bytes(2_000_000)), r"imagelabels\.mat has more than"),
        (
            lambda r: (r / "cvpr2016_flowers/text_c10/class_00005/image_00005.txt").unlink(),
            r"image_00005\.txt is missing",
        ),
        (
            lambda r: (r / "cvpr2016_flowers/testclasses.txt").write_text("class_00103\n"),
            "unknown class 'class_00103'",
        ),
        (
            lambda r: (r / "cvpr2016_flowers/testclasses.txt").write_text("class_00077\n"),
            "both name class_00077",
        ),
        (
            lambda r: (r / "cvpr2016_flowers/valclasses.txt").write_text("class_00077\n"),
            "both name class_00077",
        ),
        (
            lambda r: [p.unlink() for p in (r / "flowers-102/jpg").iterdir()],
            r"holds no image_NNNNN\.jpg",
        ),
    ],
)
def test_what_is_wrong_is_said_in_one_line(flowers, break_it, message):
    break_it(flowers)
    with pytest.raises(InputError, match=message) as error:
        read_dataset("flowers", flowers)
    assert "\n" not in str(error.value)


def test_what_unpacks_to_hundreds_of_millions_of_labels_is_refused_by_its_size(flowers):
    ones = np.ones((1, 200_000_000), np.uint8)
    savemat(flowers / MAT, {"labels": ones}, do_compression=True)
    assert LARGEST_FILE < (flowers / MAT).stat().st_size < 2 * LARGEST_FILE
    with pytest.raises(InputError, match=r"imagelabels\.mat has more than"):
        read_flowers(flowers)


def test_more_labels_than_any_data_set_has_are_refused(flowers, monkeypatch):
    monkeypatch.setattr("dse.datasets.flowers.LARGEST_NUMBER", len(LABELS) - 1)
    with pytest.raises(InputError, match=r"imagelabels\.mat"):
        read_flowers(flowers)


@pytest.mark.parametrize("compressed", [False, True])
def test_labels_are_read_in_each_form_of_the_file(flowers, compressed):
    expected = read_flowers(flowers).labels
    for dtype in (np.uint8, np.int32, np.float64):
        labels = np.array([LABELS], dtype)
        savemat(flowers / MAT, {"labels": labels, "more": "text"}, do_compression=compressed)
        assert read_flowers(flowers).labels.equal(expected)


def test_all_captions_of_the_real_data_are_found(real_root):
    """The real captions and labels fit together, image by image (photographs or not)."""
    if not (real_root / "flowers-102/imagelabels.mat").is_file():
        pytest.skip(f"{real_root} has no flowers-102")
    from dse.datasets.flowers import _class_name, _read_labels

    labels = _read_labels(real_root / "flowers-102/imagelabels.mat")
    assert len(labels) == 8189
    texts = real_root / "cvpr2016_flowers/text_c10"
    assert all(
        (texts / _class_name(label) / f"image_{number:05d}.txt").is_file()
        for number, label in labels.items()
    )

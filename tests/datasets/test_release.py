"""The authors' archives, written here in their layout: features, captions, splits, faults."""

import numpy as np
import pytest
import torch

from dse.cli import main
from dse.datasets import load_dataset
from dse.datasets.described_images import DescribedImages
from dse.datasets.release import read_release, read_vocabulary
from dse.errors import InputError
from dse.text.tokens import CHARACTER_LENGTH, CharacterTokenizer
from dse.training import TrainingConfig, train

from torch7_writer import Function, torch7_bytes  # isort: skip

CLASSES = ("004.Grey_Wren", "001.Red_Finch", "003.Green_Tit", "002.Blue_Gull", "005.Absent")
SPLITS = {
    "trainval": (*CLASSES[:3], CLASSES[4]),
    "test": CLASSES[3:4],
    "train": CLASSES[:2],
    "val": CLASSES[2:3],
}
DIM, VIEWS, CAPTIONS = 6, 10, 10


def world():
    """Features (N, 10, 6) and captions of each class that has some."""
    random = np.random.default_rng(0)
    classes = {}
    for number, name in enumerate(CLASSES[:4], start=2):  # classes differ in their pictures
        colour, kind = name[4:].lower().split("_")
        features = random.standard_normal((number, VIEWS, DIM)).astype(np.float32)
        captions = [
            [f"a {colour} {kind}, number {i}-{k}; it's small." for k in range(CAPTIONS)]
            for i in range(number)
        ]
        classes[name] = (features, captions)
    return classes


def write_archive(folder, layout="t7"):
    (folder / "images").mkdir(parents=True)
    (folder / "text_c10").mkdir()
    for name, (features, captions) in world().items():
        views_last = np.ascontiguousarray(features.transpose(0, 2, 1))
        (folder / "images" / f"{name}.t7").write_bytes(torch7_bytes(views_last))
        if layout == "t7":
            numbers = np.zeros((len(captions), CHARACTER_LENGTH, CAPTIONS), np.uint8)
            for i, own in enumerate(captions):
                numbers[i] = CharacterTokenizer()(own).numpy().T
            (folder / "text_c10" / f"{name}.t7").write_bytes(torch7_bytes(numbers))
        else:
            (folder / "text_c10" / name).mkdir()
            for i, own in enumerate(captions):
                text = folder / "text_c10" / name / f"picture_{i}.txt"
                text.write_text("\n".join(own) + "\n")
    (folder / "manifest.txt").write_text("".join(f"{name}.t7\n" for name in CLASSES))
    for split, names in SPLITS.items():
        (folder / f"{split}classes.txt").write_text("\n".join(names))
    return folder


@pytest.fixture
def archive(tmp_path):
    return write_archive(tmp_path / "data" / "cvpr2016_cub")


def test_reads_features_views_first_captions_and_splits(archive):
    data = read_release(archive)
    assert data.class_names == list(CLASSES[:4])
    assert data.labels.tolist() == [0] * 2 + [1] * 3 + [2] * 4 + [3] * 5
    features, captions = zip(*world().values(), strict=True)
    assert torch.equal(data.features, torch.from_numpy(np.concatenate(features)))
    assert data.captions == [own for of_class in captions for own in of_class]
    assert {split: classes.tolist() for split, classes in data.splits.items()} == {
        "trainval": [0, 1, 2],
        "test": [3],
        "train": [0, 1],
        "val": [2],
    }
    assert data.notes == ("1 of 5 classes have no features and are left out.",)
    assert torch.equal(data.whole_pictures(), data.features[:, 0])


def test_the_root_may_be_the_folder_above(archive):
    assert len(read_release(archive.parent).labels) == 14
    write_archive(archive.parent / "cvpr2016_flowers")
    with pytest.raises(InputError, match="holds cvpr2016_cub and cvpr2016_flowers"):
        read_release(archive.parent)


def test_both_layouts_and_the_arrays_themselves_give_one_run_bit_for_bit(archive, tmp_path):
    features, captions = zip(*world().values(), strict=True)
    by_hand = DescribedImages(
        name="by hand",
        features=torch.from_numpy(np.concatenate(features)),
        labels=torch.tensor([0] * 2 + [1] * 3 + [2] * 4 + [3] * 5),
        captions=[own for of_class in captions for own in of_class],
        class_names=list(CLASSES[:4]),
        splits={"trainval": torch.tensor([0, 1, 2]), "test": torch.tensor([3])},
    )
    as_text = read_release(write_archive(tmp_path / "text", layout="txt"))
    config = TrainingConfig("char-cnn-rnn", steps=3, batch_size=3)
    runs = [train(d, config, progress=False) for d in (read_release(archive), as_text, by_hand)]
    states = [run.encoder.state_dict() for run in runs]
    for name, values in states[0].items():
        assert torch.equal(values, states[1][name])
        assert torch.equal(values, states[2][name])


def test_the_authors_vocabulary_is_used_by_encoders_of_words(archive):
    own = ["it's", "a", "small", "red", "finch"]
    table = {word: number for number, word in enumerate(own, start=1)}
    (archive / "vocab_c10.t7").write_bytes(torch7_bytes(table))
    data = read_release(archive)
    assert data.vocabulary == own
    run = train(data, TrainingConfig("bag-of-words", steps=2, batch_size=3), progress=False)
    assert run.encoder.tokenizer.vocabulary == own


@pytest.mark.parametrize("table", [{"a": 1, "b": 1}, {"a": 0}, {"a": 1, "b": 3}, {"a": "one"}, 3])
def test_a_vocabulary_with_gaps_is_refused(tmp_path, table):
    path = tmp_path / "vocab_c10.t7"
    path.write_bytes(torch7_bytes(table))
    with pytest.raises(InputError, match=r"vocab_c10\.t7 is no table of words"):
        read_vocabulary(path)


def test_the_whole_way_through_the_commands(archive, tmp_path, capsys):
    run, root = str(tmp_path / "run"), ["--root", str(archive)]
    assert main(["data", "release", *root]) == 0
    assert main(["features", "release", *root]) == 0
    assert "release: 14 images, 10 views, 6 features" in capsys.readouterr().out
    training = ["--text-encoder", "bag-of-words", "--steps", "2", "--batch-size", "3"]
    assert main(["train", "release", *root, *training, "--out", run]) == 0
    assert main(["evaluate", run]) == 0
    assert "test: 1 classes, 5 images" in capsys.readouterr().out


def test_features_of_another_encoder_are_not_to_be_had(archive):
    with pytest.raises(InputError, match="no pictures for 'googlenet'"):
        load_dataset("release", archive, image_encoder="googlenet")


FINCH = "images/001.Red_Finch.t7"
TEXT = "text_c10/001.Red_Finch.t7"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (FINCH, b"", "no sound Torch7 file"),
        (FINCH, torch7_bytes(Function()), "holds a function"),
        (FINCH, torch7_bytes({"a": 1}), "is no tensor pictures x features x views"),
        (FINCH, torch7_bytes(np.zeros((3, 7, 10), np.float32)), "has 7 features in 10 views"),
        (FINCH, torch7_bytes(np.full((3, 6, 10), np.nan, np.float32)), "are no numbers"),
        (FINCH, torch7_bytes(np.zeros((2, 6, 10), np.float32)), "features of 2"),
        (TEXT, torch7_bytes(np.full((3, 201, 10), 71, np.uint8)), "characters outside 0 to 70"),
        (TEXT, torch7_bytes(np.zeros((3, 201, 10), np.uint8)), "no caption for picture 1"),
        (TEXT, torch7_bytes(np.zeros((3, 201), np.uint8)), "is no tensor pictures x characters"),
        ("testclasses.txt", b"006.None", "unknown class '006.None'"),
        ("testclasses.txt", b"001.Red_Finch", "both name 001.Red_Finch"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(archive, file, content, message):
    (archive / file).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_release(archive)
    assert file.split("/")[-1] in str(error.value)
    assert "\n" not in str(error.value)


def test_all_damaged_classes_are_listed(archive, capsys):
    for name in CLASSES[:2]:
        (archive / "images" / f"{name}.t7").write_bytes(b"damaged")
    assert main(["data", "release", "--root", str(archive)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [CLASSES[1] in lines[0], CLASSES[0] in lines[1], len(lines)] == [True, True, 2]


def test_a_folder_without_an_archive_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no images/<class>\.t7"):
        read_release(tmp_path)

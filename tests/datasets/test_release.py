"""The authors' archives, written here in their layout: features, captions, splits, faults."""

from dataclasses import replace
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra import numpy as hnp

from dse.cli import main
from dse.datasets import READERS, load_dataset, release
from dse.datasets.described_images import DescribedImages
from dse.datasets.release import read_release, read_vocabulary
from dse.text.tokens import CHARACTER_LENGTH, CharacterTokenizer
from dse.training.loop import TrainingConfig, train
from dse.utils.errors import InputError
from faults.corruptions import NO_FILE, PLACE

from torch7_writer import Function, torch7_bytes  # isort: skip

CLASSES = (
    "004.Grey_Wren", "001.Red_Finch", "007.Absent", "003.Green_Tit", "002.Blue_Gull",
    "006.Pink_Rail", "005.Brown_Owl",
)  # fmt: skip
PRESENT = tuple(name for name in CLASSES if name != "007.Absent")
SPLITS = {
    "trainval": CLASSES[:5], "test": CLASSES[5:], "train": CLASSES[:4], "val": CLASSES[4:5],
}  # fmt: skip
SPLITS_OF_PRESENT = {"trainval": [0, 1, 2, 3], "test": [4, 5], "train": [0, 1, 2], "val": [3]}
SIZES = (2, 3, 4, 5, 1, 6)  # images of each class that is there
LABELS = [label for label, size in enumerate(SIZES) for _ in range(size)]
DIM, VIEWS, CAPTIONS = 6, 10, 10


def world():
    """Features (N, 10, 6) and captions of each class that has some."""
    random = np.random.default_rng(0)
    classes = {}
    for name, size in zip(PRESENT, SIZES, strict=True):
        colour, kind = name[4:].lower().split("_")
        features = random.standard_normal((size, VIEWS, DIM)).astype(np.float32)
        captions = [
            [f"a {colour} {kind}, number {i}-{k}; it's small." for k in range(CAPTIONS)]
            for i in range(size)
        ]
        classes[name] = (features, captions)
    return classes


def character_numbers(captions):
    """uint8 (N, 201, 10), as in the archives."""
    return np.stack([CharacterTokenizer()(own).numpy().T for own in captions])


def write_archive(folder, layout="t7"):
    (folder / "images").mkdir(parents=True)
    (folder / "text_c10").mkdir()
    for name, (features, captions) in world().items():
        views_last = np.ascontiguousarray(features.transpose(0, 2, 1))
        (folder / "images" / f"{name}.t7").write_bytes(torch7_bytes(views_last))
        if layout == "t7":
            content = torch7_bytes(character_numbers(captions))
            (folder / "text_c10" / f"{name}.t7").write_bytes(content)
        else:
            (folder / "text_c10" / name).mkdir()
            for i, own in enumerate(captions):
                text = folder / "text_c10" / name / f"image_{i}.txt"
                text.write_text("\n".join(own) + "\n")
    (folder / "manifest.txt").write_text("".join(f"{name}.t7\n" for name in CLASSES))
    for split, names in SPLITS.items():
        (folder / f"{split}classes.txt").write_text("\n".join(names))
    return folder


@pytest.fixture
def archive(tmp_path):
    return write_archive(tmp_path / "data" / "cvpr2016_cub")


def as_lists(splits):
    return {split: classes.tolist() for split, classes in splits.items()}


def test_reads_features_views_first_captions_and_splits(archive):
    data = read_release(archive)
    assert data.class_names == list(PRESENT)
    assert data.labels.tolist() == LABELS
    features, captions = zip(*world().values(), strict=True)
    assert torch.equal(data.features, torch.from_numpy(np.concatenate(features)))
    assert data.captions == [own for of_class in captions for own in of_class]
    assert as_lists(data.splits) == SPLITS_OF_PRESENT
    assert data.notes == ("1 of 7 classes have no features and are left out.",)
    assert torch.equal(data.whole_images(), data.features[:, 0])
    assert data.image_encoder == "release" and data.root == archive
    assert data.image_paths is data.class_attributes is data.vocabulary is None


def test_the_root_may_be_the_folder_above(archive):
    assert len(read_release(archive.parent).labels) == len(LABELS)
    write_archive(archive.parent / "cvpr2016_flowers")
    with pytest.raises(InputError, match="holds cvpr2016_cub and cvpr2016_flowers"):
        read_release(archive.parent)
    write_archive(archive / "cvpr2016_flowers")
    assert read_release(archive).root == archive


def test_the_order_of_classes_is_that_of_the_lists_else_of_the_names(archive):
    for split, names in SPLITS.items():  # without the lists, no one knows of the absent class
        present = [name for name in names if name in PRESENT]
        (archive / f"{split}classes.txt").write_text("\n".join(present))
    (archive / "allclasses.txt").write_text("\n".join(CLASSES[::-1]))
    orders = {"manifest.txt": PRESENT, "allclasses.txt": PRESENT[::-1], "": sorted(PRESENT)}
    for used_list, order in orders.items():
        data = read_release(archive)
        assert data.class_names == list(order)
        first = data.features[data.labels == order.index(PRESENT[0])]
        assert torch.equal(first, torch.from_numpy(world()[PRESENT[0]][0]))
        if used_list:
            (archive / used_list).unlink()


def test_ids_stand_in_for_lists_that_are_not_there(archive):
    (archive / "trainvalids.txt").write_text("7\n")
    assert as_lists(read_release(archive).splits) == SPLITS_OF_PRESENT  # the list goes first
    (archive / "trainvalids.txt").write_text("1\n2\n3\n4\n5\n")
    (archive / "trainids.txt").write_text("1\n2\n3\n4\n")
    for split in ("train", "trainval", "val"):
        (archive / f"{split}classes.txt").unlink()
        assert as_lists(read_release(archive).splits) == SPLITS_OF_PRESENT


def test_trainval_is_divided_here_if_nothing_says_how(archive):
    (archive / "trainclasses.txt").unlink()
    (archive / "valclasses.txt").unlink()
    data = read_release(archive)
    splits = as_lists(data.splits)
    assert sorted(splits["train"] + splits["val"]) == splits["trainval"]
    assert len(splits["val"]) == 1
    assert "trainval was divided two to one, with seed 0" in data.notes[1]


def test_a_class_without_numbers_takes_its_text_files(archive, tmp_path):
    as_text = write_archive(tmp_path / "text", layout="txt")
    name = PRESENT[3]
    (archive / "text_c10" / f"{name}.t7").unlink()
    (as_text / "text_c10" / name).rename(archive / "text_c10" / name)
    data = read_release(archive)
    assert data.captions == [own for _, captions in world().values() for own in captions]
    assert data.notes[1].startswith("The captions of 1 classes come from text files")


def test_both_layouts_and_the_arrays_themselves_give_one_run_bit_for_bit(archive, tmp_path):
    features, captions = zip(*world().values(), strict=True)
    by_hand = DescribedImages(
        name="by hand",
        features=torch.from_numpy(np.concatenate(features)),
        labels=torch.tensor(LABELS),
        captions=[own for of_class in captions for own in of_class],
        class_names=list(PRESENT),
        splits={"trainval": torch.tensor([0, 1, 2, 3]), "test": torch.tensor([4, 5])},
    )
    as_text = read_release(write_archive(tmp_path / "text", layout="txt"))
    config = TrainingConfig("char-cnn-rnn", steps=3, batch_size=3)
    runs = [train(d, config, progress=False) for d in (read_release(archive), as_text, by_hand)]
    states = [run.encoder.state_dict() for run in runs]
    assert runs[0].history["loss"].gt(0).all()
    for name, values in states[0].items():
        assert torch.equal(values, states[1][name])
        assert torch.equal(values, states[2][name])


@given(hnp.arrays(np.uint8, (2, CHARACTER_LENGTH, 3), elements={"max_value": 70}))
def test_captions_have_the_numbers_of_the_archive(tmp_path_factory, numbers):
    numbers[:, 0] = np.maximum(numbers[:, 0], 1)  # no caption is empty
    folder = tmp_path_factory.mktemp("numbers")
    for place in ("images", "text_c10"):
        (folder / place).mkdir()
    (folder / "images" / "a.t7").write_bytes(torch7_bytes(np.zeros((2, DIM, VIEWS), np.float32)))
    (folder / "text_c10" / "a.t7").write_bytes(torch7_bytes(numbers))
    for split in ("trainval", "test"):
        (folder / f"{split}classes.txt").write_text("a" if split == "trainval" else "")
    expected = numbers * (np.minimum.accumulate(numbers, axis=1) > 0)  # nothing follows a 0
    expected[expected == 37] = 60  # both are '-'
    for image, own in enumerate(read_release(folder).captions):
        assert np.array_equal(CharacterTokenizer()(own).T, expected[image])


def test_a_caption_of_padding_alone_is_dropped(archive):
    path = archive / "text_c10" / f"{PRESENT[0]}.t7"
    numbers = character_numbers(world()[PRESENT[0]][1])
    numbers[0, :, 4] = 0
    path.write_bytes(torch7_bytes(numbers.astype(np.float64)))
    data = read_release(archive)
    assert [len(own) for own in data.captions[:2]] == [9, 10]
    assert data.captions[0][4] == "a grey wren, number 0-5; it's small."
    assert "1 images have fewer than 10 captions." in data.notes


def test_the_authors_vocabulary_is_used_by_encoders_of_words(archive):
    own = ["it's", "a", "small", "red", "finch"]
    table = {word: number for number, word in reversed(list(enumerate(own, start=1)))}
    (archive / "vocab_c10.t7").write_bytes(torch7_bytes(table))
    data = read_release(archive)
    assert data.vocabulary == own
    run = train(data, TrainingConfig("bag-of-words", steps=2, batch_size=3), progress=False)
    assert run.encoder.tokenizer.vocabulary == own


def test_a_vocabulary_of_more_words_than_captions_have_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "vocab_c10.t7"
    path.write_bytes(torch7_bytes({"a": 1, "b": 2, "c": 3}))
    monkeypatch.setattr(release, "MOST_WORDS", 3)
    assert read_vocabulary(path) == ["a", "b", "c"]
    monkeypatch.setattr(release, "MOST_WORDS", 2)
    with pytest.raises(InputError, match=r"vocab_c10\.t7 holds 3 words"):
        read_vocabulary(path)
    monkeypatch.setattr(release, "LARGEST_VOCABULARY_FILE", 10)  # before anything is built
    with pytest.raises(InputError, match=r"vocab_c10\.t7 has more than 10 bytes"):
        read_vocabulary(path)


@pytest.mark.parametrize("name", ["manifest.txt", "vocab_c10.t7", "trainclasses.txt"])
@pytest.mark.parametrize("instead", NO_FILE)
def test_what_cannot_be_read_is_not_absent(archive, name, instead):
    (archive / "vocab_c10.t7").write_bytes(torch7_bytes({"a": 1}))
    PLACE[instead](archive / name, Random(0))
    with pytest.raises(InputError, match=name):
        read_release(archive)


def test_a_class_without_any_captions_is_named(archive):
    (archive / "text_c10" / f"{PRESENT[0]}.t7").unlink()
    with pytest.raises(InputError, match=rf"{PRESENT[0]}\.t7 is missing"):
        read_release(archive)


@pytest.mark.parametrize(
    "table", [{"a": 1, "b": 1}, {"a": 0}, {"a": 1, "b": 3}, {"a": "one"}, {"a": True}, {1: 1}, 3]
)
def test_a_vocabulary_with_gaps_is_refused(tmp_path, table):
    path = tmp_path / "vocab_c10.t7"
    path.write_bytes(torch7_bytes(table))
    with pytest.raises(InputError, match=r"vocab_c10\.t7 is not a table of words"):
        read_vocabulary(path)


def test_the_whole_way_through_the_commands(archive, tmp_path, capsys):
    run, root = str(tmp_path / "run"), ["--root", str(archive)]
    assert main(["data", "release", *root]) == 0
    assert main(["features", "release", *root]) == 0
    assert "release: 21 images, 10 views, 6 features" in capsys.readouterr().out
    training = ["--text-encoder", "bag-of-words", "--steps", "2", "--batch-size", "3"]
    assert main(["train", "release", *root, *training, "--out", run]) == 0
    assert main(["evaluate", run]) == 0
    assert "test: 2 classes, 7 images" in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked", [{"image_encoder": "googlenet"}, {"precision": "16-mixed"}, {"views": 10}]
)
def test_other_features_than_those_of_the_archive_are_not_to_be_had(archive, monkeypatch, asked):
    one_view = replace(read_release(archive), features=torch.zeros(21, 1, DIM))
    monkeypatch.setitem(READERS, "release", lambda root: one_view)
    (value,) = asked.values()
    with pytest.raises(InputError, match=f"no images for --.* {value}: leave it out"):
        load_dataset("release", archive, **asked)


def test_its_features_are_kept_in_half_the_memory_on_request(archive):
    whole, half = (load_dataset("release", archive, float16=asked) for asked in (False, True))
    assert (whole.features.dtype, half.features.dtype) == (torch.float32, torch.float16)
    assert torch.equal(half.features, whole.features.half())


FINCH = "images/001.Red_Finch.t7"
TEXT = "text_c10/001.Red_Finch.t7"


def filled(value, shape=(3, 201, 10), dtype=np.uint8):
    return torch7_bytes(np.full(shape, value, dtype))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (FINCH, b"", "no sound Torch7 file"),
        (FINCH, torch7_bytes(Function()), "holds a function"),
        (FINCH, torch7_bytes({"a": 1}), "is not a tensor images x features"),
        (
            FINCH,
            filled(0.0, (3, 7, 10), float),
            r"has 7 features in 10 views, 004.Grey_Wren\.t7 has 6",
        ),
        (FINCH, filled(0.0, (3, 6, 9), float), "has 6 features in 9 views"),
        (FINCH, filled(np.nan, (3, 6, 10), float), "not finite numbers"),
        (FINCH, filled(1e300, (3, 6, 10), float), "not finite numbers"),
        (FINCH, filled(0.0, (2, 6, 10), float), "features of 2"),
        (TEXT, filled(71), "characters outside 0 to 70"),
        (TEXT, filled(1.5, dtype=float), "characters outside 0 to 70"),
        (TEXT, filled(np.nan, dtype=float), "characters outside 0 to 70"),
        (TEXT, filled(0), "no caption for image 1"),
        (TEXT, filled(1, (3, 201)), "is not a tensor images x characters"),
        ("testclasses.txt", b"008.None", "unknown class '008.None'"),
        ("testclasses.txt", b"001.Red_Finch", "both name 001.Red_Finch"),
        ("valclasses.txt", b"001.Red_Finch", "both name 001.Red_Finch"),
        ("manifest.txt", b"a.t7\na.t7", "names a class twice"),
        ("manifest.txt", b"\xff" * 5000, "line 1: not UTF-8"),
        ("manifest.txt", b"001.Red_Finch.t7\n", "manifest.txt: correct the one or the other"),
        (FINCH, filled(1e30, (3, 6, 10), np.float32), "beyond 1,000,000"),
        ("vocab_c10.t7", torch7_bytes({"a": 2}), "not a table of words"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(archive, file, content, message):
    (archive / file).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_release(archive)
    assert file.split("/")[-1] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("number", ["0", "8", "-1", "one", "1.0", "9" * 5000])
def test_an_id_that_is_no_line_of_the_manifest_is_refused(archive, number):
    (archive / "trainvalclasses.txt").unlink()
    (archive / "trainvalids.txt").write_text(f"1\n{number}\n")
    with pytest.raises(InputError, match=r"trainvalids\.txt has a line '.{1,40}': each is a line"):
        read_release(archive)


def test_all_damage_is_listed(tmp_path, capsys):
    as_text = write_archive(tmp_path / "text", layout="txt")
    for name in PRESENT[:2]:
        (as_text / "images" / f"{name}.t7").write_bytes(b"damaged")
    for i in (0, 2):
        (as_text / "text_c10" / PRESENT[2] / f"image_{i}.txt").write_text("\n")
    (as_text / "text_c10" / PRESENT[3] / "image_0.txt").unlink()
    (as_text / "testclasses.txt").unlink()
    with pytest.raises(InputError) as error:
        read_release(as_text)
    named = (*PRESENT[:2], "image_0", "image_2", PRESENT[3], "testclasses.txt is missing")
    problems = error.value.problems
    assert [sum(name in problem for problem in problems) for name in named] == [1] * len(problems)
    assert main(["data", "release", "--root", str(as_text)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == len(named)


def test_an_archive_without_one_of_the_listed_classes_is_refused(archive):
    (archive / "manifest.txt").write_text("201.Emerald_Finch.t7\n")
    with pytest.raises(InputError, match=r"holds no class that manifest\.txt lists"):
        read_release(archive)


def test_a_folder_without_an_archive_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no images/<class>\.t7"):
        read_release(tmp_path)

"""The CUB reader on a small tree of its layout, whole and broken, and on real data."""

import os
import shutil
from random import Random

import pytest
import torch

from dse.datasets import load_dataset, read_dataset
from dse.datasets.captions import read_captions
from dse.datasets.cub import read_cub
from dse.datasets.splits import make_inner_split
from dse.utils.errors import InputError
from faults.corruptions import NO_FILE, PLACE


def test_reads_what_is_there_and_says_what_is_not(tiny_cub):
    data = read_cub(tiny_cub)
    assert data.class_names == ["001.Red_Bird", "002.Blue_Bird", "003.Green_Bird", "005.Grey_Bird"]
    assert data.labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert data.splits["trainval"].tolist() == [0, 1, 3]
    assert data.splits["test"].tolist() == [2]
    assert torch.cat([data.splits["train"], data.splits["val"]]).sort().values.tolist() == [0, 1, 3]
    assert all(path.is_file() for path in data.image_paths)
    assert data.captions[0] == ["this bird is red."] * 10
    torch.testing.assert_close(data.class_attributes[:, 0], torch.tensor([0.1, 0.2, 0.3, 0.5]))
    assert any("1 of 5 classes have no image" in note for note in data.notes)


def test_counts_missing_images_and_short_lists_of_captions(tiny_cub):
    data = read_cub(tiny_cub)
    data.image_paths[0].unlink()
    captions = tiny_cub / "cvpr2016_cub/text_c10/002.Blue_Bird/Blue_Bird_1.txt"
    captions.write_text("only one\n\n")
    again = read_cub(tiny_cub)
    assert len(again.labels) == 7
    assert any("1 images of the other classes are not there" in note for note in again.notes)
    assert any("1 images have fewer than 10 captions" in note for note in again.notes)


def test_published_inner_lists_are_used_where_they_are(tiny_cub):
    texts = tiny_cub / "cvpr2016_cub"
    (texts / "trainclasses.txt").write_text("001.Red_Bird\n005.Grey_Bird\n")
    (texts / "valclasses.txt").write_text("002.Blue_Bird\n")
    data = read_cub(tiny_cub)
    assert data.splits["train"].tolist() == [0, 3]
    assert data.splits["val"].tolist() == [1]


@pytest.mark.parametrize(("split", "other"), [("train", "val"), ("val", "train")])
def test_of_one_inner_list_the_other_is_the_rest(tiny_cub, split, other):
    texts = tiny_cub / "cvpr2016_cub"
    (texts / f"{split}classes.txt").write_text("001.Red_Bird\n004.Absent_Bird\n")
    data = read_cub(tiny_cub)
    assert data.splits[split].tolist() == [0]
    assert data.splits[other].tolist() == [1, 3]
    assert not any("seed" in note for note in data.notes)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a red bird\r\na blue bird\r\n", ["a red bird", "a blue bird"]),
        (b"\xef\xbb\xbfa red bird\n\n  \n", ["a red bird"]),
        (b"wings\xff are   red\n", ["wings are red"]),
        ("bird\ufffds crown\n".encode(), ["bird s crown"]),
        ("bird\u00ef\u00bf\u00bds crown".encode(), ["bird s crown"]),
        ("a na\u00efve caption".encode(), ["a na\u00efve caption"]),
        ("a red\u2028bird\x0b\x85 sings\r\rtwo".encode(), ["a red bird sings", "two"]),
    ],
)
def test_bytes_become_text_in_one_way(tmp_path, raw, expected):
    (tmp_path / "bird.txt").write_bytes(raw)
    assert read_captions(tmp_path / "bird.txt") == expected


def test_inner_split_is_a_repeatable_division():
    classes = torch.arange(10, 91)
    train, val = make_inner_split(classes)
    assert (len(train), len(val)) == (54, 27)
    assert torch.equal(torch.cat([train, val]).sort().values, classes)
    assert torch.equal(train, make_inner_split(classes)[0])


def _broken(root, fault):
    """Break the tree and return what the message has to name."""
    birds, texts = root / "CUB_200_2011", root / "cvpr2016_cub"
    bird = texts / "text_c10/001.Red_Bird/Red_Bird_1.txt"
    if fault == "no caption file":
        bird.unlink()
        return "Red_Bird_1.txt is missing"
    if fault == "empty caption file":
        bird.write_text("\n \n")
        return "Red_Bird_1.txt holds no caption"
    if fault == "unknown class":
        (texts / "testclasses.txt").write_text("007.No_Such_Bird\n")
        return "unknown class '007.No_Such_Bird'"
    if fault == "overlap":
        (texts / "testclasses.txt").write_text("001.Red_Bird\n")
        return "both name 001.Red_Bird"
    if fault == "no class list":
        (texts / "testclasses.txt").unlink()
        return "testclasses.txt is missing"
    if fault == "no images.txt":
        (birds / "images.txt").unlink()
        return "images.txt is missing"
    if fault == "broken table":
        (birds / "classes.txt").write_text("1\n")
        return "classes.txt has a line"
    if fault == "label of no class":
        labels = birds / "image_class_labels.txt"
        labels.write_text(labels.read_text().replace("3 2", "3 77"))
        return "image_class_labels.txt"
    if fault == "image without label":
        labels = birds / "image_class_labels.txt"
        labels.write_text(labels.read_text().replace("3 2\n", ""))
        return "image_class_labels.txt"
    if fault == "broken attributes":
        (birds / "attributes/class_attribute_labels_continuous.txt").write_text("1 2\nx y\n")
        return "class_attribute_labels_continuous.txt"
    raise ValueError(fault)


@pytest.mark.parametrize(
    "fault",
    [
        "no caption file", "empty caption file", "unknown class", "overlap", "no class list",
        "no images.txt", "broken table", "label of no class", "image without label",
        "broken attributes",
    ],
)  # fmt: skip
def test_a_fault_is_one_line_that_names_the_file(tiny_cub, fault):
    expected = _broken(tiny_cub, fault)
    with pytest.raises(InputError) as error:
        read_cub(tiny_cub)
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unreadable_image_is_named(tiny_cub, own_cache):
    image = tiny_cub / "CUB_200_2011/images/001.Red_Bird/Red_Bird_1.jpg"
    for content in (b"", b"not an image at all", image.read_bytes()[:200]):
        image.write_bytes(content)
        with pytest.raises(InputError, match=r"Red_Bird_1\.jpg cannot be read"):
            load_dataset("cub", tiny_cub, image_encoder="fieldguide", progress=False)
    assert not list(own_cache.rglob("*.safetensors"))


def test_a_root_is_needed_and_has_to_hold_both_folders(tmp_path, monkeypatch):
    monkeypatch.delenv("DSE_ROOT", raising=False)
    with pytest.raises(InputError, match="cub needs --root"):
        read_dataset("cub")
    with pytest.raises(InputError, match="has no folder CUB_200_2011"):
        read_dataset("cub", tmp_path)
    with pytest.raises(InputError, match="is not a folder"):
        read_dataset("cub", tmp_path / "nowhere")
    with pytest.raises(InputError, match="unknown data set 'imagenet'"):
        read_dataset("imagenet", tmp_path)


def test_the_root_may_come_from_the_environment(tiny_cub, monkeypatch):
    monkeypatch.setenv("DSE_ROOT", str(tiny_cub))
    assert len(read_dataset("cub").labels) == 8


def test_real_cub_has_the_published_counts(real_root):
    data = read_cub(real_root)
    lists = real_root / "cvpr2016_cub"
    assert len((lists / "trainvalclasses.txt").read_text().split()) == 150
    assert len((lists / "testclasses.txt").read_text().split()) == 50
    assert len(data.splits["trainval"]) + len(data.splits["test"]) == len(data.class_names)
    assert data.class_attributes.shape == (len(data.class_names), 312)
    assert all(len(own) == 10 for own in data.captions)
    assert not any("\ufffd" in caption for own in data.captions for caption in own)


def test_a_caption_that_changes_counts_even_if_size_and_time_do_not(tiny_cub):
    captions = tiny_cub / "cvpr2016_cub/text_c10/002.Blue_Bird/Blue_Bird_1.txt"
    captions.write_text("this bird is blue\n")
    before = captions.stat()
    assert read_cub(tiny_cub).captions[2] == ["this bird is blue"]
    captions.write_text("this bird is pink\n")
    os.utime(captions, ns=(before.st_atime_ns, before.st_mtime_ns))  # as `cp -p` would
    assert captions.stat().st_size == before.st_size
    assert read_cub(tiny_cub).captions[2] == ["this bird is pink"]


def edit(path, old, new):
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("classes.txt", "3 003", "one 003"),
        ("classes.txt", "3 003", "0 003"),
        ("classes.txt", "3 003", "900 003"),
        ("classes.txt", "3 003", "2 003"),  # two names for one number
        ("classes.txt", "3 003.Green_Bird", "3 002.Blue_Bird"),
        ("image_class_labels.txt", "3 2\n", "3 2\n3 1\n"),  # the last one won
        ("image_class_labels.txt", "3 2\n", "3 1\n"),  # its folder says otherwise
        ("image_class_labels.txt", "3 2\n", "3 2.0\n"),
        ("images.txt", "2 001.Red_Bird/Red_Bird_2.jpg", "2 001.Red_Bird/Red_Bird_1.jpg"),
        ("images.txt", "2 001.Red_Bird", "1 001.Red_Bird"),
        ("images.txt", "2 001.Red_Bird", "2 ../001.Red_Bird"),
        ("attributes/class_attribute_labels_continuous.txt", "30 0 50", "nan 0 50"),
        ("attributes/class_attribute_labels_continuous.txt", "30 0 50", "1e30 0 50"),
        ("attributes/class_attribute_labels_continuous.txt", "30 0 50", "-1 0 50"),
        ("attributes/class_attribute_labels_continuous.txt", "30 0 50", "30 0"),
        ("attributes/class_attribute_labels_continuous.txt", "30 0 50", "30 0 half"),
        ("attributes/class_attribute_labels_continuous.txt", "30 0 50\n", ""),
    ],
)
def test_what_no_published_table_holds_is_refused(tiny_cub, file, old, new):
    edit(tiny_cub / "CUB_200_2011" / file, old, new)
    with pytest.raises(InputError, match=file.rpartition("/")[2]) as error:
        read_cub(tiny_cub)
    assert str(error.value).isprintable()


def test_class_numbers_that_do_not_count_from_one_are_no_rows_of_attributes(tiny_cub):
    for file in ("classes.txt", "image_class_labels.txt"):
        path = tiny_cub / "CUB_200_2011" / file
        lines = [line.split() for line in path.read_text().splitlines()]
        if file == "classes.txt":
            lines = [[str(int(number) + 3), name] for number, name in lines]
        else:
            lines = [[image, str(int(number) + 3)] for image, number in lines]
        path.write_text("".join(f"{one} {other}\n" for one, other in lines))
    with pytest.raises(InputError, match="with the numbers 4 to 8"):
        read_cub(tiny_cub)
    (tiny_cub / "CUB_200_2011/attributes/class_attribute_labels_continuous.txt").unlink()
    assert len(read_cub(tiny_cub)) == 8


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_class_that_trainval_lacks_is_in_neither_of_its_parts(tiny_cub, split):
    texts = tiny_cub / "cvpr2016_cub"
    (texts / "trainclasses.txt").write_text("001.Red_Bird\n")
    (texts / "valclasses.txt").write_text("002.Blue_Bird\n")
    with (texts / f"{split}classes.txt").open("a") as file:
        file.write("003.Green_Bird\n")
    with pytest.raises(InputError, match=r"names 003\.Green_Bird, which trainvalclasses\.txt"):
        read_cub(tiny_cub)


def test_a_complete_folder_gets_no_note(tiny_cub):
    lists, images = tiny_cub / "cvpr2016_cub", tiny_cub / "CUB_200_2011/images"
    (lists / "trainclasses.txt").write_text("001.Red_Bird\n005.Grey_Bird\n004.Absent_Bird")
    (lists / "valclasses.txt").write_text("002.Blue_Bird\n")
    (images / "004.Absent_Bird").mkdir()
    for k in (1, 2):
        absent = images / f"004.Absent_Bird/Absent_Bird_{k}.jpg"
        shutil.copy(images / "001.Red_Bird/Red_Bird_1.jpg", absent)
    data = read_cub(tiny_cub)
    assert (len(data.class_names), data.notes) == (5, ())


def test_a_folder_without_one_of_the_listed_images_is_refused(tiny_cub):
    images = tiny_cub / "CUB_200_2011/images"
    images.rename(images.with_name("photos"))
    images.mkdir()
    with pytest.raises(InputError, match="images holds none of the images"):
        read_cub(tiny_cub)


OPTIONAL = ("trainclasses.txt", "valclasses.txt", "class_attribute_labels_continuous.txt")


@pytest.mark.parametrize("name", OPTIONAL)
@pytest.mark.parametrize("instead", NO_FILE)
def test_what_cannot_be_read_is_not_absent(tiny_cub, name, instead):
    texts = tiny_cub / "cvpr2016_cub"
    (texts / "trainclasses.txt").write_text("001.Red_Bird\n005.Grey_Bird\n004.Absent_Bird")
    (texts / "valclasses.txt").write_text("002.Blue_Bird\n")
    (path,) = tiny_cub.rglob(name)
    content = path.read_bytes()
    path.unlink()
    read_cub(tiny_cub)
    path.write_bytes(content)
    PLACE[instead](path, Random(0))
    with pytest.raises(InputError, match=name):
        read_cub(tiny_cub)


def test_lists_that_are_cut_at_the_end_of_a_line_get_a_note(tiny_cub):
    assert not any("neither" in note for note in read_cub(tiny_cub).notes)
    lists = tiny_cub / "cvpr2016_cub"
    edit(lists / "trainvalclasses.txt", "\n005.Grey_Bird", "")
    (lists / "trainclasses.txt").write_text("001.Red_Bird\n")
    (lists / "valclasses.txt").write_text("")
    notes = read_cub(tiny_cub).notes
    assert any(
        "1 classes are neither in trainvalclasses.txt nor in testclasses.txt" in note
        and "005.Grey_Bird" in note
        for note in notes
    )
    assert any(
        "2 classes are neither in trainclasses.txt nor in valclasses.txt" in n for n in notes
    )
    edit(tiny_cub / "CUB_200_2011/images.txt", "10 005.Grey_Bird/Grey_Bird_2.jpg\n", "")
    assert any("1 images of image_class_labels.txt" in note for note in read_cub(tiny_cub).notes)


def test_blank_lines_do_no_harm_and_bytes_that_are_no_text_are_named(tiny_cub):
    classes = tiny_cub / "CUB_200_2011/classes.txt"
    classes.write_bytes(classes.read_bytes() + b"\n\n")
    assert len(read_cub(tiny_cub).class_names) == 4
    classes.write_bytes(classes.read_bytes().replace(b"Absent", b"Abs\xffnt"))
    with pytest.raises(InputError, match=r"classes\.txt, line 4"):
        read_cub(tiny_cub)


@pytest.mark.parametrize("instead", NO_FILE)
def test_captions_that_are_no_file_are_refused(tiny_cub, instead):
    path = tiny_cub / "cvpr2016_cub/text_c10/002.Blue_Bird/Blue_Bird_1.txt"
    PLACE[instead](path, Random(0))
    with pytest.raises(InputError, match=r"Blue_Bird_1\.txt"):
        read_cub(tiny_cub)

"""Classes of one's own: their file, their embeddings, the labels that folders give."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.evaluation import mean_by_class
from dse.images.image_folder import ImageFolder
from dse.search import classify, read_classes
from dse.search.classes import UNKNOWN
from dse.utils.errors import InputError
from mean_colour import colour_run


def image_folder(folder, names, features):
    return ImageFolder(folder, [folder / name for name in names], torch.tensor(features))


def test_an_image_goes_to_the_class_of_the_highest_mean_score(tmp_path):
    names = ["cold/1.png", "old/warm/2.png", "3.png", "warm/cold/4.png"]
    features = [[0.0, 0.1, 1.0], [1.0, 0.0, 0.0], [0.2, 0.4, 0.0], [0.9, 0.0, 0.0]]
    classes = {"cold": ["blue", "green"], "warm": ["red", "a red one", "unheard-of"]}
    run = colour_run()
    found = classify(run, classes, image_folder(tmp_path, names, features))
    texts = [text for own in classes.values() for text in own]
    means = mean_by_class(run.encode(texts), torch.tensor([0, 0, 1, 1, 1]), 2)
    torch.testing.assert_close(means, torch.tensor([[0, 0.5, 0.5], [2 / 3, 0, 0]]))
    torch.testing.assert_close(found.scores, torch.tensor(features) @ means.T)
    assert found.predicted.tolist() == [0, 1, 0, 1]
    torch.testing.assert_close(found.margins, torch.tensor([0.55, 2 / 3, 1 / 15, 0.6]))
    assert found.labels.tolist() == [0, 1, UNKNOWN, 0]  # the nearest folder counts
    assert found.labelled.tolist() == [0, 1, 3]
    assert repr(found) == "Classification(4 images, 2 classes)"


def test_the_folder_itself_is_no_label(tmp_path):
    folder = tmp_path / "warm"
    images = image_folder(folder, ["1.png"], [[1.0, 0.0, 0.0]])
    found = classify(colour_run(), {"cold": ["blue"], "warm": ["red"]}, images)
    assert found.labels.tolist() == [UNKNOWN]


@pytest.mark.parametrize("classes", [{}, {"one": ["red"]}, {"one": ["red"], "two": []}])
def test_too_few_classes_or_descriptions(tmp_path, classes):
    with pytest.raises(InputError):
        classify(colour_run(), classes, image_folder(tmp_path, ["1.png"], [[0.0, 0.0, 0.0]]))


NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
CLASSES = st.dictionaries(NAMES, st.lists(NAMES, min_size=1, max_size=3), min_size=2, max_size=4)


@given(CLASSES, st.booleans(), st.sampled_from([None, 2]))
def test_json_comes_back_as_it_was_written(tmp_path_factory, classes, ascii_only, indent):
    file = tmp_path_factory.mktemp("classes") / "classes"
    file.write_text(json.dumps(classes, ensure_ascii=ascii_only, indent=indent), encoding="utf-8")
    assert read_classes(file) == classes


@given(CLASSES, st.sampled_from(["\n", "\r\n", "\n\n"]))
def test_text_comes_back_as_it_was_written(tmp_path_factory, classes, end):
    classes = {name.replace(":", "-"): own for name, own in classes.items()}
    if len(classes) < 2 or next(iter(classes)).startswith("{"):
        return
    file = tmp_path_factory.mktemp("classes") / "classes.txt"
    lines = [f"{name}: {text}{end}" for name, own in classes.items() for text in own]
    file.write_bytes("".join(lines).encode())
    assert read_classes(file) == classes


FAULTS = {
    "no colon": ("wren: brown\njay\n", 2),
    "no name": ("wren: brown\n: blue\n", 2),
    "no description": ("wren: brown\n\njay:\n", 3),
    "JSON: no description": ('{"wren": ["brown"],\n "jay": []}', 2),
    "JSON: an empty description": ('{"wren": ["brown"],\n "jay": ["blue", " "]}', 2),
    "JSON: a class twice": ('{"wren": ["a \\"wren\\": brown"],\n"jay": ["blue"],\n"wren": []}', 3),
    "JSON: no list": ('{"wren": ["brown"],\n\n "jay": "blue"}', 3),
    "JSON: a list of numbers": ('{"wren": ["brown"],\n "jay": [1]}', 2),
    "JSON: an object": ('{"wren": ["brown"],\n "jay": {"a": ["blue"]}}', 2),
    "JSON: no name": ('{"wren": ["brown"],\n " ": ["blue"]}', 2),
    "JSON: cut off": ('{"wren": ["brown"],\n "jay": ["blue"', 2),
    "JSON: too large a number": ('{"wren": ' + "9" * 5000 + "}", 1),
    "JSON: half a character": ('{"wren": ["brown"],\n "jay": ["\\ud800"]}', 2),
    "JSON: half a character in a name": ('{"wren": ["brown"],\n "\\udfff": ["blue"]}', 2),
    "JSON: too deep": ('{"wren": ' + "[" * 100_000, 1),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_names_the_file_and_the_line(tmp_path, name):
    text, line = FAULTS[name]
    file = tmp_path / "classes.txt"
    file.write_text(text)
    with pytest.raises(InputError) as error:
        read_classes(file)
    assert str(error.value).startswith(f"{file}, line {line}: ")
    assert "\n" not in str(error.value)


def test_the_lines_of_many_classes_are_counted_once(tmp_path, monkeypatch):
    """Counted from the start for each class, 200,000 classes took hours."""
    file = tmp_path / "classes.json"
    names = [f"class {n}" for n in range(200_000)]
    text = json.dumps({name: ["a bird"] for name in names}, indent=0)
    file.write_text(text.removesuffix("]\n}") + ']\n,"": []}')
    with pytest.raises(InputError, match=f"line {3 * len(names) + 2}: a class without a name"):
        read_classes(file)


def test_faults_of_the_whole_file(tmp_path):
    file = tmp_path / "classes.json"
    with pytest.raises(InputError, match=r"classes\.json"):
        read_classes(file)
    file.write_text("[]")
    with pytest.raises(InputError, match=r"classes\.json, line 1"):
        read_classes(file)
    file.write_text('{"wren": ["brown"]}')
    with pytest.raises(InputError, match="1 class:"):
        read_classes(file)
    file.write_bytes(b"wren: brown\njay: caf\xe9\n")
    with pytest.raises(InputError, match=r"line 2: not UTF-8"):
        read_classes(file)

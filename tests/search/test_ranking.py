"""A description ranks images, an image ranks descriptions, and notes say what was not read."""

from types import SimpleNamespace

import pytest
import torch

from dse.images.image_folder import ImageFolder, read_image_folder
from dse.search import image_encoder_of, rank_descriptions, reading_notes, search_images
from dse.utils.errors import InputError
from mean_colour import colour_run, draw, mean_colour_encoder


@pytest.fixture
def images(tmp_path, own_cache):
    for name, colour in {"a": "red", "b": "blue", "c": (255, 0, 255), "d": "black"}.items():
        draw(tmp_path / f"{name}.png", colour)
    return read_image_folder(tmp_path, mean_colour_encoder(), progress=False)


def test_images_are_ranked_by_their_inner_product(images):
    found = search_images(colour_run(), "red and blue", images)
    assert [(match.item.stem, match.score) for match in found] == [
        ("c", 2.0), ("a", 1.0), ("b", 1.0), ("d", 0.0),
    ]  # fmt: skip
    assert [match.item.stem for match in search_images(colour_run(), "blue", images, 1)] == ["b"]


def test_descriptions_are_ranked_by_their_inner_product():
    texts = ["green", "red", "blue and red", "blue"]
    found = rank_descriptions(colour_run(), torch.tensor([0.0, 0.0, 1.0]), texts, top=3)
    assert [match.item for match in found] == ["blue and red", "blue", "green"]


def test_the_same_score_in_both_directions(images):
    run = colour_run("char-cnn-rnn")
    description = "a red bird"
    for match in search_images(run, description, images):
        feature = images.features[images.paths.index(match.item)]
        (other,) = rank_descriptions(run, feature, [description])
        assert other.score == match.score


@pytest.mark.parametrize("description", ["", " \t\n"])
def test_an_empty_description_is_refused(images, description):
    with pytest.raises(InputError, match="empty"):
        search_images(colour_run(), description, images)


def test_another_dimension_is_refused(images):
    wide = ImageFolder(images.folder, images.paths, torch.zeros(4, 5))
    with pytest.raises(InputError, match="5"):
        search_images(colour_run(), "red", wide)
    with pytest.raises(InputError, match="5"):
        rank_descriptions(colour_run(), torch.zeros(5), ["red"])


def test_the_image_encoder_of_a_run():
    run = colour_run(embedding_dim=1024)
    run.dataset["image_encoder"] = "fieldguide"
    assert image_encoder_of(run).name == "fieldguide"
    run.dataset["feature_precision"] = "bf16-mixed"
    assert image_encoder_of(run).precision == "bf16-mixed"
    with pytest.raises(InputError, match="1280"):
        image_encoder_of(run, "efficientnet-lite0")
    run.dataset["image_encoder"] = "release"
    with pytest.raises(InputError, match="--image-encoder"):
        image_encoder_of(run)
    assert image_encoder_of(run, "fieldguide").dim == 1024


@pytest.mark.parametrize(
    ("text_encoder", "description", "expected"),
    [
        ("bag-of-words", "red and blue", "not read, as no training caption has it: and"),
        ("bag-of-words", "zwitschert laut", "means nothing"),
        ("bag-of-words", "鳥 ?!", "no letter"),
        ("char-cnn-rnn", "鳥 12", "no letter"),
        ("char-cnn-rnn", "red " * 51, "only the first 201 of 204 characters"),
        ("word-cnn-rnn", "red " * 31, "only the first 30 of 31 words"),
    ],
)
def test_what_is_not_read_is_said(text_encoder, description, expected):
    (note,) = reading_notes(colour_run(text_encoder), description)
    assert expected in note


def test_a_description_that_is_read_whole_has_no_note():
    assert reading_notes(colour_run(), "red, green!") == []
    assert reading_notes(colour_run("char-cnn-rnn"), "an unheard-of word") == []


def test_an_encoder_without_a_length_reads_all_of_a_description():
    run = SimpleNamespace(encoder=SimpleNamespace(tokenizer=None))  # as a frozen sentence encoder
    assert reading_notes(run, "a red bird " * 100) == []

"""Feature extraction and its cache: right, in order, reused, and never half-written."""

import json
import os

import pytest
import torch
from PIL import Image
from torch import nn

from dse.errors import InputError
from dse.images import features as module
from dse.images.encoders import IMAGE_ENCODERS, ImageEncoder, load_image_encoder
from dse.images.features import cached_features, extract_features


class MeanColour(nn.Module):
    def forward(self, pixels):
        return pixels.mean((2, 3))


ENCODER = ImageEncoder("mean-colour", 3, 8, 0.0, 255.0, MeanColour(), "digest")


@pytest.fixture
def pictures(tmp_path):
    paths = []
    for i in range(70):  # more than two batches
        path = tmp_path / f"{i:02d}.png"
        Image.new("RGB", (9 + i, 20), (3 * i, 255 - i, 7)).save(path)
        paths.append(path)
    return paths


def test_features_come_in_the_order_of_the_files(pictures):
    features = extract_features(pictures, ENCODER, progress=False)
    assert features.shape == (70, 1, 3)
    expected = torch.tensor([[3 * i, 255 - i, 7] for i in range(70)]) / 255
    torch.testing.assert_close(features[:, 0], expected)
    assert extract_features([], ENCODER, progress=False).shape == (0, 1, 3)


def test_a_second_call_opens_no_picture(pictures, own_cache, monkeypatch):
    first = cached_features(pictures, ENCODER, progress=False)

    def no_picture(*_):
        raise AssertionError("a picture was opened")

    monkeypatch.setattr(module, "_read_pixels", no_picture)
    assert torch.equal(first, cached_features(pictures, ENCODER, progress=False))
    folder = next((own_cache / "features").iterdir())
    about = json.loads((folder / "index.json").read_text())
    assert about["image_encoder"] == "mean-colour"
    assert len(about["pictures"]) == 70


@pytest.mark.parametrize("change", ["picture", "touched", "weights", "fewer"])
def test_a_change_makes_the_features_again(pictures, own_cache, change):
    first = cached_features(pictures, ENCODER, progress=False)
    encoder, paths = ENCODER, pictures
    if change == "picture":
        Image.new("RGB", (5, 5), (255, 255, 255)).save(pictures[0])
    elif change == "touched":
        os.utime(pictures[0], (1, 1))
    elif change == "weights":
        encoder = ImageEncoder("mean-colour", 3, 8, 0.0, 255.0, MeanColour(), "other")
    else:
        paths = pictures[1:]
    again = cached_features(paths, encoder, progress=False)
    assert len(list((own_cache / "features").iterdir())) == 2
    if change == "picture":
        assert again[0, 0].tolist() == [1.0, 1.0, 1.0]
        assert torch.equal(first[1:], again[1:])


@pytest.mark.parametrize("damage", ["cut", "empty", "missing", "other shape"])
def test_a_damaged_cache_is_made_again(pictures, own_cache, damage):
    first = cached_features(pictures, ENCODER, progress=False)
    file = next((own_cache / "features").glob("*/features.safetensors"))
    if damage == "missing":
        file.unlink()
    elif damage == "other shape":
        module.save_file({"features": torch.zeros(2, 1, 3)}, file)
    else:
        file.write_bytes(file.read_bytes()[:300] if damage == "cut" else b"")
    assert torch.equal(first, cached_features(pictures, ENCODER, progress=False))
    assert module.load_file(file)["features"].shape == (70, 1, 3)


def test_a_failure_in_the_middle_leaves_no_cache(pictures, own_cache):
    pictures[50].write_bytes(b"broken")
    with pytest.raises(InputError, match=r"50\.png cannot be read"):
        cached_features(pictures, ENCODER, progress=False)
    assert not list(own_cache.glob("features/*"))


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "I;16"])
def test_every_kind_of_picture_becomes_three_colours(tmp_path, mode):
    path = tmp_path / ("bird.jpg" if mode == "CMYK" else "bird.png")
    Image.new(mode, (30, 20)).save(path)
    assert extract_features([path], ENCODER, progress=False).shape == (1, 1, 3)


def test_the_fieldguide_encoder_is_frozen_and_has_1024_features():
    encoder = load_image_encoder("fieldguide")
    pixels = encoder.pixels(Image.new("RGB", (128, 128), (90, 120, 60)))[None]
    features = encoder.encode(pixels)
    assert features.shape == (1, 1024)
    assert (features >= 0).all() and features.max() > 0
    assert not encoder.network.training
    assert not any(p.requires_grad for p in encoder.network.parameters())
    assert torch.equal(features, encoder.encode(pixels))


def test_efficientnet_lite0_is_what_was_published():
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra [efficientnet] is missing")
    encoder = load_image_encoder("efficientnet-lite0")
    assert (encoder.dim, encoder.image_size, encoder.mean, encoder.std) == (1280, 224, 127, 128)
    parameters = sum(p.numel() for p in encoder.network.parameters())
    assert parameters == 4_652_008  # EfficientNet-Lite0 with its 1,000-way classifier
    assert encoder.encode(encoder.pixels(Image.new("RGB", (50, 80)))[None]).shape == (1, 1280)


def test_an_unknown_encoder_is_refused_with_the_names_that_are_known():
    with pytest.raises(InputError, match="unknown image encoder 'vgg'") as error:
        load_image_encoder("vgg")
    assert all(name in str(error.value) for name in IMAGE_ENCODERS)


def test_a_missing_extra_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
    with pytest.raises(InputError, match=r'pip install "dse\[efficientnet\]"'):
        load_image_encoder("efficientnet-lite0")

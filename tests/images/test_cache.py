"""The cache of features: reused, remade when anything changes, whole after every kill."""

import json
import os
from dataclasses import replace

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from dse.images import cache as module
from dse.images.cache import cached_features
from dse.utils.errors import InputError


def cache_folders(own_cache):
    return list((own_cache / "features").iterdir())


@pytest.mark.parametrize("views", [1, 10])
@pytest.mark.parametrize("float16", [False, True])
def test_a_second_call_touches_no_image(
    images, mean_colour, own_cache, monkeypatch, views, float16
):
    first = cached_features(images, mean_colour, views, float16=float16, progress=False)
    assert first.dtype == (torch.float16 if float16 else torch.float32)
    assert first.shape == (70, views, 3)

    def no_image(*_):
        raise AssertionError("an image was opened")

    monkeypatch.setattr(module, "extract_features", no_image)
    monkeypatch.setattr(module, "image_digest", no_image)
    again = cached_features(images, mean_colour, views, float16=float16, progress=False)
    assert torch.equal(first, again)
    (folder,) = cache_folders(own_cache)
    about = json.loads((folder / "index.json").read_text())
    assert (about["image_encoder"], about["views"]) == ("mean/colour", views)
    assert len(about["images"]) == len(about["digests"]) == 70


@pytest.mark.parametrize(
    "change", ["image", "weights", "transform", "fewer", "order", "views", "float16"]
)
def test_a_change_makes_the_features_again(images, mean_colour, own_cache, change):
    first = cached_features(images, mean_colour, progress=False)
    encoder, paths, options = mean_colour, images, {}
    if change == "image":
        Image.new("RGB", (5, 5), (255, 255, 255)).save(images[0])
    elif change == "weights":
        encoder = replace(mean_colour, weights_digest="other")
    elif change == "transform":
        encoder = replace(mean_colour, image_size=16)
    elif change == "fewer":
        paths = images[1:]
    elif change == "order":
        paths = images[::-1]
    else:
        options = {"views": 10} if change == "views" else {"float16": True}
    again = cached_features(paths, encoder, **options, progress=False)
    assert len(cache_folders(own_cache)) == 2
    if change == "image":
        assert again[0, 0].tolist() == [1.0, 1.0, 1.0]
        assert torch.equal(first[1:], again[1:])


def test_content_decides_and_not_the_time_of_change(images, mean_colour, own_cache):
    cached_features(images, mean_colour, progress=False)
    for path in images:
        os.utime(path, (1, 1))
    cached_features(images, mean_colour, progress=False)
    assert len(cache_folders(own_cache)) == 1


@pytest.mark.parametrize("damage", ["cut", "empty", "missing", "other shape", "other type"])
def test_a_damaged_cache_is_made_again(images, mean_colour, own_cache, damage):
    first = cached_features(images, mean_colour, progress=False).clone()
    file = next((own_cache / "features").glob("*/features.safetensors"))
    if damage == "missing":
        file.unlink()
    elif damage == "other shape":
        save_file({"features": torch.zeros(2, 1, 3)}, file)
    elif damage == "other type":
        save_file({"features": torch.zeros(70, 1, 3, dtype=torch.int32)}, file)
    else:
        content = file.read_bytes()
        file.unlink()
        file.write_bytes(content[:300] if damage == "cut" else b"")
    assert torch.equal(first, cached_features(images, mean_colour, progress=False))
    assert load_file(file)["features"].shape == (70, 1, 3)


@pytest.mark.parametrize("memory", ["{", "[]"])
def test_a_damaged_memory_of_digests_is_made_again(images, mean_colour, own_cache, memory):
    first = cached_features(images, mean_colour, progress=False)
    (file,) = (own_cache / "digests").iterdir()
    file.write_text(memory)
    assert torch.equal(first, cached_features(images, mean_colour, progress=False))


def test_a_killed_extraction_goes_on_from_the_last_shard(
    images, mean_colour, own_cache, monkeypatch
):
    expected = cached_features(images[::-1], mean_colour, progress=False).flip(0)
    monkeypatch.setattr(module, "SHARD_SIZE", 20)
    extract, extracted = module.extract_features, []

    def killed_in_the_third_shard(paths, *options):
        if len(extracted) == 2:
            raise KeyboardInterrupt
        extracted.append(len(paths))
        return extract(paths, *options)

    monkeypatch.setattr(module, "extract_features", killed_in_the_third_shard)
    with pytest.raises(KeyboardInterrupt):
        cached_features(images, mean_colour, progress=False)
    (partial,) = (own_cache / "features").glob("*.partial")
    shards = sorted(partial.iterdir())
    assert len(shards) == 2
    shards[1].write_bytes(b"half-written")  # a shard that cannot be trusted is made again

    def counted(paths, *options):
        extracted.append(len(paths))
        return extract(paths, *options)

    monkeypatch.setattr(module, "extract_features", counted)
    assert torch.equal(expected, cached_features(images, mean_colour, progress=False))
    assert extracted[2:] == [20, 20, 10]
    assert not list((own_cache / "features").glob("*.partial"))


def test_a_broken_image_leaves_no_finished_cache(images, mean_colour, own_cache):
    images[50].write_bytes(b"broken")
    with pytest.raises(InputError, match=r"50\.png cannot be read"):
        cached_features(images, mean_colour, progress=False)
    assert not list(own_cache.glob("features/*/features.safetensors"))


def test_a_missing_image_is_named(images, mean_colour, own_cache):
    images[3].unlink()
    with pytest.raises(InputError, match=r"03\.png cannot be read \(No such file"):
        cached_features(images, mean_colour, progress=False)

"""The cache of features: reused, remade when anything changes, whole after every kill."""

import errno
import json
import logging
import os
import threading
from contextlib import contextmanager
from dataclasses import replace
from random import Random

import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from dse.images import cache as module
from dse.images import encoders
from dse.images.cache import cached_features
from dse.utils.errors import InputError
from faults.corruptions import NO_FILE, PLACE


def cache_folders(own_cache):
    return [path for path in (own_cache / "features").iterdir() if path.is_dir()]


@pytest.mark.parametrize("views", [1, 10])
@pytest.mark.parametrize("float16", [False, True])
def test_a_second_call_decodes_no_image(
    images, mean_colour, own_cache, monkeypatch, views, float16
):
    first = cached_features(images, mean_colour, views, float16=float16, progress=False)
    assert first.dtype == (torch.float16 if float16 else torch.float32)
    assert first.shape == (70, views, 3)

    def no_image(*_):
        raise AssertionError("features were extracted again")

    monkeypatch.setattr(module, "extract_features", no_image)
    again = cached_features(images, mean_colour, views, float16=float16, progress=False)
    assert torch.equal(first, again)
    (folder,) = cache_folders(own_cache)
    about = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    assert (about["image_encoder"], about["views"]) == ("mean/colour", views)
    assert len(about["images"]) == len(about["digests"]) == 70


@pytest.mark.parametrize(
    "change",
    [
        *("image", "weights", "transform", "precision", "transform version"),
        *("fewer", "order", "views", "float16"),
    ],
)
def test_a_change_makes_the_features_again(images, mean_colour, own_cache, change, monkeypatch):
    first = cached_features(images, mean_colour, progress=False)
    encoder, paths, options = mean_colour, images, {}
    if change == "image":
        Image.new("RGB", (5, 5), (255, 255, 255)).save(images[0])
    elif change == "weights":
        encoder = replace(mean_colour, weights_digest="other")
    elif change == "transform":
        encoder = replace(mean_colour, image_size=16)
    elif change == "precision":
        encoder = replace(mean_colour, precision="bf16-mixed")
    elif change == "transform version":
        monkeypatch.setattr(encoders, "TRANSFORM_VERSION", encoders.TRANSFORM_VERSION - 1)
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


def flip_a_bit(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.unlink()  # the old content may be mapped
    file.write_bytes(content)


@pytest.mark.parametrize("float16", [False, True])
def test_a_flipped_bit_in_the_cache_is_noticed(images, mean_colour, own_cache, float16):
    first = cached_features(images, mean_colour, float16=float16, progress=False).clone()
    file = next((own_cache / "features").glob("*/features.safetensors"))
    for place in (-1, -70, -300):
        flip_a_bit(file, place)
        assert not torch.equal(first, load_file(file)["features"])
        again = cached_features(images, mean_colour, float16=float16, progress=False)
        assert torch.equal(first, again)


def test_a_cache_from_before_the_checksums_is_used(images, mean_colour, own_cache, monkeypatch):
    first = cached_features(images, mean_colour, progress=False).clone()
    file = next((own_cache / "features").glob("*/features.safetensors"))
    file.unlink()
    save_file({"features": first}, file)
    monkeypatch.setattr(module, "extract_features", None)
    assert torch.equal(first, cached_features(images, mean_colour, progress=False))


@pytest.mark.parametrize("instead", NO_FILE)
def test_whatever_stands_in_the_place_of_the_cache_is_replaced(
    images, mean_colour, own_cache, instead
):
    first = cached_features(images, mean_colour, progress=False).clone()
    for path in ("*/features.safetensors", "*[!k]"):
        (found,) = (own_cache / "features").glob(path)
        PLACE[instead](found, Random(0))
        assert torch.equal(first, cached_features(images, mean_colour, progress=False))
    assert len(list((own_cache / "features").glob("*/features.safetensors"))) == 1


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
    with pytest.raises(InputError, match=r"03\.png is missing"):
        cached_features(images, mean_colour, progress=False)


def test_an_image_that_a_broken_disk_holds_is_named(images, mean_colour, own_cache, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("hashlib.file_digest", fail)
    with pytest.raises(InputError, match=r"00\.png cannot be read \(Input/output error\)"):
        cached_features(images, mean_colour, progress=False)


def test_the_device_is_picked_and_named_only_to_extract(images, mean_colour, own_cache, caplog):
    caplog.set_level(logging.INFO, "dse")
    first = cached_features(images, mean_colour, device="cpu", progress=False)
    assert "device: CPU" in caplog.text
    caplog.clear()
    again = cached_features(images, mean_colour, device="nowhere", progress=False)
    assert torch.equal(first, again)
    assert not caplog.text
    with pytest.raises(InputError, match="nowhere"):
        cached_features(images[1:], mean_colour, device="nowhere", progress=False)


def test_the_best_device_here_extracts_unless_told(images, mean_colour, own_cache, monkeypatch):
    asked = []
    monkeypatch.setattr(module, "pick_device", lambda name: asked.append(name) or "cpu")
    cached_features(images, mean_colour, progress=False)
    assert asked == [None]


def test_of_two_processes_one_extracts_and_the_other_waits(
    images, mean_colour, own_cache, monkeypatch, caplog
):
    caplog.set_level(logging.INFO, "dse")
    extract, extracted = module.extract_features, []
    begun, waits = threading.Event(), threading.Event()

    def slow(paths, *options):
        extracted.append(len(paths))
        begun.set()
        assert waits.wait(60)
        return extract(paths, *options)

    class Handler(logging.Handler):
        def emit(self, record):
            if "waiting" in record.getMessage():
                waits.set()

    handler = Handler()
    logging.getLogger("dse").addHandler(handler)
    monkeypatch.setattr(module, "extract_features", slow)
    results = []

    def process():
        results.append(cached_features(images, mean_colour, device="cpu", progress=False))

    threads = [threading.Thread(target=process) for _ in range(2)]
    try:
        threads[0].start()
        assert begun.wait(60)
        threads[1].start()
        for thread in threads:
            thread.join()
    finally:
        logging.getLogger("dse").removeHandler(handler)
    assert extracted == [70]
    assert torch.equal(*results)


@pytest.mark.parametrize("damaged", [False, True])
def test_a_cache_that_another_process_has_just_published_is_kept(
    images, mean_colour, own_cache, monkeypatch, damaged
):
    if damaged:
        cached_features(images, mean_colour, progress=False)
        (file,) = own_cache.glob("features/*/features.safetensors")
        file.write_bytes(b"damaged")
    only_process, published = module._only_process, []

    @contextmanager
    def after_another(folder):
        """Between our first look and the lock another process extracts and publishes."""
        monkeypatch.setattr(module, "_only_process", only_process)
        published.append(cached_features(images, mean_colour, progress=False))
        (file,) = own_cache.glob("features/*/features.safetensors")
        published.append(file.stat().st_ino)
        with only_process(folder):
            yield

    monkeypatch.setattr(module, "_only_process", after_another)
    features = cached_features(images, mean_colour, progress=False)
    assert torch.equal(features, published[0])
    (file,) = own_cache.glob("features/*/features.safetensors")
    assert file.stat().st_ino == published[1]


def test_a_lock_that_a_killed_process_left_stops_nobody(images, mean_colour, own_cache):
    expected = cached_features(images, mean_colour, progress=False)
    (folder,) = cache_folders(own_cache)
    assert folder.with_name(folder.name + ".lock").exists()
    (folder / "features.safetensors").unlink()
    assert torch.equal(expected, cached_features(images, mean_colour, progress=False))


def test_what_a_process_left_that_was_killed_before_it_cleared_up_is_removed(
    images, mean_colour, own_cache
):
    first = cached_features(images, mean_colour, progress=False)
    (folder,) = cache_folders(own_cache)
    shards = folder.with_name(folder.name + ".partial")
    shards.mkdir()
    (shards / "0000000.safetensors").write_bytes(b"any")
    folder.with_name(f".{folder.name}.abcdefgh.dse").mkdir()
    assert torch.equal(cached_features(images, mean_colour, progress=False), first)
    assert [path for path in folder.parent.iterdir() if path.is_dir()] == [folder]

"""The images of any folder: found, kept one by one, and what cannot be read named."""

import logging
import os
from random import Random

import pytest
import torch
from safetensors.torch import load_file, save_file

from dse.images import image_folder as module
from dse.images.features import extract_features
from dse.images.image_folder import find_images, read_image_folder
from dse.utils.errors import InputError
from faults.corruptions import NO_FILE, PLACE
from mean_colour import draw


@pytest.fixture
def extracted(monkeypatch):
    """How many images each extraction was given."""
    counts = []

    def counted(paths, *options):
        counts.append(len(paths))
        return extract_features(paths, *options)

    monkeypatch.setattr(module, "extract_features", counted)
    return counts


@pytest.fixture
def photos(tmp_path, own_cache):
    for i in range(5):
        draw(tmp_path / "photos" / f"{i}.png", (50 * i, 0, 0))
    return tmp_path / "photos"


def read(folder, encoder):
    return read_image_folder(folder, encoder, device="cpu", progress=False)


def test_images_are_found_in_subfolders_and_hidden_ones_are_not(tmp_path):
    shown = ["b.JPG", "a/one.jpeg", "a/deep/two.png", "c.webp"]
    for name in [*shown, ".hidden.jpg", "a/._one.jpeg", ".thumbnails/b.jpg", "notes.txt", "x.gif"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.jpg").mkdir()
    assert find_images(tmp_path) == sorted(tmp_path / name for name in shown)


def test_features_are_in_the_order_of_the_paths(photos, mean_colour):
    images = read(photos, mean_colour)
    assert [path.name for path in images.paths] == [f"{i}.png" for i in range(5)]
    expected = torch.tensor([[50 * i / 255, 0, 0] for i in range(5)])
    torch.testing.assert_close(images.features, expected)
    assert images.skipped == {}


def test_only_what_is_new_is_extracted(photos, mean_colour, extracted):
    first = read(photos, mean_colour)
    assert torch.equal(read(photos, mean_colour).features, first.features)
    assert extracted == [5]
    (photos / "old").mkdir()
    (photos / "3.png").rename(photos / "old" / "moved.png")
    draw(photos / "new.png", (0, 255, 0))
    images = read(photos, mean_colour)
    assert extracted == [5, 1]
    by_name = dict(zip((path.name for path in images.paths), images.features, strict=True))
    assert torch.equal(by_name["moved.png"], first.features[3])
    assert by_name["new.png"].tolist() == [0.0, 1.0, 0.0]


def test_an_image_that_changes_is_extracted_again(photos, mean_colour, extracted):
    read(photos, mean_colour)
    draw(photos / "0.png", (0, 0, 255))
    assert read(photos, mean_colour).features[0].tolist() == [0.0, 0.0, 1.0]
    assert extracted == [5, 1]


def test_the_same_image_twice_is_extracted_once(photos, mean_colour, extracted):
    (photos / "copy.png").write_bytes((photos / "2.png").read_bytes())
    images = read(photos, mean_colour)
    assert extracted == [5]
    assert torch.equal(images.features[2], images.features[5])


def test_another_encoder_has_features_of_its_own(photos, mean_colour, extracted):
    read(photos, mean_colour)
    object.__setattr__(mean_colour, "weights_digest", "other")
    read(photos, mean_colour)
    assert extracted == [5, 5]


def test_a_killed_extraction_goes_on_where_it_was(photos, mean_colour, monkeypatch):
    monkeypatch.setattr(module, "SHARD_SIZE", 2)
    counts = []

    def killed_at_the_second(paths, *options):
        counts.append(len(paths))
        if len(counts) == 2:
            raise KeyboardInterrupt
        return extract_features(paths, *options)

    monkeypatch.setattr(module, "extract_features", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        read(photos, mean_colour)
    assert len(read(photos, mean_colour)) == 5
    assert counts == [2, 2, 2, 1]


def test_a_damaged_cache_is_made_again(photos, mean_colour, own_cache, extracted):
    first = read(photos, mean_colour)
    (file,) = own_cache.glob("images/*/*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    assert torch.equal(read(photos, mean_colour).features, first.features)
    assert extracted == [5, 5]
    assert torch.equal(read(photos, mean_colour).features, first.features)
    assert extracted == [5, 5]


def test_a_flipped_bit_in_the_cache_is_noticed(photos, mean_colour, own_cache, extracted):
    first = read(photos, mean_colour)
    (file,) = own_cache.glob("images/*/*.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert torch.equal(read(photos, mean_colour).features, first.features)
    assert extracted == [5, 5]


@pytest.mark.parametrize("instead", NO_FILE)
def test_whatever_stands_in_the_place_of_the_cache_is_replaced(
    photos, mean_colour, own_cache, instead
):
    first = read(photos, mean_colour)
    (file,) = own_cache.glob("images/*/*.safetensors")
    PLACE[instead](file, Random(0))
    assert torch.equal(read(photos, mean_colour).features, first.features)
    assert load_file(file)


def test_features_of_other_dimensions_in_the_cache_are_made_again(
    photos, mean_colour, own_cache, extracted
):
    first = read(photos, mean_colour)
    (file,) = own_cache.glob("images/*/*.safetensors")
    save_file({digest: torch.zeros(4) for digest in load_file(file)}, file)
    assert torch.equal(read(photos, mean_colour).features, first.features)


@pytest.mark.parametrize("instead", [name for name in NO_FILE if name != "a folder"])
def test_what_is_no_file_is_skipped_with_a_word(photos, mean_colour, instead):
    PLACE[instead](photos / "3.png", Random(0))
    images = read(photos, mean_colour)
    assert len(images) == 4 and list(images.skipped) == [photos / "3.png"]


@pytest.mark.parametrize("shard_size", [1, 3, 256])
def test_what_cannot_be_read_is_named_skipped_and_counted(
    photos, mean_colour, monkeypatch, caplog, shard_size
):
    monkeypatch.setattr(module, "SHARD_SIZE", shard_size)
    caplog.set_level(logging.WARNING, "dse")
    (photos / "1.png").write_bytes(b"broken")
    (photos / "1b.png").write_bytes(b"broken")
    (photos / "3.png").unlink()
    (photos / "3.png").symlink_to("nowhere.png")
    for _ in range(2):
        images = read(photos, mean_colour)
        assert [path.name for path in images.paths] == ["0.png", "2.png", "4.png"]
        assert images.features[:, 0].mul(255).round().tolist() == [0, 100, 200]
        assert {path.name for path in images.skipped} == {"1.png", "1b.png", "3.png"}
        assert "1b.png cannot be read" in images.skipped[photos / "1b.png"]
    assert caplog.text.count("skipped: ") == 6
    assert repr(images) == f"ImageFolder({str(photos)!r}, 3 images, 3 skipped)"


def test_folders_without_anything_to_read(tmp_path, mean_colour, own_cache):
    with pytest.raises(InputError, match="nowhere"):
        read(tmp_path / "nowhere", mean_colour)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(InputError, match="no image"):
        read(tmp_path, mean_colour)
    (tmp_path / "broken.jpg").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"broken\.jpg"):
        read(tmp_path, mean_colour)


def test_a_name_that_is_no_text_is_shown_with_signs(tmp_path, mean_colour, own_cache):
    name = os.fsencode(tmp_path) + b"/caf\xe9\x1b[2J.png"
    draw(tmp_path / "plain.png", "red")
    os.rename(tmp_path / "plain.png", name)
    images = read(tmp_path, mean_colour)
    sign = "\N{REPLACEMENT CHARACTER}"
    assert images.name(images.paths[0]) == f"caf{sign}{sign}[2J.png"

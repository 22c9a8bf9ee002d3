"""FieldGuide: the same everywhere, in confusable pairs, described without giving itself away."""

import hashlib
import json
from collections import Counter
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dse.datasets import fieldguide, read_dataset
from dse.datasets.fieldguide.captions import describe
from dse.datasets.fieldguide.challenges import challenge_captions
from dse.datasets.fieldguide.chance import stream
from dse.datasets.fieldguide.drawing import draw_bird
from dse.datasets.fieldguide.species import (
    ATTRIBUTES,
    COLOURED_PARTS,
    draw_attributes,
    draw_species,
)
from dse.datasets.fieldguide.view import COVERED, sample_view
from dse.text.tokens import words

VERSION = fieldguide.GUIDE_VERSION
# Another hash means another FieldGuide: raise GUIDE_VERSION, and measure the book's numbers again.
WORLD_OF_VERSION = {2: "2bff36a665c09052"}
IMAGE = [
    [208.0, 190.8, 188.6, 191.7],
    [201.9, 115.6, 192.0, 201.8],
    [210.0, 122.9, 156.9, 209.0],
    [215.4, 183.2, 175.2, 209.6],
]


@pytest.fixture(scope="module")
def data():
    return read_dataset("fieldguide")


def world_hash(data, captions):
    world = {
        "classes": data.class_names,
        "attributes": data.class_attributes.tolist(),
        "splits": {split: classes.tolist() for split, classes in data.splits.items()},
        "labels": data.labels.tolist(),
        "captions": captions,
    }
    return hashlib.sha256(json.dumps(world, sort_keys=True).encode()).hexdigest()[:16]


def test_captions_attributes_and_splits_are_those_of_the_version(data):
    captions = list(fieldguide.guide_captions(fieldguide.guide_species()).values())
    found, expected = world_hash(data, captions), WORLD_OF_VERSION.get(VERSION)
    assert found == expected, "FieldGuide is described differently: raise GUIDE_VERSION"
    from_cache = data.captions == captions
    assert from_cache, "the cache holds other captions of this version: remove it"


def drawn_sheet():
    """25 birds at a quarter of their size, uint8 (160, 160, 3).

    They show every value of every attribute, and every background, perch and cover.
    """
    species = fieldguide.guide_species()
    drawn = [
        draw_bird(species[c].attributes, fieldguide.guide_images(c)[c % 26])
        for c in range(1, 200, 8)
    ]
    small = np.stack(drawn).reshape(5, 5, 32, 4, 32, 4, 3).mean((3, 5))
    return (small.transpose(0, 2, 1, 3, 4).reshape(160, 160, 3) + 0.5).astype(np.uint8)


def test_drawings_are_those_of_the_version(tmp_path):
    """Processors may differ by a grey level in single pixels; changes of a drawing are larger."""
    golden = Path(__file__).with_name(f"fieldguide_{VERSION}.png")
    drawn = drawn_sheet()
    Image.fromarray(drawn).save(tmp_path / golden.name)
    remedy = f"raise GUIDE_VERSION, look at {tmp_path / golden.name} and copy it to {golden}"
    assert golden.is_file(), f"no drawings of this version: {remedy}"
    with Image.open(golden) as image:
        difference = np.abs(np.asarray(image, int) - drawn).max()
    assert difference <= 1, f"FieldGuide is drawn differently: {remedy}"


def test_sizes(data):
    assert len(data.class_names) == len(set(data.class_names)) == 200
    assert {split: len(classes) for split, classes in data.splits.items()} == {
        "train": 100, "val": 50, "test": 50, "trainval": 150,
    }  # fmt: skip
    counts = torch.bincount(data.labels)
    assert (counts.min(), counts.max()) == (26, 34)
    assert all(len(own) == 10 for own in data.captions)
    assert data.class_attributes.sum(1).unique().tolist() == [len(ATTRIBUTES)]


def test_pairs_differ_in_two_exchanged_colours_and_share_a_split(data):
    pairs = fieldguide.confusable_pairs(data.class_names)
    assert pairs.tolist() == [[2 * k, 2 * k + 1] for k in range(100)]
    species = fieldguide.guide_species()
    for one, other in pairs.tolist():
        left, right = species[one].attributes, species[other].attributes
        different = [name for name in ATTRIBUTES if left[name] != right[name]]
        assert len(different) == 2 and set(different) <= set(COLOURED_PARTS)
        assert left[different[0]] == right[different[1]]
        assert left[different[1]] == right[different[0]]
        for split in ("train", "val", "test"):
            members = data.splits[split].tolist()
            assert (one in members) == (other in members)


def test_no_two_species_share_a_plumage():
    plumages = {
        tuple(bird.attributes[part] for part in COLOURED_PARTS)
        for bird in fieldguide.guide_species()
    }
    assert len(plumages) == 200


def test_a_bird_that_looks_like_one_before_is_drawn_again(monkeypatch):
    rng = stream(1)
    drawn_twice = (bird for _ in count() for bird in [draw_attributes(rng)] * 2)
    drawn = "dse.datasets.fieldguide.species.draw_attributes"
    monkeypatch.setattr(drawn, lambda _: next(drawn_twice))
    birds = draw_species(rng)
    plumages = {tuple(bird.attributes[part] for part in COLOURED_PARTS) for bird in birds}
    assert len(plumages) == len(birds) == 200


def test_no_caption_names_its_species(data):
    names = {word for name in data.class_names for word in name.split()}
    used = {word for own in data.captions for caption in own for word in words(caption)}
    assert not names & used


def test_words_of_a_pair_are_equally_frequent_in_many_captions():
    """The binding problem: a bag of words sees the two species of a pair alike."""
    one, other = (bird.attributes for bird in fieldguide.guide_species()[:2])
    draws = 6000
    counts = []
    for attributes, key in ((one, 1), (other, 2)):
        rng = stream(99, key)
        counts.append(
            Counter(w for _ in range(draws) for w in set(words(describe(attributes, (), rng))))
        )
    for word in set(counts[0]) | set(counts[1]):
        if word in ("is", "are", "a", "and", "its", "the"):  # of grammar, not of looks
            continue
        difference = abs(counts[0][word] - counts[1][word])
        assert difference < 5 * (counts[0][word] + counts[1][word] + 1) ** 0.5, word


def test_a_caption_names_two_to_five_attributes_and_none_that_is_hidden():
    rng = stream(5)
    attributes = {**draw_attributes(rng), "leg_colour": "pink", "tail_shape": "forked"}
    texts = [describe(attributes, {"leg_colour", "tail_shape"}, rng) for _ in range(500)]
    assert not any(word in text for text in texts for word in ("pink", "forked", "legs", "tail"))
    shown = [describe(attributes, (), rng) for _ in range(500)]
    assert any("pink" in text for text in shown) and any("forked" in text for text in shown)
    assert min(len(words(text)) for text in texts) >= 5
    assert max(len(text) for text in texts + shown) <= 201


def test_a_stated_share_of_plain_captions_is_mistyped():
    flat = [
        c
        for species in range(200)
        for i in range(3)
        for c in challenge_captions("reordered", species, i)
    ]
    known = Counter(w for c in flat for w in words(c))
    vocabulary = {word for word, count in known.items() if count > 25}
    mistyped = sum(any(word not in vocabulary for word in words(c)) for c in flat) / len(flat)
    assert 0.03 < mistyped < 0.07


def test_files_are_images_in_folders_of_their_species(data):
    assert all(path.is_file() for path in data.image_paths)
    c = int(data.labels[70])
    assert data.image_paths[70].parent.name == data.class_names[c].replace(" ", "_")
    with Image.open(data.image_paths[70]) as image:
        stored = np.asarray(image)
    number = int(data.image_paths[70].stem)
    bird = fieldguide.guide_species()[c]
    assert np.array_equal(stored, draw_bird(bird.attributes, fieldguide.guide_images(c)[number]))


@pytest.fixture
def small_guide(own_cache, monkeypatch):
    """Four species with one image each, and a cache of its own."""
    species = fieldguide.guide_species()[:4]
    monkeypatch.setattr(fieldguide, "guide_species", lambda: species)
    monkeypatch.setattr(fieldguide, "guide_splits", lambda: {"test": torch.arange(4)})
    monkeypatch.setattr(fieldguide, "IMAGES_PER_SPECIES", range(1, 2))
    return own_cache


def test_a_cache_is_complete_or_not_there(small_guide, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(fieldguide.json, "dumps", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fieldguide.read_fieldguide()
    assert not list(small_guide.iterdir())
    assert len(fieldguide.read_fieldguide()) == 4
    assert len(list(small_guide.rglob("*.png"))) == 4
    assert [path.name for path in small_guide.iterdir()] == [f"fieldguide-{VERSION}"]


@pytest.mark.parametrize("damage", ["bit", "cut", "empty", "no captions", "no image", "folder"])
def test_a_damaged_cache_is_drawn_again(small_guide, damage):
    first = fieldguide.read_fieldguide()
    folder = small_guide / f"fieldguide-{VERSION}"
    captions = folder / "captions.json"
    content = captions.read_bytes()
    if damage == "bit":
        place = content.index(b"bird")
        captions.write_bytes(content[:place] + b"c" + content[place + 1 :])
    elif damage == "no image":
        first.image_paths[2].unlink()
    elif damage == "folder":
        captions.unlink()
        captions.mkdir()
    else:
        captions.unlink()
        if damage != "no captions":
            captions.write_bytes(content[: len(content) // 2] if damage == "cut" else b"")
    again = fieldguide.read_fieldguide()
    assert again.captions == first.captions
    assert all(path.is_file() for path in first.image_paths)
    assert captions.read_bytes() == content


@pytest.mark.parametrize("content", [b"[]", b"{}", b"1", b'{"a/00.png": "red"}', b"[" * 10_000])
def test_captions_of_another_form_are_written_again(small_guide, content):
    first = fieldguide.read_fieldguide()
    folder = small_guide / f"fieldguide-{VERSION}"
    (folder / fieldguide.CHECKSUM).unlink()
    (folder / "captions.json").write_bytes(content)
    assert fieldguide.read_fieldguide().captions == first.captions


def test_a_cache_from_before_the_checksum_is_used(small_guide, monkeypatch):
    first = fieldguide.read_fieldguide()
    (small_guide / f"fieldguide-{VERSION}" / fieldguide.CHECKSUM).unlink()
    monkeypatch.setattr(fieldguide, "_publish", None)
    assert fieldguide.read_fieldguide().captions == first.captions


def test_another_version_is_drawn_again(small_guide, monkeypatch):
    first = fieldguide.read_fieldguide()
    monkeypatch.setattr(fieldguide, "CAPTIONS_PER_IMAGE", 2)
    assert fieldguide.read_fieldguide().captions == first.captions
    monkeypatch.setattr(fieldguide, "GUIDE_VERSION", VERSION + 1)
    assert {len(own) for own in fieldguide.read_fieldguide().captions} == {2}


def test_drawing_is_golden():
    """Means of a coarse grid, so that one grey level of difference is allowed for."""
    bird = draw_attributes(stream(1))
    image = draw_bird(bird, sample_view(stream(2)))
    assert image.shape == (128, 128, 3) and image.dtype == np.uint8
    grid = image.reshape(4, 32, 4, 32, 3).mean((1, 3, 4))
    np.testing.assert_allclose(grid, IMAGE, atol=1.5)


@pytest.mark.parametrize("part", COLOURED_PARTS)
@pytest.mark.parametrize("cover", COVERED)
def test_every_coloured_part_shows_in_every_view(part, cover):
    from dataclasses import replace

    bird = {**draw_attributes(stream(3)), part: "black"}
    for seed in range(6):
        view = replace(sample_view(stream(seed)), cover=cover)
        black = draw_bird(bird, view).astype(int)
        yellow = draw_bird({**bird, part: "yellow"}, view).astype(int)
        changed = np.abs(black - yellow).max(2) > 60
        assert changed.mean() > 0.006, (part, cover, changed.mean())


def test_what_a_view_hides_is_never_a_coloured_part():
    assert not {name for hidden in COVERED.values() for name in hidden} & set(COLOURED_PARTS)
    views = [sample_view(stream(8, i)) for i in range(400)]
    share_hidden = np.mean([bool(view.hidden) for view in views])
    assert 0.3 < share_hidden < 0.5


def test_a_view_is_golden():
    view = sample_view(stream(2))
    assert (view.background, view.perch, view.mirrored) == ("snow", "post", True)

"""Minibatches: distinct classes, own images, own captions, uniform, from one generator."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.config import TrainingConfig
from dse.datasets.described_images import DescribedImages
from dse.sampling import MinibatchSampler, fit_batch_size
from dse.utils.errors import InputError
from toy_data import colourful_data


def ragged_data(seed=0, num_classes=7):
    """Images in mixed order, classes of 1 to 5 images, images of 1 to 12 captions."""
    generator = torch.Generator().manual_seed(seed)
    per_class = torch.randint(1, 6, (num_classes,), generator=generator)
    labels = torch.arange(num_classes).repeat_interleave(per_class)
    labels = labels[torch.randperm(len(labels), generator=generator)]
    counts = torch.randint(1, 13, (len(labels),), generator=generator).tolist()
    captions = [[f"{image} {k}" for k in range(count)] for image, count in enumerate(counts)]
    return DescribedImages(
        "ragged",
        torch.zeros(len(labels), 3, 2),
        labels,
        captions,
        [f"class {c}" for c in range(num_classes)],
        {"trainval": torch.arange(num_classes)},
    )


@given(st.integers(0, 2**31), st.integers(1, 7), st.integers(1, 12))
def test_every_sample_belongs_together(seed, batch_size, captions_per_image):
    data = ragged_data(seed % 5)
    flat = [caption for own in data.captions for caption in own]
    sampler = MinibatchSampler(data, batch_size, captions_per_image)
    batch = sampler.draw(torch.Generator().manual_seed(seed))
    assert len(set(batch.classes.tolist())) == batch_size
    assert torch.equal(data.labels[batch.images], batch.classes)
    assert ((batch.views >= 0) & (batch.views < 3)).all()
    for image, caption in zip(batch.images.tolist(), batch.captions.tolist(), strict=True):
        owner, number = map(int, flat[caption].split())
        assert owner == image
        assert number < captions_per_image


def test_all_classes_images_views_and_captions_are_drawn_equally_often():
    data = ragged_data()
    sampler = MinibatchSampler(data, batch_size=3, captions_per_image=4)
    generator = torch.Generator().manual_seed(0)
    draws = 6000
    batches = [sampler.draw(generator) for _ in range(draws)]
    images = torch.cat([batch.images for batch in batches])
    expected = (3 * draws / 7) / torch.bincount(data.labels)[data.labels]
    seen = torch.bincount(images, minlength=len(data.labels))
    assert ((seen - expected).abs() < 5 * expected.sqrt()).all()
    captions = torch.cat([batch.captions for batch in batches])
    used = torch.tensor([min(4, len(own)) for own in data.captions])
    per_caption = (seen / used)[images]
    counts = torch.bincount(captions)[captions]
    assert ((counts - per_caption).abs() < 5.5 * per_caption.sqrt()).all()
    views = torch.bincount(torch.cat([batch.views for batch in batches]))
    assert (views - draws).abs().max() < 5 * draws**0.5


def test_one_generator_gives_the_same_batches_again():
    sampler = MinibatchSampler(ragged_data(), 4)
    one, other = (sampler.draw(torch.Generator().manual_seed(5)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    different = sampler.draw(torch.Generator().manual_seed(6))
    assert not all(torch.equal(a, b) for a, b in zip(one, different, strict=True))


def test_image_view_and_caption_come_from_numbers_of_their_own():
    """The draws written out, one pair after the other: none is tied to another."""
    data, generator = ragged_data(), torch.Generator().manual_seed(8)
    batch = MinibatchSampler(data, 5, captions_per_image=4).draw(generator)
    generator.manual_seed(8)
    classes = torch.randperm(7, generator=generator)[:5].tolist()
    chance = torch.rand(3, 5, dtype=torch.float64, generator=generator).tolist()
    for i, c in enumerate(classes):
        own = [n for n, label in enumerate(data.labels.tolist()) if label == c]
        image = own[int(chance[0][i] * len(own))]
        caption = int(chance[2][i] * min(4, len(data.captions[image])))
        before = sum(len(captions) for captions in data.captions[:image])
        drawn = [int(of_kind[i]) for of_kind in batch]
        assert drawn == [c, image, int(chance[1][i] * 3), before + caption]


def test_the_defaults_are_the_papers_and_data_without_features_has_one_view():
    sampler = MinibatchSampler(replace(ragged_data(num_classes=45), features=None))
    assert (sampler.batch_size, int(sampler.captions_used.max())) == (40, 10)
    assert not sampler.draw(torch.Generator().manual_seed(0)).views.any()


def test_refuses_more_pairs_than_classes():
    with pytest.raises(InputError, match="40 distinct classes and ragged has 7"):
        MinibatchSampler(ragged_data(), 40)
    with pytest.raises(InputError, match="captions_per_image is 0"):
        MinibatchSampler(ragged_data(), 4, captions_per_image=0)


@given(st.integers(2, 200), st.integers(1, 8))
def test_the_default_batch_is_the_largest_that_classes_and_processes_allow(classes, processes):
    config = TrainingConfig("bag-of-words", seed=3)
    if classes < processes:
        with pytest.raises(InputError, match="needs"):
            fit_batch_size(config, classes, processes)
        return
    fitted = fit_batch_size(config, classes, processes)
    assert fitted.seed == 3
    if classes >= 40:
        assert fitted == config  # shared out evenly or not: that is refused elsewhere
    else:
        assert fitted.batch_size == max(b for b in range(classes + 1) if b % processes == 0)


def test_a_fitted_batch_is_said_and_a_chosen_one_is_refused(caplog):
    caplog.set_level("INFO", "dse")
    config = TrainingConfig("bag-of-words")
    assert fit_batch_size(config, 40) is config
    assert not caplog.messages
    fit_batch_size(config, 15)
    assert caplog.messages == ["batch size: 15 in place of 40, as there are 15 classes to train on"]
    with pytest.raises(InputError, match="--batch-size 15"):
        fit_batch_size(config, 15, chosen=True)
    with pytest.raises(InputError, match="trainval has 15 to train on: give --batch-size 15"):
        fit_batch_size(TrainingConfig("bag-of-words", batch_size=16), 15)
    with pytest.raises(InputError, match="trainval has 0 classes: training"):
        fit_batch_size(config, 0)
    with pytest.raises(InputError, match="1 class:"):
        fit_batch_size(TrainingConfig("bag-of-words", batch_size=2), 1)


def test_an_image_without_a_caption_is_named():
    data = colourful_data()
    captions = [*data.captions[:7], [], *data.captions[8:]]
    silent = replace(data, captions=captions)  # it may be evaluated
    with pytest.raises(InputError, match="image 7"):  # and not trained with another's caption
        MinibatchSampler(silent, batch_size=2)

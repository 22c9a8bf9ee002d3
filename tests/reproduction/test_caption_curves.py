"""Evaluation with few captions, against loops over every draw and over every combination."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dse.reproduction.caption_curves import DRAWS, caption_curve, single_caption


def random_set(seed, captions_per_class=(3, 2, 4), images=30, dim=5):
    """Images and captions of three classes at random: (images, labels, captions, owners)."""
    generator = torch.Generator().manual_seed(seed)
    classes = len(captions_per_class)
    labels = torch.randint(0, classes, (images,), generator=generator)
    owners = torch.arange(classes).repeat_interleave(torch.tensor(captions_per_class))
    owners = owners[torch.randperm(len(owners), generator=generator)]
    return (
        torch.randn(images, dim, generator=generator),
        labels,
        torch.randn(len(owners), dim, generator=generator),
        owners,
    )


def literal_top1(images, labels, texts):
    """The share of images whose own class is the first with the highest score."""
    right = 0
    for image, label in zip(images, labels.tolist(), strict=True):
        scores = [float(image @ text) for text in texts]
        right += scores.index(max(scores)) == label
    return right / len(labels)


@given(st.integers(0, 2**31))
def test_single_caption_equals_all_combinations_of_one_caption_a_class(seed):
    images, labels, captions, owners = random_set(seed)
    figures = single_caption(images @ captions.T, labels, owners)
    choices = [(owners == c).nonzero().flatten().tolist() for c in range(3)]
    shares = [
        literal_top1(images, labels, captions[list(chosen)])
        for chosen in itertools.product(*choices)
    ]
    assert figures["top1"] == pytest.approx(sum(shares) / len(shares), abs=1e-9)


@given(st.integers(0, 2**31))
def test_single_caption_queries_equal_a_loop_over_captions(seed):
    images, labels, captions, owners = random_set(seed, images=80)
    figures = single_caption(images @ captions.T, labels, owners)
    by_class = {0: [], 1: [], 2: []}
    for caption, owner in zip(captions, owners.tolist(), strict=True):
        ranked = sorted(range(80), key=lambda n: -float(images[n] @ caption))[:50]
        by_class[owner].append(sum(int(labels[n] == owner) for n in ranked) / 50)
    means = [sum(values) / len(values) for values in by_class.values()]
    assert figures["ap50_per_class"] == pytest.approx(means, abs=1e-6)
    assert figures["ap50"] == pytest.approx(sum(means) / 3, abs=1e-6)


def test_equal_scores_go_to_the_first_class_as_in_argmax():
    scores = torch.ones(2, 2)  # one caption each of class 0 and 1, equally good for both images
    figures = single_caption(scores, torch.tensor([0, 1]), torch.tensor([0, 1]))
    assert figures["top1"] == 0.5


def test_curve_equals_a_literal_one():
    images, labels, captions, owners = random_set(3, captions_per_class=(6, 2, 9), images=70)
    generator = torch.Generator().manual_seed(11)
    expected = []
    for n in (1, 4):
        for _ in range(DRAWS):
            texts = []
            for c in range(3):
                own = [t for t in range(len(owners)) if owners[t] == c]
                order = torch.randperm(len(own), generator=generator).tolist()
                texts.append(sum(captions[own[i]] for i in order[:n]) / min(n, len(own)))
            expected.append(literal_top1(images, labels, texts))
    rows = caption_curve(images, labels, captions, owners, seed=11, counts=(1, 4))
    assert [row["captions"] for row in rows] == [1, 4, "all"]
    assert rows[0]["top1"] + rows[1]["top1"] == pytest.approx(expected)
    means = [captions[owners == c].mean(0) for c in range(3)]
    assert rows[2]["top1"] == pytest.approx([literal_top1(images, labels, means)])


def test_a_curve_beyond_all_captions_is_flat_and_its_seed_decides_the_rest():
    data = random_set(5)
    few, many, everything = caption_curve(*data, seed=0, counts=(1, 4))
    assert set(many["top1"]) == set(everything["top1"]) and len(many["ap50"]) == DRAWS
    assert len(set(few["top1"])) > 1
    assert caption_curve(*data, seed=0, counts=(1,))[0] == few
    assert caption_curve(*data, seed=1, counts=(1,))[0] != few

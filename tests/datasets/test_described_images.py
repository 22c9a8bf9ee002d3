"""A data set that contradicts itself is refused; which of its classes look alike."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cosine_similarity

import dse
from dse.datasets.described_images import DescribedImages
from dse.datasets.fieldguide import confusable_pairs
from dse.utils.errors import InputError

DATA = DescribedImages(
    "toy",
    torch.zeros(3, 1, 2),
    torch.tensor([1, 0, 1]),
    [["a", "b"], ["c"], ["d"]],
    ["finch", "wren"],
    {"trainval": torch.tensor([0]), "val": torch.tensor([], dtype=torch.int64)},
    image_encoder="colours",
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"captions": [["a"], ["c"]]}, "3 labels, 2 lists of captions and 3 features"),
        ({"features": torch.zeros(4, 1, 2)}, "3 lists of captions and 4 features"),
        ({"features": None, "captions": []}, "0 lists of captions and no features"),
        ({"features": torch.zeros(3, 2)}, r"shape \(3, 2\): make it \(N, views, D\)"),
        ({"labels": torch.tensor([1, 0, 1]).int()}, "int64"),
        ({"labels": [1, 0, 1]}, "int64"),
        ({"captions": [["a"], "cd", ["e"]]}, "one string"),
        ({"splits": {"val": torch.tensor([1, 2])}}, "val lies outside 0 to 1"),
        ({"splits": {"val": torch.tensor([-1, 1])}}, "val lies outside 0 to 1"),
        ({"labels": torch.tensor([1, 0, 2])}, "outside 0 to 1"),
        ({"labels": torch.tensor([1, 0, -1])}, "outside 0 to 1"),
        ({"labels": torch.tensor([0, 0, 0])}, "'wren' has no image"),
        ({"splits": {"trainval": torch.tensor([0, 1]), "test": torch.tensor([1])}}, "'wren' is in"),
    ],
)
def test_what_contradicts_itself_is_refused(changes, message):
    with pytest.raises(InputError, match=f"toy: .*{message}"):
        replace(DATA, **changes)


def test_a_split_that_is_unknown_or_empty_is_refused():
    with pytest.raises(InputError, match="'test': toy has trainval, val"):
        DATA.subset("test")
    assert len(DATA.subset("val")) == 0
    with pytest.raises(InputError, match="no class in val"):
        DATA.unseen_classes("val")


@pytest.mark.parametrize(
    ("features", "shown"),
    [
        (None, "no features"),
        (torch.zeros(3, 1, 2), "2 features in 1 view by colours"),
        (torch.zeros(3, 10, 2), "2 features in 10 views by colours"),
    ],
)
def test_is_short_in_print(features, shown):
    counts = "2 classes, 3 images, 4 captions"
    assert repr(replace(DATA, features=features)) == f"DescribedImages('toy', {counts}, {shown})"


def test_the_species_of_a_pair_look_alike():
    test = dse.load_dataset("fieldguide").subset("test")
    pairs = confusable_pairs(test.class_names)
    both_ways = {tuple(pair) for pair in torch.cat([pairs, pairs.flip(1)]).tolist()}
    assert {tuple(pair) for pair in test.look_alikes().tolist()} == both_ways


def test_a_class_is_paired_with_the_nearest_mean_image():
    test = dse.load_dataset("fieldguide").subset("val")
    generator = torch.Generator().manual_seed(0)
    shape = (len(test.labels), 1, 8)
    test = replace(test, features=torch.randn(shape, generator=generator), test_features=None)
    classes = range(len(test.class_names))
    means = [test.features[test.labels == c, 0].mean(0) for c in classes]
    centre = sum(means) / len(means)
    for one, other in test.look_alikes().tolist():
        similar = [float(cosine_similarity(means[one] - centre, m - centre, dim=0)) for m in means]
        similar[one] = -2
        assert other == similar.index(max(similar))

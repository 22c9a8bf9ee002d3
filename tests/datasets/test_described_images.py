"""Which classes of a data set look alike."""

from dataclasses import replace

import torch
from torch.nn.functional import cosine_similarity

import dse
from dse.datasets.fieldguide import confusable_pairs


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

"""Pairs of features and captions for PyTorch's data loaders."""

from dataclasses import replace

import pytest
import torch
from torch.utils.data import DataLoader

from dse.datasets.described_images import DescribedImages
from dse.utils.errors import InputError

DATA = DescribedImages(
    "toy",
    torch.arange(12).view(3, 2, 2).half(),
    torch.tensor([1, 0, 1]),
    [["a", "b"], ["c"], ["d", "e", "f"]],
    ["first", "second"],
    {"test": torch.tensor([0])},
    test_features=torch.arange(6).view(3, 2).half() / 2,
)


@pytest.mark.parametrize("data", [DATA, DATA.subset("test")])
def test_each_caption_comes_with_its_images_features_and_class(data):
    pairs = data.pairs()
    features, captions, labels = zip(*(pairs[t] for t in range(len(pairs))), strict=True)
    assert list(captions) == data.all_captions
    assert list(labels) == data.caption_owners.tolist()
    counts = torch.tensor([len(own) for own in data.captions])
    assert torch.equal(torch.stack(features), data.whole_images().repeat_interleave(counts, 0))


def test_a_data_loader_reads_every_pair_once():
    batches = list(DataLoader(DATA.pairs(), batch_size=4, shuffle=True))
    assert [features.shape for features, _, _ in batches] == [(4, 2), (2, 2)]
    assert all(features.dtype == torch.float32 for features, _, _ in batches)
    assert sorted(caption for _, captions, _ in batches for caption in captions) == list("abcdef")
    assert torch.cat([labels for _, _, labels in batches]).bincount().tolist() == [1, 5]


def test_data_without_features_are_refused():
    with pytest.raises(InputError, match="toy"):
        replace(DATA, features=None).pairs()

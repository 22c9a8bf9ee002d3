"""Feature extraction: right, in order, a batch at a time."""

import pytest
import torch
from PIL import Image

from dse.images import features as module
from dse.images.features import BATCH_SIZE, extract_features
from dse.utils.errors import InputError


@pytest.mark.parametrize("views", [1, 10])
def test_features_come_in_the_order_of_the_files(images, mean_colour, views):
    features = extract_features(images, mean_colour, views)
    assert features.shape == (70, views, 3)
    expected = torch.tensor([[3 * i, 255 - i, 7] for i in range(70)]) / 255
    torch.testing.assert_close(features, expected[:, None].expand(-1, views, -1))
    assert extract_features([], mean_colour, views).shape == (0, views, 3)


@pytest.mark.parametrize("views", [1, 10])
def test_a_thread_holds_one_batch_of_pixels(images, mean_colour, views, monkeypatch):
    in_hand, most, threads = 0, 0, torch.get_num_threads()

    def read(path):
        nonlocal in_hand, most
        in_hand += views
        most = max(most, in_hand)
        return Image.new("RGB", (8, 8))

    def encode(self, pixels):
        nonlocal in_hand
        assert torch.get_num_threads() == 1
        in_hand -= len(pixels)
        return torch.zeros(len(pixels), 3)

    monkeypatch.setattr(module, "read_image", read)
    monkeypatch.setattr(type(mean_colour), "encode", encode)
    extract_features(images, mean_colour, views)
    assert in_hand == 0
    assert most <= threads * max(BATCH_SIZE, views)
    assert torch.get_num_threads() == threads


def test_a_broken_image_is_named(images, mean_colour):
    images[50].write_bytes(b"broken")
    with pytest.raises(InputError, match=r"50\.png cannot be read"):
        extract_features(images, mean_colour)

"""An encoder whose features are known: the mean colour of an image."""

import pytest
from PIL import Image
from torch import nn

from dse.images.encoders import ImageEncoder


class MeanColour(nn.Module):
    def forward(self, pixels):
        return pixels.mean((2, 3))


@pytest.fixture
def mean_colour() -> ImageEncoder:
    zeros, ones = (0.0,) * 3, (255.0,) * 3
    bicubic = Image.Resampling.BICUBIC
    return ImageEncoder("mean/colour", 3, 8, bicubic, zeros, ones, MeanColour(), "digest")


@pytest.fixture
def images(tmp_path):
    """Seventy images, each of one colour: more than two batches."""
    paths = []
    for i in range(70):
        path = tmp_path / f"{i:02d}.png"
        Image.new("RGB", (9 + i, 20), (3 * i, 255 - i, 7)).save(path)
        paths.append(path)
    return paths

"""An encoder whose features are known: the mean colour of an image."""

import pytest
from PIL import Image

from dse.images.encoders import ImageEncoder
from mean_colour import mean_colour_encoder


@pytest.fixture
def mean_colour() -> ImageEncoder:
    return mean_colour_encoder()


@pytest.fixture
def images(tmp_path):
    """Seventy images, each of one colour: more than two batches."""
    paths = []
    for i in range(70):
        path = tmp_path / f"{i:02d}.png"
        Image.new("RGB", (9 + i, 20), (3 * i, 255 - i, 7)).save(path)
        paths.append(path)
    return paths

"""What the one data structure refuses: images that nothing is said of."""

from dataclasses import replace

import pytest

from dse.utils.errors import InputError
from toy_data import colourful_data


def test_an_image_without_a_caption_is_named():
    data = colourful_data()
    captions = [*data.captions[:7], [], *data.captions[8:]]
    with pytest.raises(InputError, match="image 7"):  # it would be trained with another's caption
        replace(data, captions=captions)

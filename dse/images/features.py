"""Images to features: decoded, encoded and put in order, a few at a time."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from dse.images.encoders import ImageEncoder
from dse.images.views import read_image

BATCH_SIZE = 4
"""Views that a thread encodes at a time: few enough for their feature maps to stay in its cache."""


def extract_features(paths: Sequence[Path], encoder: ImageEncoder, views: int = 1) -> torch.Tensor:
    """Run a frozen encoder over image files.

    Each thread decodes and encodes batches of its own, alone: that is faster than all threads in
    one batch, which wait for each other after every layer. A thread holds one batch of pixels.

    Args:
        paths: N image files.
        encoder: the frozen network.
        views: 1, the whole image, or 10, the paper's crops; an image is decoded once for all.

    Returns:
        float32 (N, views, D).

    Raises:
        InputError: an image that cannot be read.

    Chapter: 2, image features.
    """

    def encode(batch: Sequence[Path]) -> torch.Tensor:
        pixels = torch.cat([encoder.pixels(read_image(path), views) for path in batch])
        return encoder.encode(pixels).view(len(batch), views, encoder.dim)

    images = max(1, BATCH_SIZE // views)
    batches = [paths[start : start + images] for start in range(0, len(paths), images)]
    threads = torch.get_num_threads()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as workers:
        return torch.cat([torch.empty(0, views, encoder.dim), *workers.map(encode, batches)])

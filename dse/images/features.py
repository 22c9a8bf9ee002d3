"""Images to features: decoded, encoded and put in order, a few at a time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from dse.images.encoders import ImageEncoder
from dse.images.views import image_in_turn

BATCH_SIZE = 4
"""Views that a CPU thread encodes at a time, few enough for their feature maps to stay in its
cache."""
GPU_BATCH_SIZE = 64
"""Views that a GPU encodes at a time, enough to keep it busy."""


def extract_features(paths: Sequence[Path], encoder: ImageEncoder, views: int = 1) -> torch.Tensor:
    """Run a frozen encoder over image files, on the encoder's device.

    On a CPU each thread decodes and encodes batches of its own, alone: that is faster than all
    threads in one batch, which wait for each other after every layer. For a GPU the threads decode
    the next batch while it encodes this one. A thread, or the GPU, holds one batch of pixels.

    Args:
        paths: N image files.
        encoder: the frozen network.
        views: 1, the whole image, or 10, the paper's crops; an image is decoded once for all.

    Returns:
        float32 (N, views, D), on the CPU.

    Raises:
        InputError: an image that cannot be read.

    Chapter: 2, image features.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from dse.images.encoders import load_image_encoder
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "bird.png")
        ...     Image.new("RGB", (40, 30), "red").save(path)
        ...     features = extract_features([path], load_image_encoder("fieldguide"), views=10)
        >>> features.shape
        torch.Size([1, 10, 1024])
    """
    if not paths:
        return torch.empty(0, views, encoder.dim)
    on_cpu = encoder.device.type == "cpu"
    images = max(1, (BATCH_SIZE if on_cpu else GPU_BATCH_SIZE) // views)
    batches = [paths[start : start + images] for start in range(0, len(paths), images)]

    def pixels(path: Path) -> torch.Tensor:
        with image_in_turn(path) as image:
            return encoder.pixels(image, views)

    encode = _encode_on_cpu if on_cpu else _encode_on_gpu
    return torch.cat(encode(batches, pixels, encoder)).view(len(paths), views, encoder.dim)


def _encode_on_cpu(
    batches: Sequence[Sequence[Path]], pixels: Callable[[Path], torch.Tensor], encoder: ImageEncoder
) -> list[torch.Tensor]:
    """Features of each batch, float32 (images x views, D)."""
    threads = torch.get_num_threads()

    def encode(batch: Sequence[Path]) -> torch.Tensor:
        return encoder.encode(torch.cat([pixels(path) for path in batch]))

    try:
        with ThreadPoolExecutor(threads, None, torch.set_num_threads, (1,)) as workers:
            return list(workers.map(encode, batches))
    finally:
        # The number that any thread sets holds for all threads of the process that start later.
        torch.set_num_threads(threads)


def _encode_on_gpu(
    batches: Sequence[Sequence[Path]], pixels: Callable[[Path], torch.Tensor], encoder: ImageEncoder
) -> list[torch.Tensor]:
    """Features of each batch, float32 (images x views, D)."""
    features = []
    with ThreadPoolExecutor() as readers:
        decoding = readers.map(pixels, batches[0])
        for following in [*batches[1:], ()]:
            decoded, decoding = list(decoding), readers.map(pixels, following)
            features.append(encoder.encode(torch.cat(decoded)))
    return features

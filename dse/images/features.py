"""Pictures to features, once: extracted in batches, then read from a cache."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from tqdm.auto import tqdm

from dse.errors import InputError
from dse.files import cache_dir, written_whole
from dse.images.encoders import TRANSFORM_VERSION, ImageEncoder

BATCH_SIZE = 32


def extract_features(
    paths: Sequence[Path], encoder: ImageEncoder, progress: bool = True
) -> torch.Tensor:
    """Run a frozen encoder over picture files; no more than two batches of pixels are in memory.

    Args:
        paths: N picture files.
        encoder: the frozen network.
        progress: show a bar.

    Returns:
        float32 (N, 1, D): one view, the whole picture.

    Raises:
        InputError: a picture that cannot be read.

    Chapter: 2, image features.
    """
    features = torch.empty(len(paths), 1, encoder.dim)
    batches = [paths[start : start + BATCH_SIZE] for start in range(0, len(paths), BATCH_SIZE)]
    bar = tqdm(total=len(paths), desc=encoder.name, unit="picture", disable=not progress or None)
    with (
        ThreadPoolExecutor(1) as reader,
        bar,
    ):  # the next batch is decoded while this one is encoded
        upcoming = reader.submit(_read_batch, batches[0], encoder) if batches else None
        for i, batch in enumerate(batches):
            pixels = upcoming.result()
            if i + 1 < len(batches):
                upcoming = reader.submit(_read_batch, batches[i + 1], encoder)
            features[i * BATCH_SIZE :][: len(batch), 0] = encoder.encode(pixels)
            bar.update(len(batch))
    return features


def cached_features(
    paths: Sequence[Path], encoder: ImageEncoder, progress: bool = True
) -> torch.Tensor:
    """`extract_features`, or what it gave before for the same files and the same encoder.

    The cache is one safetensors file with a JSON index beside it, named by a hash of the files'
    names, sizes and times of change, the encoder, its weights and its transform. It is written
    whole or not at all; a damaged one is made again.
    """
    key = _cache_key(paths, encoder)
    folder = cache_dir() / "features" / f"{encoder.name}-{key[:16]}"
    features = _read_cache(folder, (len(paths), 1, encoder.dim))
    if features is None:
        shutil.rmtree(folder, ignore_errors=True)
        features = extract_features(paths, encoder, progress)
        about = {
            "image_encoder": encoder.name,
            "weights": encoder.weights_digest,
            "transform": TRANSFORM_VERSION,
            "key": key,
            "views": ["whole picture"],
            "pictures": [f"{path.parent.name}/{path.name}" for path in paths],
        }
        with written_whole(folder) as partial:
            partial.mkdir()
            save_file({"features": features}, partial / "features.safetensors")
            (partial / "index.json").write_text(json.dumps(about, indent=1))
    return features


def _read_cache(folder: Path, shape: tuple[int, int, int]) -> torch.Tensor | None:
    """The cached features, or None if there are none or they are damaged."""
    try:
        features = load_file(folder / "features.safetensors")["features"]
    except (OSError, KeyError, SafetensorError):
        return None
    return features if tuple(features.shape) == shape else None


def _cache_key(paths: Sequence[Path], encoder: ImageEncoder) -> str:
    digest = hashlib.sha256(f"{encoder.name} {encoder.weights_digest} {TRANSFORM_VERSION}".encode())
    for path in paths:
        status = path.stat()
        name = f"{path.parent.name}/{path.name}"
        digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _read_batch(paths: Sequence[Path], encoder: ImageEncoder) -> torch.Tensor:
    return torch.stack([_read_pixels(path, encoder) for path in paths])


def _read_pixels(path: Path, encoder: ImageEncoder) -> torch.Tensor:
    try:
        with Image.open(path) as picture:
            return encoder.pixels(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise InputError(
            f"{path} cannot be read as a picture ({type(error).__name__}): replace or remove it"
        ) from error

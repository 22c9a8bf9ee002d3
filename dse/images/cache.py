"""Features that were extracted once are read from then on, from a cache that can be trusted.

`$DSE_CACHE/features/NAME-KEY/` holds `features.safetensors` and `index.json`. KEY is a hash of what
the features depend on: the images' contents, the encoder with its weights and transform, the
views, the number format. While they are being made, `NAME-KEY.partial/` holds the shards that are
done; a killed extraction goes on from there.
"""

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from dse.images.encoders import ImageEncoder
from dse.images.features import extract_features
from dse.utils.errors import InputError
from dse.utils.files import cache_dir, remembered, written_whole
from dse.utils.progress import progress_bar

SHARD_SIZE = 256
"""Images whose features are written at a time, and lost at most by a kill."""


def cached_features(
    paths: Sequence[Path],
    encoder: ImageEncoder,
    views: int = 1,
    *,
    float16: bool = False,
    progress: bool = True,
) -> torch.Tensor:
    """`extract_features`, or what it gave before for the same images and the same encoder.

    Args:
        paths: N image files.
        encoder: the frozen network.
        views: 1 or 10.
        float16: store half the bytes, rounded to 11 significant bits.
        progress: show a bar.

    Returns:
        float32, or float16, (N, views, D), mapped from the file: pages are read when they are used.

    Raises:
        InputError: an image that cannot be read.

    Chapter: 2, image features.
    """
    about = {**encoder.describe(), "views": views, "dtype": "float16" if float16 else "float32"}
    digests = remembered("digests", paths, image_digest)
    key = hashlib.sha256(json.dumps([about, digests]).encode()).hexdigest()
    name = encoder.name.replace("/", "-")
    folder = cache_dir() / "features" / f"{name}-{key[:16]}"
    shape = (len(paths), views, encoder.dim)
    dtype = torch.float16 if float16 else torch.float32
    features = _read(folder / "features.safetensors", shape, dtype)
    if features is not None:
        return features
    shutil.rmtree(folder, ignore_errors=True)
    shards = folder.with_name(folder.name + ".partial")
    features = _extract_in_shards(paths, encoder, views, dtype, shards, progress)
    about["images"] = [f"{path.parent.name}/{path.name}" for path in paths]
    about["digests"] = digests
    with written_whole(folder) as partial:
        partial.mkdir()
        save_file({"features": features}, partial / "features.safetensors")
        (partial / "index.json").write_text(json.dumps(about, indent=1))
    shutil.rmtree(shards, ignore_errors=True)
    return _read(folder / "features.safetensors", shape, dtype)


def image_digest(path: Path) -> str:
    """A hash of an image file's content."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): put it there") from None


def _extract_in_shards(
    paths: Sequence[Path],
    encoder: ImageEncoder,
    views: int,
    dtype: torch.dtype,
    folder: Path,
    progress: bool,
) -> torch.Tensor:
    """Make the shards that are not there yet, and put all of them together."""
    options = {"total": len(paths), "desc": encoder.name, "unit": "image"}
    shards = []
    with progress_bar(progress=progress, **options) as bar:
        for start in range(0, len(paths), SHARD_SIZE):
            part = paths[start : start + SHARD_SIZE]
            file = folder / f"{start:07d}.safetensors"
            shard = _read(file, (len(part), views, encoder.dim), dtype)
            if shard is None:
                shard = extract_features(part, encoder, views).to(dtype)
                with written_whole(file) as partial:
                    save_file({"features": shard}, partial)
            shards.append(shard)
            bar.update(len(part))
    return torch.cat(shards) if shards else torch.empty(0, views, encoder.dim, dtype=dtype)


def _read(file: Path, shape: tuple[int, int, int], dtype: torch.dtype) -> torch.Tensor | None:
    """The features in a file, or None if they are not there or damaged."""
    try:
        features = load_file(file)["features"]
    except (OSError, KeyError, SafetensorError):
        return None
    return features if tuple(features.shape) == shape and features.dtype == dtype else None

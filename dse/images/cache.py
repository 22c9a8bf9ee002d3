"""Features that were extracted once are read from then on, from a cache that can be trusted.

`$DSE_CACHE/features/NAME-KEY/` holds `features.safetensors` and `index.json`. KEY is a hash of what
the features depend on: the images' contents, the encoder with its weights, transform and precision,
the views, the number format. During the extraction `NAME-KEY.partial/` holds the shards that are
done, so a killed extraction continues from there. `NAME-KEY.lock` lets one process extract, while
others that want the same features wait.
"""

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from dse.images.checked_files import load_checked, save_checked
from dse.images.encoders import ImageEncoder
from dse.images.features import extract_features
from dse.images.views import LARGEST_IMAGE, REMEDY
from dse.utils.devices import pick_device
from dse.utils.errors import InputError
from dse.utils.files import (
    cache_dir,
    refuse_no_file,
    remove,
    remove_abandoned,
    written_whole,
)
from dse.utils.progress import progress_bar

logger = logging.getLogger(__name__)

SHARD_SIZE = 256
"""Images whose features are written at a time; a killed extraction loses at most these."""


def cached_features(
    paths: Sequence[Path],
    encoder: ImageEncoder,
    views: int = 1,
    *,
    float16: bool = False,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> torch.Tensor:
    """`extract_features`, or what it returned before for the same images and the same encoder.

    Args:
        paths: N image files.
        encoder: the frozen network; it is moved to the device if features have to be extracted.
        views: 1 or 10.
        float16: store half the bytes, rounded to 11 significant bits.
        device: where to extract; None: the best one here.
        progress: show a bar.

    Returns:
        float32, or float16, (N, views, D), mapped from the file, so pages are read when used.

    Raises:
        InputError: an image that cannot be read, a device that is not there.

    Chapter: 2, image features.
    """
    about = {**encoder.describe(), "views": views, "dtype": "float16" if float16 else "float32"}
    with ThreadPoolExecutor() as threads:
        digests = list(threads.map(image_digest, paths))
    key = hashlib.sha256(json.dumps([about, digests]).encode()).hexdigest()
    name = encoder.name.replace("/", "-")
    folder = cache_dir() / "features" / f"{name}-{key[:16]}"
    shape = (len(paths), views, encoder.dim)
    dtype = torch.float16 if float16 else torch.float32
    file = folder / "features.safetensors"
    shards = folder.with_name(folder.name + ".partial")
    features = _read(file, shape, dtype)
    if features is not None and not shards.exists():
        return features
    with _only_process(folder):
        features = _read(file, shape, dtype)
        if features is not None:  # by another process, or one that was killed before it cleared up
            remove_abandoned(folder)
            shutil.rmtree(shards, ignore_errors=True)
            return features
        remove(folder)  # it is damaged, if it is there
        encoder.to(pick_device(device))
        features = _extract_in_shards(paths, encoder, views, dtype, shards, progress)
        about["images"] = [f"{path.parent.name}/{path.name}" for path in paths]
        about["digests"] = digests
        with written_whole(folder) as partial:
            partial.mkdir()
            save_checked({"features": features}, partial / "features.safetensors")
            (partial / "index.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        shutil.rmtree(shards, ignore_errors=True)
    return _read(file, shape, dtype)


def image_digest(path: Path) -> str:
    """A hash of an image file's content."""
    refuse_no_file(path, REMEDY, LARGEST_IMAGE)
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:32]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {REMEDY}") from None


@contextmanager
def _only_process(folder: Path) -> Iterator[None]:
    """Wait until no other process extracts the features of a folder, and hold the others off.

    The system releases the lock of a process that is killed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(folder.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("another process is extracting the same features: waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _extract_in_shards(
    paths: Sequence[Path],
    encoder: ImageEncoder,
    views: int,
    dtype: torch.dtype,
    folder: Path,
    progress: bool,
) -> torch.Tensor:
    """Extract the shards that are not there yet, and join all of them."""
    options = {"total": len(paths), "desc": encoder.name, "unit": "image"}
    shards = []
    with progress_bar(progress=progress, **options) as bar:
        for start in range(0, len(paths), SHARD_SIZE):
            part = paths[start : start + SHARD_SIZE]
            file = folder / f"{start:07d}.safetensors"
            shard = _read(file, (len(part), views, encoder.dim), dtype)
            if shard is None:
                shard = extract_features(part, encoder, views).to(dtype)
                remove(file)  # it is damaged, if it is there
                with written_whole(file) as partial:
                    save_checked({"features": shard}, partial)
            shards.append(shard)
            bar.update(len(part))
    return torch.cat(shards) if shards else torch.empty(0, views, encoder.dim, dtype=dtype)


def _read(file: Path, shape: tuple[int, int, int], dtype: torch.dtype) -> torch.Tensor | None:
    """The features in a file, or None if they are not there or damaged."""
    features = (load_checked(file) or {}).get("features")
    if features is None or tuple(features.shape) != shape or features.dtype != dtype:
        return None
    return features

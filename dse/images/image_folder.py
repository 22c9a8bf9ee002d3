"""The images of any folder, with their features kept image by image.

`$DSE_CACHE/images/NAME-KEY/` holds files with the features of up to 256 images. KEY is a hash of
all that the features depend on besides the images; in a file, the features of an image stand under
the hash of its content. An image that is added costs its own extraction and no other, and one that
is moved or renamed costs none. (`dse.images.cache` keeps the features of a data set together: they
are read faster, and extracted again when any image changes.)
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import torch

from dse.images.cache import SHARD_SIZE, image_digest
from dse.images.checked_files import load_checked, save_checked
from dse.images.encoders import ImageEncoder
from dse.images.features import extract_features
from dse.images.views import IMAGE_SUFFIXES, image_in_turn
from dse.utils.devices import pick_device
from dse.utils.errors import InputError, printable
from dse.utils.files import cache_dir, remove, written_whole
from dse.utils.progress import progress_bar

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
class ImageFolder:
    """The readable images under a folder.

    Attributes:
        folder: as it was given.
        paths: N image files, sorted.
        features: float32 (N, D), of the whole images, in the order of `paths`.
        skipped: image files that cannot be read -> what is wrong, in one line.
    """

    folder: Path
    paths: list[Path]
    features: torch.Tensor
    skipped: dict[Path, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"ImageFolder({str(self.folder)!r}, {len(self)} images{skipped})"

    def name(self, path: Path) -> str:
        """The path of an image below the folder, in printable characters."""
        return printable(path.relative_to(self.folder))


def read_image_folder(
    folder: Path | str,
    encoder: ImageEncoder,
    *,
    device: torch.device | str | None = None,
    progress: bool = True,
) -> ImageFolder:
    """Find the images under a folder and extract their features, or read those kept from before.

    JPEG, PNG and WebP files count, in subfolders too; hidden files and folders do not. What cannot
    be read is left out and logged. The features of N images take 4 N D bytes of memory.

    Args:
        folder: any folder.
        encoder: the frozen network; it is moved to the device if features have to be extracted.
        device: where to extract; None: the best one here.
        progress: show a bar.

    Raises:
        InputError: no such folder, no image in it, or none that can be read.

    Chapter: 2, image features.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from PIL import Image
        >>> from dse.images.encoders import load_image_encoder
        >>> with TemporaryDirectory() as folder:
        ...     Image.new("RGB", (40, 30), "red").save(Path(folder, "bird.png"))
        ...     images = read_image_folder(folder, load_image_encoder("fieldguide"), progress=False)
        >>> [path.name for path in images.paths], images.features.shape
        (['bird.png'], torch.Size([1, 1024]))
    """
    folder = Path(folder)
    paths = find_images(folder)
    skipped: dict[Path, str] = {}
    copies: dict[str, list[int]] = {}  # hash of a content -> the images that have it
    with ThreadPoolExecutor() as threads:
        for i, (digest, fault) in enumerate(threads.map(_digest, paths)):
            if fault:
                skipped[paths[i]] = fault
            else:
                copies.setdefault(digest, []).append(i)
    features = torch.full((len(paths), encoder.dim), torch.nan)
    missing = {digest: paths[own[0]] for digest, own in copies.items()}
    for digest, values in _features(missing, encoder, device, progress):
        features[copies.pop(digest)] = values
    for own in copies.values():
        skipped |= {paths[i]: _fault(paths[i]) for i in own}
    for fault in skipped.values():
        logger.warning("skipped: %s", printable(fault))
    kept = [i for i, path in enumerate(paths) if path not in skipped]
    if not kept:
        fault = next(iter(skipped.values()))
        raise InputError(f"no image under {folder} can be read; the first of {len(paths)}: {fault}")
    if skipped:
        features = features[kept]
    return ImageFolder(folder, [paths[i] for i in kept], features, skipped)


def find_images(folder: Path) -> list[Path]:
    """The image files under a folder by their names, sorted; without what is hidden.

    Links to folders are not followed: they could lead in a circle.

    Raises:
        InputError: no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder: name one that holds images")
    paths = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (not path.is_dir() or path.is_symlink())
    ]
    if not paths:
        raise InputError(
            f"{folder} holds no image: put JPEG, PNG or WebP files there, or into its subfolders"
        )
    return sorted(paths)


def _digest(path: Path) -> tuple[str, str]:
    """The hash of an image's content, and what keeps it from being read; one of them is empty."""
    try:
        return image_digest(path), ""
    except InputError as error:
        return "", str(error)


def _fault(path: Path) -> str:
    """What keeps an image from being decoded; empty if nothing does."""
    try:
        with image_in_turn(path):
            return ""
    except InputError as error:
        return str(error)


def _features(
    images: dict[str, Path],
    encoder: ImageEncoder,
    device: torch.device | str | None,
    progress: bool,
) -> Iterator[tuple[str, torch.Tensor]]:
    """Content hash and features (D,) of every image that can be decoded, from the cache or new."""
    key = hashlib.sha256(json.dumps(encoder.describe()).encode()).hexdigest()[:16]
    folder = cache_dir() / "images" / f"{encoder.name.replace('/', '-')}-{key}"
    missing = dict(images)
    for file in sorted(folder.glob("*.safetensors")):
        stored = load_checked(file) or {}
        for digest in missing.keys() & stored.keys():
            if stored[digest].shape == (encoder.dim,):
                del missing[digest]
                yield digest, stored[digest]
    if not missing:
        return
    encoder.to(pick_device(device))
    new = list(missing)
    with progress_bar(progress=progress, total=len(new), desc=encoder.name, unit="image") as bar:
        for start in range(0, len(new), SHARD_SIZE):
            part = new[start : start + SHARD_SIZE]
            shard = _extract({digest: missing[digest] for digest in part}, encoder)
            if shard:
                name = hashlib.sha256("".join(shard).encode()).hexdigest()[:16]
                file = folder / f"{name}.safetensors"
                remove(file)  # it is damaged, if it is there
                with written_whole(file) as partial:
                    save_checked(shard, partial)
            yield from shard.items()
            bar.update(len(part))


def _extract(images: dict[str, Path], encoder: ImageEncoder) -> dict[str, torch.Tensor]:
    """The features of those images that can be decoded."""
    try:
        features = extract_features(list(images.values()), encoder)[:, 0]
    except InputError:  # one of them cannot: find out which
        with ThreadPoolExecutor() as threads:
            faults = list(threads.map(_fault, images.values()))
        images = {d: images[d] for d, fault in zip(images, faults, strict=True) if not fault}
        features = extract_features(list(images.values()), encoder)[:, 0]
    return dict(zip(images, features.unbind(), strict=True))

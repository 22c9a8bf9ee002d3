"""Data sets: from the layout on the disk to `DescribedImages`. Nothing else reads those layouts."""

import os
from dataclasses import replace
from pathlib import Path

from dse.datasets.cub import read_cub
from dse.datasets.described_images import DescribedImages
from dse.datasets.fieldguide import read_fieldguide
from dse.errors import InputError
from dse.images.encoders import load_image_encoder
from dse.images.features import cached_features

DEFAULT_IMAGE_ENCODERS = {"fieldguide": "fieldguide", "cub": "efficientnet-lite0"}
"""Every data set that `load_dataset` knows, with the image encoder it takes unless told."""


def load_dataset(
    name: str,
    root: Path | str | None = None,
    *,
    image_encoder: str | None = None,
    progress: bool = True,
) -> DescribedImages:
    """Read a data set and attach image features, extracted at first and cached from then on.

    Args:
        name: `fieldguide` (made by `dse`, needs no root) or `cub`.
        root: the folder that holds the published folders; `$DSE_ROOT` if None.
        image_encoder: a name of `dse.images.encoders.IMAGE_ENCODERS`; the data set's own if None.
        progress: show bars.

    Raises:
        InputError: unknown names, a missing root, or data that cannot be read.

    Chapter: 1, data and splits.

    Example:
        >>> data = load_dataset("fieldguide")
        >>> data.features.shape[1:], len(data.class_names)
        (torch.Size([1, 1024]), 200)
    """
    data = read_dataset(name, root)
    encoder = load_image_encoder(image_encoder or DEFAULT_IMAGE_ENCODERS[name])
    features = cached_features(data.image_paths, encoder, progress)
    return replace(data, features=features, image_encoder=encoder.name)


def read_dataset(name: str, root: Path | str | None = None) -> DescribedImages:
    """Read a data set without features; arguments and errors as for `load_dataset`."""
    if name not in DEFAULT_IMAGE_ENCODERS:
        known = ", ".join(DEFAULT_IMAGE_ENCODERS)
        raise InputError(f"unknown data set {name!r}: choose one of {known}")
    if name == "fieldguide":
        return read_fieldguide()
    root = root or os.environ.get("DSE_ROOT")
    if not root:
        raise InputError(f"{name} needs --root DIR (or $DSE_ROOT): the folder that holds its data")
    if not Path(root).is_dir():
        raise InputError(f"{root} is not a folder: --root names the folder that holds {name}")
    return read_cub(root)

"""Data sets: from the layout on the disk to `DescribedImages`. Nothing else reads those layouts."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from dse.datasets.cub import read_cub
from dse.datasets.described_images import DescribedImages
from dse.datasets.fieldguide import read_fieldguide
from dse.datasets.flowers import read_flowers
from dse.datasets.folder import read_folder
from dse.datasets.release import read_release
from dse.images.cache import cached_features
from dse.images.encoders import load_image_encoder, refuse_unknown_precision
from dse.images.views import refuse_unknown_views
from dse.utils.errors import InputError

READERS: dict[str, Callable[[Path], DescribedImages]] = {
    "cub": read_cub,
    "flowers": read_flowers,
    "release": read_release,
    "folder": read_folder,
}
"""Data sets that lie in a folder on the disk, and what reads them."""
DATASETS = ("fieldguide", *READERS)
"""Every data set that `load_dataset` knows."""


def load_dataset(
    name: str,
    root: Path | str | None = None,
    *,
    image_encoder: str | None = None,
    views: int = 1,
    float16: bool = False,
    precision: str = "32-true",
    device: torch.device | str | None = None,
    progress: bool = True,
) -> DescribedImages:
    """Read a data set and attach image features, extracted at first and cached from then on.

    Args:
        name: `fieldguide` (made by `dse`, needs no root), `cub`, `flowers`, `release` (the authors'
            archive, which holds features itself) or `folder` (your own images and captions).
        root: the folder that holds the published folders, or your own; `$DSE_ROOT` if None.
        image_encoder: a name that `dse.images.encoders.load_image_encoder` knows; None: the data
            set's own, see `default_image_encoder`.
        views: 1, train on the whole image, or 10, train on the paper's ten crops; `release` has
            ten in either case.
        float16: keep the features in half the memory.
        precision: of the image encoder, `32-true`, `16-mixed` or `bf16-mixed`. Each precision has
            features of its own in the cache; `release` has `32-true` alone.
        device: where to extract features that are not in the cache, `cpu`, `cuda`, `cuda:1` or
            `mps`; None: the best one here.
        progress: show bars.

    Raises:
        InputError: unknown names, a missing root, data that cannot be read, or a device that is not
            there.

    Chapter: 1, data and splits.

    Example:
        >>> data = load_dataset("fieldguide")
        >>> data.features.shape[1:], len(data.class_names)
        (torch.Size([1, 1024]), 200)
    """
    refuse_unknown_views(views)
    refuse_unknown_precision(precision)
    return add_features(
        read_dataset(name, root),
        image_encoder=image_encoder,
        views=views,
        float16=float16,
        precision=precision,
        device=device,
        progress=progress,
    )


def add_features(
    data: DescribedImages,
    *,
    image_encoder: str | None = None,
    views: int = 1,
    float16: bool = False,
    precision: str = "32-true",
    device: torch.device | str | None = None,
    progress: bool = True,
) -> DescribedImages:
    """What `read_dataset` gave, with image features; arguments and errors as for `load_dataset`.

    Data that bring their features have no images to extract others from: they keep all their views,
    and `float16` halves them.
    """
    refuse_unknown_views(views)
    refuse_unknown_precision(precision)
    if data.features is not None:
        for flag, asked, there in (
            ("--image-encoder", image_encoder, (None, data.image_encoder)),
            ("--views", views, (1, data.features.shape[1])),
            ("--feature-precision", precision, (data.feature_precision,)),
        ):
            if asked not in there:
                raise InputError(
                    f"{data.name} holds features, but no images for {flag} {asked}: leave it out"
                )
        return replace(data, features=data.features.half()) if float16 else data
    encoder = load_image_encoder(
        image_encoder or default_image_encoder(data.name), precision=precision
    )

    def features(views: int) -> torch.Tensor:
        return cached_features(
            data.image_paths, encoder, views, float16=float16, device=device, progress=progress
        )

    whole = features(1)
    return replace(
        data,
        features=whole if views == 1 else features(views),
        test_features=None if views == 1 else whole[:, 0],
        image_encoder=encoder.name,
        feature_precision=precision,
    )


def read_dataset(name: str, root: Path | str | None = None) -> DescribedImages:
    """Read a data set without extracting features; arguments and errors as for `load_dataset`."""
    if name not in DATASETS:
        raise InputError(f"unknown data set {name!r}: choose one of {', '.join(DATASETS)}")
    if name == "fieldguide":
        return read_fieldguide()
    root = root or os.environ.get("DSE_ROOT")
    if not root:
        raise InputError(f"{name} needs --root DIR (or $DSE_ROOT): the folder that holds its data")
    if not Path(root).is_dir():
        raise InputError(f"{root} is not a folder: --root names the folder that holds {name}")
    return READERS[name](Path(root))


def default_image_encoder(name: str) -> str:
    """The image encoder of a data set unless told: FieldGuide's own, else the paper's GoogLeNet."""
    return "fieldguide" if name == "fieldguide" else "googlenet"

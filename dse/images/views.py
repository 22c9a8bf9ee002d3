"""Image files as RGB, and the views of an image that encoders are given.

Every module of `dse` that opens an image does it here.
"""

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from dse.utils.errors import InputError
from dse.utils.files import refuse_no_file

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""Files that count as images, in small or capital letters."""

LARGEST_IMAGE = 1 << 30
"""Bytes of an image file."""
LARGE = 16_000_000
"""Pixels from which on an image is large: decoded, it takes 0.1 to 1.1 GB, up to Pillow's limit."""
REMEDY = "put a good image there, or leave it out"

_large_image = threading.Lock()

# Pillow would open 30 other formats as well, whatever the file's name. PostScript is one of them,
# and it is a program, which Pillow has Ghostscript run.
_FORMATS = ("JPEG", "PNG", "WEBP")

_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def read_image(path: Path) -> Image.Image:
    """Read an image file as 8-bit RGB, the right way up.

    A rotation that the camera noted (EXIF) is applied, what is transparent becomes white, 16-bit
    grey becomes 8-bit, of an animation the first frame is taken.

    Raises:
        InputError: a file that is missing, cut short, in another format than JPEG, PNG or WebP
            (whatever its name), or has more than Pillow's limit of about 89 million pixels.

    Chapter: 2, image features.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder:
        ...     path = Path(folder, "grey.png")
        ...     Image.new("L", (40, 30), 90).save(path)
        ...     image = read_image(path)
        >>> image.mode, image.size, image.getpixel((0, 0))
        ('RGB', (40, 30), (90, 90, 90))
    """
    with _opened(path) as image:
        if image.format == "PNG":  # it has checksums, which Pillow compares only when told to
            with Image.open(path, formats=("PNG",)) as stored:
                stored.verify()
        ImageOps.exif_transpose(image, in_place=True)
        return _rgb(image)


@contextmanager
def image_in_turn(path: Path) -> Iterator[Image.Image]:
    """`read_image` for threads: of the large images only one is in memory at a time.

    It is so while the block runs, if the block keeps no image.
    """
    width, height = image_size(path)
    with _large_image if width * height > LARGE else nullcontext():
        yield read_image(path)


def image_size(path: Path) -> tuple[int, int]:
    """Width and height of an image file in pixels, as they are stored; only its header is read.

    Raises:
        InputError: as `read_image`.
    """
    with _opened(path) as image:
        return image.size


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """An image file, open; whatever goes wrong with it becomes an `InputError`."""
    refuse_no_file(path, REMEDY, LARGEST_IMAGE)
    try:
        with Image.open(path, formats=_FORMATS) as image:
            width, height = image.size
            limit = Image.MAX_IMAGE_PIXELS  # None: someone has lifted it
            if limit is not None and width * height > limit:
                raise Image.DecompressionBombError(f"{width} x {height} pixels")
            yield image
    except _UNREADABLE as error:
        reason = {
            "UnidentifiedImageError": "it is empty or no image in JPEG, PNG or WebP format",
            "DecompressionBombError": "it has too many pixels",
            "DecompressionBombWarning": "it has too many pixels",
        }.get(type(error).__name__, str(error).splitlines()[0] if str(error) else "damaged")
        raise InputError(f"{path} cannot be read ({reason}): replace or remove it") from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16-bit grey
        grey = (np.asarray(image) >> 8).clip(0, 255)
        image = Image.fromarray(grey.astype(np.uint8))
    if image.has_transparency_data:
        if image.mode != "RGBA":  # a copy of a large image takes 0.4 GB
            image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def whole_image(image: Image.Image, size: int, resampling: Image.Resampling) -> torch.Tensor:
    """The paper's test view: the whole image, squashed to a square.

    Args:
        image: RGB.
        size: S, the side in pixels.
        resampling: of the resizing.

    Returns:
        uint8 (1, 3, S, S).

    Source: paper, section 5. Chapter: 2, image features.

    Example:
        >>> whole_image(Image.new("RGB", (30, 20)), 8, Image.Resampling.BICUBIC).shape
        torch.Size([1, 3, 8, 8])
    """
    if image.size != (size, size):
        image = image.resize((size, size), resampling)
    return _pixels(image)


def ten_crops(image: Image.Image, size: int, resampling: Image.Resampling) -> torch.Tensor:
    """The paper's training views: the middle, the four corners, and their mirror images.

    A crop is a square, 7/8 of the image's shorter side, resized to S by S. That is the usual crop
    of 224 pixels from an image whose shorter side has 256.

    Args:
        image: RGB, of any size.
        size: S, in pixels.
        resampling: how a crop is resized.

    Returns:
        uint8 (10, 3, S, S), in this order, middle, top left, top right, bottom left, bottom right;
        then the same mirrored.

    Source: paper, section 5. Chapter: 2, image features.

    Example:
        >>> ten_crops(Image.new("RGB", (30, 20)), 8, Image.Resampling.BICUBIC).shape
        torch.Size([10, 3, 8, 8])
    """
    width, height = image.size
    side = min(width, height) * 7 / 8
    right, bottom = width - side, height - side
    corners = ((right / 2, bottom / 2), (0, 0), (right, 0), (0, bottom), (right, bottom))
    crops = torch.cat(
        [
            _pixels(image.resize((size, size), resampling, box=(x, y, x + side, y + side)))
            for x, y in corners
        ]
    )
    return torch.cat([crops, crops.flip(3)])


VIEWS = {1: whole_image, 10: ten_crops}
"""How many views of an image there may be, and what makes them."""


def refuse_unknown_views(views: int) -> None:
    """Raise an `InputError` if an image cannot have so many views."""
    if views not in VIEWS:
        known = " or ".join(map(str, VIEWS))
        raise InputError(f"views is {views}: choose {known}, the whole image or the paper's crops")


def _pixels(image: Image.Image) -> torch.Tensor:
    """uint8 (1, 3, H, W), channels last in memory, as in the image and as the networks compute."""
    return torch.from_numpy(np.array(image)[None]).permute(0, 3, 1, 2)

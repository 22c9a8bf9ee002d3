"""Picture files as RGB, whatever they hold, and the views of a picture that encoders look at."""

import struct
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from dse.errors import InputError

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
"""Files that count as pictures, in small or capital letters."""

_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)


def read_picture(path: Path) -> Image.Image:
    """Read a picture file as 8-bit RGB, the right way up.

    A turn that the camera noted (EXIF) is applied, what is transparent becomes white, 16-bit grey
    becomes 8-bit, of an animation the first frame is taken.

    Raises:
        InputError: a file that is missing, cut short, no picture, or has more than Pillow's limit
            of about 89 million pixels.

    Chapter: 2, image features.
    """
    try:
        with Image.open(path) as picture:
            width, height = picture.size
            if width * height > Image.MAX_IMAGE_PIXELS:
                raise Image.DecompressionBombError(f"{width} x {height} pixels")
            return _rgb(ImageOps.exif_transpose(picture))
    except FileNotFoundError:
        raise InputError(
            f"{path} is missing: put the picture there, or take it off the list"
        ) from None
    except _UNREADABLE as error:
        reason = {
            "UnidentifiedImageError": "it is empty or no picture",
            "DecompressionBombError": "it has too many pixels",
            "DecompressionBombWarning": "it has too many pixels",
        }.get(type(error).__name__, str(error).splitlines()[0] if str(error) else "damaged")
        raise InputError(f"{path} cannot be read ({reason}): replace or remove it") from error


def _rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):  # 16-bit grey
        grey = np.asarray(picture).astype(np.int64).clip(0, 65535) >> 8
        picture = Image.fromarray(grey.astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def whole_picture(picture: Image.Image, size: int, resampling: Image.Resampling) -> torch.Tensor:
    """The paper's test view: the whole picture, squashed to a square.

    Args:
        picture: RGB.
        size: S, the side in pixels.
        resampling: of the resizing.

    Returns:
        uint8 (1, 3, S, S).

    Source: paper, section 5. Chapter: 2, image features.

    Example:
        >>> whole_picture(Image.new("RGB", (30, 20)), 8, Image.Resampling.BICUBIC).shape
        torch.Size([1, 3, 8, 8])
    """
    if picture.size != (size, size):
        picture = picture.resize((size, size), resampling)
    return _pixels(picture)


def ten_crops(picture: Image.Image, size: int, resampling: Image.Resampling) -> torch.Tensor:
    """The paper's training views: the middle, the four corners, and their mirror images.

    A crop is a square, 7/8 of the picture's shorter side, resized to S by S. That is the usual crop
    of 224 pixels from a picture whose shorter side has 256.

    Args, Source, Chapter: as for `whole_picture`.

    Returns:
        uint8 (10, 3, S, S): middle, top left, top right, bottom left, bottom right; then the same
        mirrored.

    Example:
        >>> ten_crops(Image.new("RGB", (30, 20)), 8, Image.Resampling.BICUBIC).shape
        torch.Size([10, 3, 8, 8])
    """
    width, height = picture.size
    side = min(width, height) * 7 / 8
    right, bottom = width - side, height - side
    corners = ((right / 2, bottom / 2), (0, 0), (right, 0), (0, bottom), (right, bottom))
    crops = torch.cat(
        [
            _pixels(picture.resize((size, size), resampling, box=(x, y, x + side, y + side)))
            for x, y in corners
        ]
    )
    return torch.cat([crops, crops.flip(3)])


VIEWS = {1: whole_picture, 10: ten_crops}
"""How many views of a picture there may be, and what makes them."""


def _pixels(picture: Image.Image) -> torch.Tensor:
    """uint8 (1, 3, H, W), channels last in memory, as pictures are and as networks like it."""
    return torch.from_numpy(np.array(picture)[None]).permute(0, 3, 1, 2)

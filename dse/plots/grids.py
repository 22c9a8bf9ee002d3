"""Images in rows with a title below each, as HTML: two columns on a phone, and text stays text."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

GAP = 12
"""Pixels between two columns."""
SIDE = 256
"""Pixels of the longer side of an image, at most: it is shown at half of that, or less."""


@dataclass(frozen=True)
class Picture:
    """An image as it stands in a grid: its title is below it, its colour frames it."""

    image: np.ndarray
    title: str = ""
    colour: str | None = None


@dataclass(frozen=True)
class ImageGrid:
    """Rows of pictures that draw themselves in a notebook and in the book.

    Attributes:
        rows: name of the row -> its pictures; a name may be empty.
        columns: pictures beside each other where there is room; a phone shows two, a row of
            five small ones where there are five, or three where there are more.

    Example:
        >>> grid = image_grid([np.zeros((4, 4, 3), dtype=np.uint8)], ["a <black> square"])
        >>> grid
        1 image
        >>> "a &lt;black&gt; square" in grid._repr_html_()
        True
    """

    rows: Mapping[str, Sequence[Picture]]
    columns: int

    def __repr__(self) -> str:
        number = sum(map(len, self.rows.values()))
        return f"{number} image" + ("s" if number != 1 else "")

    def _repr_html_(self) -> str:
        narrowest = "7.5rem" if self.columns <= 4 else "3.3rem" if self.columns == 5 else "5.5rem"
        width = f"max({narrowest},calc({100 / self.columns:.2f}% - {GAP}px))"
        columns = f"repeat(auto-fill,minmax({width},1fr))"
        style = f"display:grid;gap:{GAP}px;grid-template-columns:{columns}"
        parts = []
        for name, pictures in self.rows.items():
            if name:
                parts.append(f'<p style="margin:.8em 0 .3em">{escape(name)}</p>')
            inside = "".join(map(_html, pictures))
            parts.append(f'<div class="image-grid" style="{style}">{inside}</div>')
        return "\n".join(parts)


def image_grid(images: Sequence[np.ndarray], titles: Sequence[str], columns: int = 4) -> ImageGrid:
    """Images in rows, each with its title below.

    Args:
        images: n arrays uint8 (H, W, 3).
        titles: n texts.
        columns: images in a row, where there is room.
    """
    pictures = [Picture(image, title) for image, title in zip(images, titles, strict=True)]
    return ImageGrid({"": pictures}, columns)


def ranked_images(
    rows: Mapping[str, Sequence[tuple[np.ndarray, str]]], colours: Mapping[str, str]
) -> ImageGrid:
    """Rows of images, best first, each framed in the colour of what it is.

    Args:
        rows: name of the row -> pairs of an image and what it is.
        colours: what an image can be -> its colour.
    """
    pictures = {
        name: [Picture(image, verdict, colours[verdict]) for image, verdict in row]
        for name, row in rows.items()
    }
    return ImageGrid(pictures, max(map(len, rows.values())))


def _html(picture: Picture) -> str:
    frame = f"border:4px solid {picture.colour};" if picture.colour else ""
    alt = escape(picture.title, quote=True)
    caption = f'<figcaption style="{_CAPTION}">{escape(picture.title)}</figcaption>'
    return (
        f'<figure style="margin:0"><img alt="{alt}" loading="lazy" src="{_data_uri(picture.image)}"'
        f' style="{frame}border-radius:6px;width:100%;display:block;box-sizing:border-box">'
        f"{caption if picture.title else ''}</figure>"
    )


_CAPTION = "font-size:.8em;line-height:1.35;margin-top:.35em;text-align:left"


def _data_uri(image: np.ndarray) -> str:
    picture = Image.fromarray(np.asarray(image))
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP", quality=82, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

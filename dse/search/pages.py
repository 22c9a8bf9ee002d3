"""Results as a web page of one file: no script, nothing fetched, light or dark as the reader likes.

Every text that comes from outside (a description, a file name, a class name) is escaped here.
"""

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from PIL import Image

from dse.utils.errors import printable

THUMBNAIL = 360
"""Pixels of the longer side of a picture on a page."""

LIGHT = "--ink: #1d2733; --soft: #55606c; --tile: #f1f3f5; --line: #d8dde2; --wrong: #b03a00;"
DARK = "--ink: #e6e9ec; --soft: #a7b0b9; --tile: #22282e; --line: #38414a; --wrong: #ff9b66;"
"""The colours of the parts, for a style of any page; `PARTS` is the rest of it."""
PARTS = """
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p, summary { margin: .4rem 0; color: var(--soft); overflow-wrap: anywhere; }
.note { border-left: .25rem solid var(--wrong); padding-left: .7rem; color: var(--ink); }
.sheet { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .9rem;
  grid-template-columns: repeat(auto-fill, minmax(min(10rem, 42%), 1fr)); }
figure { margin: 0; }
.sheet img { display: block; width: 100%; aspect-ratio: 1; object-fit: contain;
  background: var(--tile); border-radius: .4rem; }
figcaption { font-size: .875rem; margin-top: .3rem; overflow-wrap: anywhere; }
figcaption span { display: block; color: var(--soft); }
figcaption .wrong { color: var(--wrong); }
.chart { max-width: 100%; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; }
.wide table { min-width: 34rem; }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; border-bottom: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
li { overflow-wrap: anywhere; }
.ranking span { color: var(--soft); white-space: nowrap; }
"""
PAGE = f"""
:root {{ color-scheme: light dark; --ground: #fff; {LIGHT} }}
@media (prefers-color-scheme: dark) {{ :root {{ --ground: #15191d; {DARK} }} }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }}
main {{ max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 0 0 .5rem; overflow-wrap: anywhere; }}
"""


class Tile(NamedTuple):
    """A picture of a sheet, and what stands below it.

    Attributes:
        image: RGB; see `thumbnail`.
        title: one line.
        lines: further lines, smaller.
        alt: what the picture is, for those who do not see it.
        wrong: a last line, marked as a mistake.
    """

    image: Image.Image
    title: str
    lines: Sequence[str]
    alt: str
    wrong: str = ""


def thumbnail(image: Image.Image) -> Image.Image:
    """A copy of an image, at most 360 pixels wide and high."""
    small = image.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    return small


def page(title: str, parts: Sequence[str]) -> str:
    """A whole page from its title and the HTML of its parts."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_text(title)}</title>\n<style>{PAGE}{PARTS}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{_text(title)}</h1>\n" + "\n".join(parts) + "\n</main>\n</body>\n</html>\n"
    )


def heading(text: str) -> str:
    return f"<h2>{_text(text)}</h2>"


def paragraph(text: str) -> str:
    """A sentence, from its first letter to its full stop."""
    end = "" if text.endswith((".", ":")) else "."
    return f"<p>{_text(text[:1].upper() + text[1:] + end)}</p>"


def notes(texts: Sequence[str]) -> str:
    """What a reader should know before believing the rest."""
    return "\n".join(f'<p class="note" role="note">{_text(text)}</p>' for text in texts)


def sheet(tiles: Sequence[Tile]) -> str:
    """Pictures in ranked order."""
    return '<ol class="sheet">\n' + "\n".join(map(_tile, tiles)) + "\n</ol>"


def _tile(tile: Tile) -> str:
    drawn = io.BytesIO()
    tile.image.save(drawn, "JPEG", quality=82)
    lines = "".join(f"<span>{_text(line)}</span>" for line in tile.lines)
    if tile.wrong:
        lines += f'<span class="wrong">{_text(tile.wrong)}</span>'
    return (
        f'<li><figure><img alt="{_text(tile.alt)}" src="{_data_uri(drawn.getvalue(), "jpeg")}">'
        f"<figcaption>{_text(tile.title)}{lines}</figcaption></figure></li>"
    )


def ranking(items: Sequence[tuple[str, float]]) -> str:
    """Texts in ranked order, each with its score."""
    rows = [f"<li>{_text(text)} <span>score {score:.3f}</span></li>" for text, score in items]
    return '<ol class="ranking">\n' + "\n".join(rows) + "\n</ol>"


def chart(svg: bytes, alt: str) -> str:
    """A figure."""
    return f'<p><img class="chart" alt="{_text(alt)}" src="{_data_uri(svg, "svg+xml")}"></p>'


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str | float]]) -> str:
    """A table that opens at a click; numbers are set with three decimals."""
    head = "".join(
        f'<th scope="col"{_align(cell)}>{_text(name)}</th>'
        for name, cell in zip(columns, rows[0], strict=True)
    )
    body = "\n".join(
        "<tr>" + "".join(f"<td{_align(cell)}>{_cell(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return (
        f"<details><summary>{_text(title)}</summary>\n"
        f'<div class="wide" role="region" aria-label="{_text(title)}" tabindex="0"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div></details>"
    )


def collapsed_list(title: str, items: Sequence[str]) -> str:
    """A list that opens at a click; nothing without an item."""
    if not items:
        return ""
    body = "\n".join(f"<li>{_text(item)}</li>" for item in items)
    return f"<details><summary>{_text(title)}</summary>\n<ul>\n{body}\n</ul></details>"


def _cell(cell: str | float) -> str:
    return _text(cell) if isinstance(cell, str) else f"{cell:.3f}"


def _align(cell: str | float) -> str:
    return "" if isinstance(cell, str) else ' class="number"'


def _text(text: str) -> str:
    return escape(printable(text))


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"

"""Check the built pages without a browser: that all are there, whole, linked and described.

    python scripts/check_book.py _build/html

`scripts/build_book.py` calls it. What needs a browser is in `tests/test_book_in_browser.py`.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    faults, num_images = check_book(Path(sys.argv[1]), pages_of(ROOT / "_toc.yml"))
    sys.exit("\n".join(faults) or print(f"{num_images} images with a description, no fault"))


class Page(HTMLParser):
    """What a page holds: its links and anchors, and the images and headings of its article."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.images: list[tuple[str, str]] = []
        self.headings: list[int] = []
        self._article = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.ids.add(values.get("id", ""))
        self._article += tag == "article"
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "img" and self._article:
            self.images.append((values.get("src", ""), values.get("alt", "")))
        if re.fullmatch("h[1-6]", tag) and self._article:
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        self._article -= tag == "article"


def check_book(html: Path, names: list[str]) -> tuple[list[str], int]:
    """The faults of a built book, one line each, and the number of images in its pages.

    Args:
        html: the built book.
        names: the pages that it must have, without their suffix.
    """
    faults = [f"{name}.html is missing" for name in ["index", *names] if not has(html, name)]
    texts = {
        path.relative_to(html).as_posix(): path.read_text(encoding="utf-8")
        for path in html.rglob("*.html")
    }
    pages = {name: Page(text) for name, text in texts.items()}
    num_images = 0
    for name in names:
        name += ".html"
        if name in pages:
            faults += [f"{name}{fault}" for fault in faults_of(texts[name], pages[name])]
            num_images += len(pages[name].images)
    for name in pages:
        dead = dead_links(html, name, pages)
        faults += [f"{name}: the link {link} leads nowhere" for link in dead]
    return faults, num_images


def has(html: Path, name: str) -> bool:
    return (html / f"{name}.html").is_file()


def faults_of(text: str, page: Page) -> list[str]:
    """What is wrong with a page in itself."""
    faults = []
    if re.search(r"Traceback \(most recent call last\)|CellExecutionError", text):
        faults.append(" holds a traceback")
    for address in re.findall(r'<(?:script|link)\b[^>]*="(https?://[^"]+\.(?:js|css))"', text):
        faults.append(f" needs the network for {address}")
    for source, description in page.images:
        in_a_grid = source.startswith("data:") and description  # its caption says the rest
        if not (in_a_grid or is_meaningful(description)):
            faults.append(f": the image {source[:80]} has no description (alt text)")
    steps = zip([0, *page.headings], page.headings, strict=False)
    if page.headings.count(1) != 1 or any(level > above + 1 for above, level in steps):
        faults.append(f": headings of the levels {page.headings}: one 1, and none left out")
    return faults


def is_meaningful(description: str) -> bool:
    """Whether an alt text is more than nothing or the name of a file."""
    return " " in description.strip() and not re.search(r"\.(png|svg|jpe?g)$", description)


def dead_links(html: Path, name: str, pages: dict[str, Page]) -> list[str]:
    """The links of a page to files of the book, or to places in them, that are not there."""
    dead = []
    for link in dict.fromkeys(pages[name].links):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = (html / name).parent / unquote(parts.path) if parts.path else html / name
        page = pages.get(target.resolve().relative_to(html.resolve()).as_posix())
        place = unquote(parts.fragment)
        if not target.is_file() or (page and place and place not in page.ids):
            dead.append(link)
    return dead


def pages_of(toc: Path) -> list[str]:
    """Every page that a table of contents names, without its suffix."""

    def files(entry: object) -> list[str]:
        if isinstance(entry, list):
            return [page for part in entry for page in files(part)]
        if isinstance(entry, dict):
            own = [entry[key] for key in ("root", "file") if key in entry]
            nested = [entry[key] for key in ("parts", "chapters", "sections") if key in entry]
            return own + files(nested)
        return []

    return files(yaml.safe_load(toc.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()

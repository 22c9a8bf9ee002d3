"""A page of one file: whatever comes from outside is text on it, never markup."""

import base64
import re
from html.parser import HTMLParser

from PIL import Image

from dse.search import pages
from dse.search.pages import Tile

EVIL = "\"><script>alert('x')</script><img src=http://evil/x.png onerror=alert(1)> & \x1b[2J\udce9"


class Reader(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def whole_page(text):
    tile = Tile(Image.new("RGB", (900, 300), "red"), text, [text], alt=text, wrong=text)
    parts = [
        pages.heading(text),
        pages.paragraph(text),
        pages.notes([text]),
        pages.sheet([tile]),
        pages.chart(b"<svg/>", text),
        pages.table(text, [text, "score"], [[text, 1.5]]),
        pages.collapsed_list(text, [text]),
        pages.ranking([(text, 0.5)]),
    ]
    return pages.page(text, parts)


def test_what_comes_from_outside_is_escaped_everywhere():
    expected, read = Reader(whole_page("plain")), Reader(whole_page(EVIL))
    assert [tag for tag, _ in read.tags] == [tag for tag, _ in expected.tags]
    assert [set(attributes) for _, attributes in read.tags] == [
        set(attributes) for _, attributes in expected.tags
    ]
    assert read.text.count("<script>alert('x')</script>") == 14
    whole_page(EVIL).encode("utf-8")  # half a character cannot be written
    assert "\x1b" not in read.text


def test_nothing_is_fetched_and_every_picture_is_described():
    html = whole_page("plain")
    images = [attributes for tag, attributes in Reader(html).tags if tag == "img"]
    assert len(images) == 2
    assert all(image["alt"] and image["src"].startswith("data:image/") for image in images)
    assert not re.search(r"(src|href)=.?https?:|url\(|@import|<script|<link", html)


def test_a_page_fits_a_phone_and_a_dark_room():
    html = whole_page("plain")
    assert '<html lang="en">' in html
    assert 'name="viewport" content="width=device-width, initial-scale=1"' in html
    assert "prefers-color-scheme: dark" in html


def test_thumbnails_are_small_and_keep_their_shape():
    image = Image.new("RGB", (900, 300), "red")
    assert pages.thumbnail(image).size == (360, 120)
    assert image.size == (900, 300)
    assert pages.thumbnail(Image.new("RGB", (20, 10))).size == (20, 10)


def test_a_chart_is_the_svg_that_was_given():
    (tag,) = Reader(pages.chart(b"<svg>1</svg>", "one")).tags[1:]
    kind, _, content = tag[1]["src"].partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert base64.b64decode(content) == b"<svg>1</svg>"

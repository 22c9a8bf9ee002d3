"""Explanations as HTML: what a reader sees, what is escaped, whether it can be read."""

import base64
import io
from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dse.explanation import explain
from dse.explanation.page import AGAINST, FOR, STRONGEST, html_fragment, table, write_html
from explained_runs import a_feature, untrained

RUN = untrained("bag-of-words")


class Reader(HTMLParser):
    """The tags of a page, and the text of its first element with `dir="auto"`."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.caption, self.inside = [], "", False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.inside |= tag == "p" and ("dir", "auto") in attributes

    def handle_endtag(self, tag):
        self.inside &= tag != "p"

    def handle_data(self, data):
        self.caption += data if self.inside else ""


def page_of(caption, name=None, **options):
    run = RUN if name is None else untrained(name)
    return Reader(html_fragment(explain(run, caption, a_feature(), **options)))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), min_size=1))
@settings(max_examples=50)
def test_any_caption_is_shown_as_it_is(caption):
    assert page_of(caption).caption == caption


@pytest.mark.parametrize("name", ["bag-of-words", "char-cnn-rnn"])
def test_html_in_a_caption_is_text(name):
    caption = "<script>alert('red')</script> a & <img src=x onerror=alert(1)> \"bird\""
    reader = page_of(caption, name)
    assert reader.caption == caption
    assert {tag for tag, _ in reader.tags} <= {
        *("div", "p", "span", "b", "details", "summary", "table", "tr", "th", "td", "s", "i")
    }
    assert html_fragment(explain(RUN, caption, a_feature())).count("<img") == 0


def test_words_are_coloured_by_the_sign_and_the_size_of_their_evidence():
    why = explain(RUN, "a red bird with a blue crown", a_feature())
    spans = {a["title"]: a["style"] for tag, a in page_of(why.caption).tags if "title" in a}
    assert len(spans) == len(why.terms)
    strongest = max(why.terms, key=lambda term: abs(term.evidence))
    for term in why.terms:
        red, green, blue = FOR if term.evidence > 0 else AGAINST
        opacity = STRONGEST * abs(term.evidence / strongest.evidence)
        expected = f"background:rgba({red},{green},{blue},{opacity:.3f})"
        assert spans[f"{term.evidence:+.3g}"] == expected


def contrast(one, other):
    """The ratio of WCAG 2: 1 to 21."""

    def luminance(colour):
        parts = [v / 255 for v in colour]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted([luminance(one), luminance(other)], reverse=True)
    return (high + 0.05) / (low + 0.05)


PAGES = {  # text on background
    "light": ((50, 50, 50), (255, 255, 255)),
    "dark": ((206, 214, 221), (18, 18, 18)),
}


@pytest.mark.parametrize(("page", "colour"), product(PAGES, (FOR, AGAINST)))
def test_text_on_the_strongest_colour_can_be_read(page, colour):
    text, ground = PAGES[page]
    tinted = [STRONGEST * c + (1 - STRONGEST) * g for c, g in zip(colour, ground, strict=True)]
    assert contrast(text, tinted) >= 4.5


def test_the_image_travels_with_the_page():
    image = Image.new("RGB", (900, 600), (10, 200, 30))
    (shown,) = [a for tag, a in page_of("a bird", image=image).tags if tag == "img"]
    kind, _, data = shown["src"].partition(",")
    read = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == "data:image/png;base64"
    assert (read.size, read.getpixel((5, 5))) == ((320, 213), (10, 200, 30))
    assert shown["alt"]


def test_steps_after_the_end_and_what_is_not_read_are_named():
    run = untrained("char-cnn-rnn")
    assert html_fragment(explain(run, "a red bird", a_feature())).count("after the end") == 7
    long = html_fragment(explain(run, "a red bird " * 30, a_feature()))
    assert "after the end" not in long
    assert f'<s title="not read">{("a red bird " * 30)[201:]}</s>' in long
    assert "(an empty caption)" in html_fragment(explain(run, "", a_feature()))


@pytest.mark.parametrize("name", ["bag-of-words", "char-lstm"])
def test_evidence_is_that_of_a_word_or_of_a_character(name):
    why = explain(untrained(name), "a", a_feature())  # a word, and a character
    expected = "word" if name == "bag-of-words" else "character"
    assert f"each {expected}" in html_fragment(why)


def test_a_table_lists_words_where_there_are_many_terms():
    run = untrained("char-lstm")
    few, many = ("a red bird", "a red bird with a blue crown and a red belly")
    assert len(table(explain(run, few, a_feature()))) == len(few)
    assert [t.text.strip() for t in table(explain(run, many, a_feature()))] == many.split()


def test_a_page_of_its_own_is_utf_8_even_for_half_characters(tmp_path):
    write_html(explain(RUN, "a red 鳥 \udcff", a_feature()), tmp_path / "why.html")
    text = (tmp_path / "why.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "鳥 ?" in text
    assert "http" not in text  # nothing is loaded


def test_a_notebook_shows_the_fragment():
    why = explain(RUN, "a red bird", a_feature())
    assert why._repr_html_() == html_fragment(why)

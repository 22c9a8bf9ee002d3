"""The proof of a built book: it must find a missing page, a traceback, a dead link and so on."""

from pathlib import Path

import pytest

from check_book import check_book, pages_of

ROOT = Path(__file__).parent.parent
SOUND = """<img src="logo.svg"><article><h1 id="top">Hello</h1><h2>Birds</h2>
<a href="#top">up</a> <a href="https://elsewhere.org/">out</a>
<a href="../index.html#x%20y">home</a>
<img src="a.png" alt="A red bird"></article>"""


@pytest.fixture
def html(tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "index.html").write_text('<p id="x y">')
    (tmp_path / "chapters" / "one.html").write_text(SOUND)
    return tmp_path


def test_a_sound_book_has_no_faults(html):
    assert check_book(html, ["chapters/one"]) == ([], 1)


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ("Traceback (most recent call last)", "holds a traceback"),
        ('<img src="a.png" alt="">', "a.png has no description"),
        ('<img src="a.png">', "a.png has no description"),
        ('<img src="data:image/webp;base64,A">', "base64,A has no description"),
        ('<img src="a.png" alt="../_images/a 1.png">', "a.png has no description"),
        ('<script defer src="https://a.org/m.js"></script>', "needs the network"),
        ("<h4>Deep</h4>", "levels [1, 2, 4]"),
        ("<h1>Second</h1>", "levels [1, 2, 1]"),
        ('<a href="two.html">', "two.html leads nowhere"),
        ('<a href="../index.html#z">', "#z leads nowhere"),
        ('<a href="#z">', "#z leads nowhere"),
    ],
)
def test_faults_are_found(html, added, fault):
    page = html / "chapters" / "one.html"
    page.write_text(SOUND.replace("</article>", f"{added}</article>"))
    (found,), _ = check_book(html, ["chapters/one"])
    assert fault in found


def test_missing_pages_are_found(html):
    (html / "chapters" / "one.html").unlink()
    faults, _ = check_book(html, ["chapters/one", "chapters/two"])
    assert faults == ["chapters/one.html is missing", "chapters/two.html is missing"]


def test_every_page_of_the_table_of_contents_exists():
    pages = pages_of(ROOT / "_toc.yml")
    assert len(pages) == len(set(pages)) >= 13
    for page in pages:
        assert any((ROOT / f"{page}{suffix}").is_file() for suffix in (".md", ".ipynb")), page

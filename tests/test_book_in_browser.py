"""The built book in a real browser: silent, alone, light, as wide as a phone, and for everyone.

`make book` builds it; without it, or without a browser, these tests are skipped.
"""

import importlib.util
import json
import re
from pathlib import Path

import pytest

from browser import find_chromium
from check_book import pages_of

ROOT = Path(__file__).parent.parent
HTML = (ROOT / "_build/html").resolve()
PAGES = [*pages_of(ROOT / "_toc.yml"), "genindex", "py-modindex", "search"]

PHONE, DESKTOP = 390, 1280
MOST_BYTES = 1_500_000
"""What a page may weigh, with all that it loads, before its images."""

RULES = ["wcag2a", "wcag2aa", "best-practice"]
RULES_OF_LAYOUT = ["color-contrast", "scrollable-region-focusable"]
"""What axe-core looks for: all of its rules once; once more what widths and colours change."""

pytestmark = [
    pytest.mark.skipif(find_chromium() is None, reason="no chromium on this machine"),
    pytest.mark.skipif(not HTML.is_dir(), reason="the book is not built: make book"),
]


@pytest.fixture
def open_page(browser):
    """Opens a page of the book and waits until its formulas are set."""
    opened = []

    def open_page(name: str, query: str = "", **screen):
        opened.append(browser.open(f"{(HTML / name).as_uri()}.html{query}", **screen))
        opened[-1].run("window.MathJax?.startup?.promise?.then(() => 0)")
        return opened[-1]

    yield open_page
    for page in opened:
        page.close()


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, from a package that has it."""
    package = importlib.util.find_spec("axe_playwright_python")
    if package is None:
        pytest.skip("axe-core is not installed: make test installs it")
    (folder,) = package.submodule_search_locations
    return (Path(folder) / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_on_a_phone(name, open_page):
    page = open_page(name, width=PHONE)
    assert page.run("document.querySelector('.bd-main') !== null"), "this is not the page"
    assert page.complaints() == []
    requests = [url for url in page.requests() if not url.startswith("data:")]
    assert [url for url in requests if not url.startswith("file://")] == []
    assert page.run("document.documentElement.scrollWidth") <= PHONE
    assert weight(name, requests) <= MOST_BYTES


def weight(name: str, requests: list[str]) -> int:
    """The bytes of a page and of what it asked for, without images."""
    files = {Path(re.sub(r"^file://|[?#].*", "", url)) for url in requests}
    sizes = [
        file.stat().st_size
        for file in files
        if file.suffix not in (".png", ".jpg", ".svg", ".webp", ".html")
    ]
    text = (HTML / f"{name}.html").read_text(encoding="utf-8")
    return sum(sizes) + len(re.sub(r"data:image/[^\"')]+", "", text).encode())


@pytest.mark.parametrize(
    ("width", "dark", "rules"), [(DESKTOP, True, RULES), (PHONE, False, RULES_OF_LAYOUT)]
)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_for_everyone(name, width, dark, rules, open_page, axe):
    page = open_page(name, width=width, dark=dark)
    page.run(f"{axe}; 0")
    # Code is coloured alike everywhere: one page is enough.
    alike = [
        "mjx-container > *",
        ".highlight pre > *",
    ]
    exclude = alike[:1] if name == "chapters/02_image_features" else alike
    found = page.run(
        f"""axe.run({{exclude: {json.dumps(exclude)}}},
        {{runOnly: {json.dumps(rules)}, resultTypes: ["violations"]}}).then(result =>
        result.violations.filter(one => ["serious", "critical"].includes(one.impact))
        .map(one => [one.id, one.nodes.map(node => node.html.slice(0, 200))]))"""
    )
    assert found == []


@pytest.mark.parametrize("width", [PHONE, 800, DESKTOP])
def test_a_heading_that_one_jumps_to_is_not_under_the_bar(width, open_page):
    page = open_page("chapters/03_word2vec_baseline", width=width)
    tops = page.run(
        """[...document.querySelectorAll('.bd-article section > :is(h2, h3)')].map(heading => {
        heading.parentElement.scrollIntoView();
        const bar = document.querySelector('.bd-header-article').getBoundingClientRect();
        return heading.getBoundingClientRect().top - bar.bottom})"""
    )
    assert tops and min(tops[:-1]) >= 0


@pytest.mark.parametrize("name", [page for page in PAGES if re.search(r"/\d\d_", page)])
def test_a_line_of_code_fits_beside_the_side_bars(name, open_page):
    page = open_page(name, width=DESKTOP)
    wide = page.run(
        """[...document.querySelectorAll('.cell_input pre')]
        .filter(code => code.scrollWidth > code.clientWidth)
        .map(code => code.innerText).filter(text => text)"""
    )
    assert wide == []


def test_the_search_finds_a_term(open_page):
    page = open_page("search", "?q=recurrence", width=PHONE)
    found = "[...document.querySelectorAll('#search-results li a')]"
    page.wait(f"{found}.length > 2")
    titles = page.run(f"{found}.map(link => link.innerText)")
    assert any("CNN-RNN" in title for title in titles)
    assert page.complaints() == []


def test_the_front_page_sets_no_formulas(open_page):
    page = open_page("chapters/introduction", width=PHONE)
    assert not [url for url in page.requests() if "mathjax" in url]

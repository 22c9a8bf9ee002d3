"""What is left out of a built book is what no page names; what a page names stays."""

import pytest
from PIL import Image

from lighten_book import pruned, with_lazy_images, without_unused_scripts, words_of

HEAD = """<head>
    <link rel="stylesheet" href="_static/sphinx-design.min.css?v=1" />
    <script defer src="_static/scripts/fontawesome.js?digest=1"></script>
    <script src="_static/mathjax/tex-chtml.js"></script>
    <script src="_static/doctools.js"></script>
    <script src="searchindex.js"></script>
</head>"""


@pytest.mark.parametrize(
    ("body", "is_search", "kept"),
    [
        ("<p>words</p>", False, {"doctools"}),
        ("<p>words</p>", True, {"doctools", "searchindex"}),
        ('<span class="math notranslate">', False, {"doctools", "mathjax/startup.js"}),
        ('<div class="x sd-card">', False, {"doctools", "sphinx-design"}),
    ],
)
def test_scripts_that_a_page_needs_stay(body, is_search, kept):
    text = without_unused_scripts(HEAD + body, is_search)
    names = ("doctools", "searchindex", "mathjax/startup.js", "sphinx-design", "fontawesome")
    assert {name for name in names if name in text} == kept
    assert text.endswith(body)


def test_styles_for_names_that_are_used_stay():
    sheet = "@media print{.a{x:1}.b{x:2}}.a.b,.a>p{x:3}p:not(.b){x:4}@font-face{font-family:F}"
    assert pruned(sheet, {"a"}) == (
        "@media print{.a{x:1}}.a>p{x:3}p:not(.b){x:4}@font-face{font-family:F}"
    )


def test_images_are_late_and_say_how_large_they_are(tmp_path):
    Image.new("RGB", (30, 20)).save(tmp_path / "a.png")
    text = with_lazy_images('<img src="a.png" alt="A bird"><img src="b.svg"/>', tmp_path)
    first = '<img loading="lazy" width="30" height="20" src="a.png" alt="A bird">'
    assert text == first + '<img loading="lazy" src="b.svg"/>'
    assert with_lazy_images(text, tmp_path) == text


def test_words_of_a_book_that_lies_in_a_folder_named_data_count(tmp_path):
    html = tmp_path / "data"
    (html / "try_it" / "data").mkdir(parents=True)
    (html / "index.html").write_text('<p class="a-b">')
    (html / "try_it" / "data" / "weights.js").write_text("huge")
    assert words_of(html) == {"p", "class", "a-b"}

"""Leave out of a built book what its pages load and never use.

    python scripts/lighten_book.py _build/html

`scripts/build_book.py` calls it. The theme comes with every icon, every style and the index of the
search on each page: four megabytes before the first word. What stays is what a page names; it looks
and works as before. Images wait until they are near the screen, and say how large they will be. And
what the theme tells screen readers wrongly is mended.
"""

import re
import sys
from pathlib import Path

import tinycss2
from fontTools import subset
from fontTools.ttLib import TTFont
from PIL import Image

SEARCH_SCRIPTS = ("searchtools.js", "language_data.js", "searchindex.js")
ICON_FONTS = "_static/vendor/fontawesome/webfonts"


def main() -> None:
    lighten(Path(sys.argv[1]))


def lighten(html: Path) -> None:
    """Rewrite the pages, the style sheets and the icons of a built book, once."""
    for bundle in (html / "_static/mathjax").glob("*-*.js"):
        bundle.unlink()  # each holds all of MathJax; the pages load the parts that they need
    for page in html.rglob("*.html"):
        text = without_unused_scripts(page.read_text(encoding="utf-8"), page.name == "search.html")
        text = for_screen_readers(with_lazy_images(text, page.parent))
        page.write_text(text, encoding="utf-8")
    words = words_of(html)
    for sheet in (html / "_static").rglob("*.css"):
        sheet.write_text(pruned(sheet.read_text(encoding="utf-8"), words), encoding="utf-8")
    keep_named_icons(html)


def without_unused_scripts(text: str, is_search: bool) -> str:
    """A page without the scripts that it does not need.

    Icons are drawn from a font; the index of the search is for the page of the search; formulas
    are set where there are some, and tabs and cards where there are some.
    """
    unused = ["fontawesome.js"]
    if not is_search:
        unused += SEARCH_SCRIPTS
    if not re.search(r'class="[^"]*\bmath\b', text):
        unused += ["mathjax/"]
    if not re.search(r'class="[^"]*\bsd-', text):
        unused += ["design-tabs.js", "sphinx-design"]
    for name in unused:
        text = re.sub(rf"\n *<(script|link)\b[^>]*{re.escape(name)}[^>]*>(</script>)?", "", text)
    return text.replace("mathjax/tex-chtml.js", "mathjax/startup.js")


def for_screen_readers(text: str) -> str:
    """A page whose icons are silent, folded cells named, references plain paragraphs."""
    text = re.sub(r'<(i|span) (class="fa-)', r'<\1 aria-hidden="true" \2', text)
    for mark in (' aria-label="Toggle hidden content"', ' role="doc-biblioentry"'):
        text = text.replace(mark, "")
    text = text.replace(
        '<summary><span class="toctree-toggle"',
        '<summary aria-label="Pages below this one"><span class="toctree-toggle"',
    )
    return text.replace('<div role="list" class="citation-list">', '<div class="citation-list">')


def with_lazy_images(text: str, folder: Path) -> str:
    """A page whose images are loaded late and take their room at once, so that nothing jumps."""

    def lazy(match: re.Match) -> str:
        tag = match[0]
        source = re.search(r'src="([^"]+)"', tag)
        if "loading=" in tag or not source:
            return tag
        late = ' loading="lazy"'
        if not re.search(r"\s(width|height|style)=", tag):
            late += size_of(folder / source[1])
        return "<img" + late + tag[len("<img") :]

    return re.sub(r"<img\b[^>]*>", lazy, text)


def size_of(path: Path) -> str:
    """The attributes width and height of an image file; nothing if it does not say."""
    if path.suffix not in (".png", ".jpg", ".jpeg", ".webp") or not path.is_file():
        return ""
    with Image.open(path) as image:
        return f' width="{image.width}" height="{image.height}"'


def words_of(html: Path) -> set[str]:
    """Every word of the pages and scripts: no other can be the name of an element's class."""
    words = set()
    for path in [*html.rglob("*.html"), *html.rglob("*.js")]:
        if not {"mathjax", "data", "fontawesome.js"} & set(path.relative_to(html).parts):
            words.update(re.findall(r"[\w-]+", path.read_text(encoding="utf-8")))
    return words


def pruned(sheet: str, words: set[str]) -> str:
    """A style sheet without the rules for classes that nothing names.

    Example:
        >>> pruned(".a b, .c {top: 0} @media print {.c {top: 1px}} p:not(.c) {left: 0}", {"a"})
        '.a b{top: 0}p:not(.c){left: 0}'
    """
    kept = []
    for rule in tinycss2.parse_stylesheet(sheet, skip_comments=True, skip_whitespace=True):
        if rule.type == "qualified-rule":
            selectors = re.split(r",(?![^(]*\))", tinycss2.serialize(rule.prelude))
            selectors = [one.strip() for one in selectors if can_match(one, words)]
            if selectors:
                kept.append(",".join(selectors) + "{" + tinycss2.serialize(rule.content) + "}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            content = pruned(tinycss2.serialize(rule.content), words)
            if content:
                kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{content}}}")
        else:
            kept.append(rule.serialize())
    return "".join(kept)


def can_match(selector: str, words: set[str]) -> bool:
    """Whether every class that a selector asks for has a name among the words."""
    while (shorter := re.sub(r":(not|is|where|has)\([^()]*\)", "", selector)) != selector:
        selector = shorter
    classes = re.findall(r"\.(-?[_a-zA-Z](?:[\w-]|\\.)*)", selector)
    return all(name in words or name.startswith("bs-") for name in classes)


def keep_named_icons(html: Path) -> None:
    """Cut the icons' fonts down to the characters that the style sheets still name."""
    styles = html / "_static/styles"
    for sheet in styles.glob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        text = re.sub(r'url\([^)]*\.woff2\) format\("woff2"\),', "", text)
        sheet.write_text(text, encoding="utf-8")
    named = "".join(sheet.read_text(encoding="utf-8") for sheet in styles.glob("*.css"))
    for path in (html / ICON_FONTS).glob("*.ttf"):
        font = TTFont(path, recalcTimestamp=False)  # the same book has the same bytes
        subsetter = subset.Subsetter()
        subsetter.populate(text=named)
        subsetter.subset(font)
        font.save(path)
    for path in (html / ICON_FONTS).glob("*.woff2"):
        path.unlink()


if __name__ == "__main__":
    main()

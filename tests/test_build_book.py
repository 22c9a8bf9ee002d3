"""The builder's proof: it must find a missing page, a traceback, an undescribed image."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("build_book", ROOT / "scripts" / "build_book.py")
build_book = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build_book)

SOUND = '<img src="logo.svg"><article><p>Hello</p><img src="a.png" alt="A red bird"></article>'


@pytest.fixture
def html(tmp_path):
    (tmp_path / "chapters").mkdir()
    (tmp_path / "index.html").write_text("")
    (tmp_path / "chapters" / "one.html").write_text(SOUND)
    return tmp_path


def test_a_sound_book_has_no_faults(html):
    assert build_book.check_pages(html, ["chapters/one"]) == ([], 1)


@pytest.mark.parametrize(
    ("article", "fault"),
    [
        ("Traceback (most recent call last)", "holds a traceback"),
        ('<img src="a.png" alt="">', "a.png has no description"),
        ('<img src="a.png">', "a.png has no description"),
        (
            '<script defer src="https://a.org/m.js"></script>',
            "needs the network for https://a.org/m",
        ),
        ('<img src="a.png" alt="../_images/a 1.png">', "a.png has no description"),
    ],
)
def test_faults_are_found(html, article, fault):
    (html / "chapters" / "one.html").write_text(f"<article>{article}</article>")
    (found,), _ = build_book.check_pages(html, ["chapters/one"])
    assert fault in found


def test_missing_pages_are_found(html):
    (html / "index.html").unlink()
    faults, _ = build_book.check_pages(html, ["chapters/one", "chapters/two"])
    assert faults == ["index.html is missing", "chapters/two.html is missing"]


def test_every_page_of_the_table_of_contents_is_checked_and_exists():
    pages = build_book.pages_of(ROOT / "_toc.yml")
    assert len(pages) == len(set(pages)) >= 13
    for page in pages:
        assert any((ROOT / f"{page}{suffix}").is_file() for suffix in (".md", ".ipynb")), page


def test_stored_results_go_when_the_library_changes(tmp_path):
    build = tmp_path / "_build"
    cached = build / ".jupyter_cache" / "result"
    for digest, kept in (("one", False), ("one", True), ("two", False)):
        build_book.empty_stale_cache(build, digest)
        assert cached.is_file() == kept
        cached.parent.mkdir(parents=True, exist_ok=True)
        cached.write_text("")


def test_the_digest_follows_code_weights_and_versions(tmp_path):
    seen = set()
    for name in ("dse/a.py", "dse/images/w.safetensors", "constraints.txt", "pyproject.toml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        seen.add(build_book.source_digest(tmp_path))
    (tmp_path / "README.md").write_text("not an input")
    seen.add(build_book.source_digest(tmp_path))
    assert len(seen) == 4

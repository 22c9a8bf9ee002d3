"""The public address stands in one place, and what repeats it agrees with that place."""

import re
import shutil
import subprocess
from email.message import Message
from pathlib import Path

import pytest

import set_address
from book_address import name_address, read_address
from dse.utils import errors

ROOT = Path(__file__).parent.parent
REPEATED = {"README.md": set_address.readme, "CITATION.cff": set_address.citation}
REPOSITORY, BOOK = "https://example.org/birds", "https://books.example.org/birds/"


@pytest.fixture
def copy(tmp_path):
    for name in ("pyproject.toml", *REPEATED):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", REPEATED)
def test_what_repeats_the_address_agrees(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert REPEATED[name](text, read_address(ROOT)) == text


def test_setting_and_unsetting_leaves_every_file_as_it_was(copy):
    set_address.write_project(copy / "pyproject.toml")
    set_address.repeat(copy)
    unset = {name: (copy / name).read_text() for name in ("pyproject.toml", *REPEATED)}
    set_address.write_project(copy / "pyproject.toml", REPOSITORY + ".git", BOOK)
    set_address.repeat(copy)
    assert read_address(copy)["Repository"] == REPOSITORY
    assert all(REPOSITORY in (copy / name).read_text() for name in unset)
    set_address.write_project(copy / "pyproject.toml")
    set_address.repeat(copy)
    assert {name: (copy / name).read_text() for name in unset} == unset


def test_no_other_file_names_an_address_of_ours():
    tracked = subprocess.run(
        ["git", "ls-files", "*.md", "*.py", "*.yml", "*.toml", "*.cff", "*.ipynb"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    urls = read_address(ROOT)
    ours = [urls[key] for key in ("Repository", "Documentation") if key in urls]
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in tracked}
    naming = [name for name, text in texts.items() if any(url in text for url in ours)]
    own = ("pyproject.toml", "README.md", "CITATION.cff", "tests/test_set_address.py")
    assert [name for name in naming if name not in own and not name.endswith(".ipynb")] == []


def test_pages_install_from_our_address_or_none():
    pages = [ROOT / "README.md", *(ROOT / "chapters").glob("*.md")]
    texts = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert set(re.findall(r'git\+([^\s"@]+)', texts)) <= {read_address(ROOT).get("Repository")}
    assert not re.search(r'pip install "?dse\b(?!\S* @)', texts)  # no registry has it


class Config:
    def __init__(self):
        self.html_theme_options, self.html_baseurl, self.ogp_site_url = {}, "", ""


@pytest.mark.parametrize("urls", [{}, {"Repository": REPOSITORY, "Documentation": BOOK}])
def test_buttons_only_lead_somewhere(urls, monkeypatch):
    monkeypatch.setattr("book_address.read_address", lambda root: urls)
    config = Config()
    name_address(None, config)
    assert config.html_theme_options.get("repository_url") == urls.get("Repository")
    assert ("launch_buttons" in config.html_theme_options) == bool(urls)
    assert config.html_baseurl == config.ogp_site_url == urls.get("Documentation", "")


@pytest.mark.parametrize("address", [None, REPOSITORY])
def test_an_error_tells_how_to_install_from_where_the_code_is(address, monkeypatch):
    about = Message()
    if address:
        about["Project-URL"] = f"Repository, {address}"
    monkeypatch.setattr(errors, "metadata", lambda name: about)
    message = str(errors.missing_extra("approximate search", "faiss"))
    assert "[faiss]" in message
    assert (REPOSITORY in message) == bool(address)

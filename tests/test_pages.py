"""The pages of the book: their parts are there, and the code on plain pages runs."""

import ast
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest

import dse
from code_in_docstrings import mark, without_factory
from dse.cli import main
from dse.reproduction.challenges import challenge_table
from dse.training.loop import TrainingConfig

ROOT = Path(__file__).parent.parent
CHAPTERS = ROOT / "chapters"


def test_the_code_of_the_embedding_page(tmp_path, monkeypatch):
    text = (CHAPTERS / "embed.md").read_text(encoding="utf-8")
    encode, read = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    data = dse.load_dataset("fieldguide")
    config = TrainingConfig("bag-of-words", steps=2)
    dse.train(data, config, out="runs/fieldguide", progress=False)
    names = {}
    exec(encode, names)
    assert names["embeddings"].shape == (2, 1024)
    assert len(names["scores"]) == len(data.labels)

    (image,) = re.findall(r'index\("(.*?)"\)', read)
    file = tmp_path / "text_c10" / f"{image}.txt"
    file.parent.mkdir(parents=True)
    file.write_text("a black bird\n" * 10)
    assert main(["embed", "runs/fieldguide", "text_c10", "--out", "birds.npy"]) == 0
    exec(read, names)
    assert names["ten"].shape == (10, 1024)


def test_the_python_of_the_page_try_it(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (CHAPTERS / "try_it.md").read_text(), re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.split()[0] in ("eastern", "western")


def test_the_grid_of_the_page_on_long_runs(tmp_path, monkeypatch):
    (code,) = re.findall(r"```python\n(.*?)```", (CHAPTERS / "training.md").read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    assert names["table"].state.tolist() == ["done", "done"]


@pytest.mark.parametrize("path", sorted(CHAPTERS.glob("0*.ipynb")), ids=lambda path: path.stem)
def test_a_chapter_says_what_it_needs_and_what_to_take_along(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    assert text.startswith("# ")
    for part in ("**You need**", "**Time**", "**Source**", "## What to take along"):
        assert text.count(part) == 1
    assert text.count("{exercise-start}") == text.count("{solution-start}")


@pytest.mark.parametrize(
    ("page", "intervals"), [("README.md", True), ("chapters/introduction.md", False)]
)
def test_the_table_of_challenges_is_that_of_the_results(page, intervals):
    summary = json.loads((ROOT / "results/fieldguide/summary.json").read_text(encoding="utf-8"))
    table = challenge_table(summary["challenges"], intervals)
    assert table in (ROOT / page).read_text(encoding="utf-8")


def test_the_cards_of_the_front_page_have_the_chapters_titles():
    text = (CHAPTERS / "introduction.md").read_text(encoding="utf-8").replace("’", "'")
    cards = re.findall(r"\{grid-item-card\} \d\. (.*)\n:link: (\w+)\n", text)
    titles = {
        path.stem: json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"][0].strip()
        for path in CHAPTERS.glob("0*.ipynb")
    }
    assert {name: f"# {title}" for title, name in cards} == titles


def listed_in_the_library() -> dict[str, set[str] | None]:
    """Module -> the names that the pages of the library list; None: all of them."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in CHAPTERS.glob("api/*.md"))
    blocks = re.findall(r"automodule:: (\S+)\n +:members:((?:.|\n      )*)\n", text)
    return {name: set(re.findall(r"\w+", names)) or None for name, names in blocks}


def imports_of_chapters() -> set[tuple[str, str]]:
    """(module, name) of all that a chapter imports from dse's modules."""
    found = set()
    for path in CHAPTERS.glob("0*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            if cell["cell_type"] == "code" and "google.colab" not in source:
                for node in ast.walk(ast.parse(source)):
                    if isinstance(node, ast.ImportFrom) and node.module.startswith("dse."):
                        found |= {(node.module, alias.name) for alias in node.names}
    return found


def test_the_library_lists_every_public_name_and_all_that_chapters_import():
    listed = listed_in_the_library()
    overview = (CHAPTERS / "api.md").read_text(encoding="utf-8")
    missing = {name for name in dse.__all__ if f".{name}`" not in overview}
    public = {(getattr(dse, name).__module__, name) for name in dse.__all__}
    for module, name in public | imports_of_chapters():
        thing = getattr(importlib.import_module(module), name, None)  # None: a module
        if inspect.isclass(thing) or inspect.isfunction(thing):
            names = listed.get(thing.__module__, set())
            if names is not None and name not in names:
                missing.add(f"{thing.__module__}.{name}")
    assert missing == set()


@pytest.mark.parametrize(
    ("docstring", "page"),
    [
        ("`dse embed --out x` of :class:`Run`", "``dse embed --out x`` of :class:`Run`"),
        ('`{"a": 1,\n"b": 2}` and ``c``', '``{"a": 1,\n"b": 2}`` and ``c``'),
        ("`the book <https://example.org>`_", "`the book <https://example.org>`_"),
    ],
)
def test_backquotes_of_docstrings_are_code(docstring, page):
    lines = docstring.split("\n")
    mark(None, "function", "name", None, None, lines)
    assert "\n".join(lines) == page


@pytest.mark.parametrize(
    ("signature", "page"),
    [("(versions: dict = <factory>)", "(versions: dict = ...)"), (None, None)],
)
def test_signatures_hide_how_a_default_is_made(signature, page):
    shown = without_factory(None, "class", "Run", None, None, signature, "None")
    assert shown == (page, "None")

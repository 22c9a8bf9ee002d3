"""The pages of the book: their parts are there, and the code on plain pages runs."""

import json
import re
from pathlib import Path

import pytest

import dse
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

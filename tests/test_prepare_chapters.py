"""What all chapters share: the first cell on Colab, labels, folded solutions."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from book_address import read_address
from prepare_chapters import FOLD, fold_solutions, install_cell, prepare

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted((ROOT / "chapters").glob("0*.ipynb"))
START, END = "```{solution-start} ex-one\n:class: dropdown\n```", "```{solution-end}\n```"

COLAB = """
import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in [{cell!r}] * 2 + ["import dse; print('from', dse.__file__)"]:
    result = shell.run_cell(cell)
    result.raise_error()
"""


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_is_prepared(path):
    text = path.read_text(encoding="utf-8")
    assert prepare(text, read_address(ROOT).get("Repository")) == text, "prepare_chapters.py"
    nbformat.validate(nbformat.reads(text, as_version=4))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_needs_nothing_but_dse(path):
    base = {"IPython", "dse", "google", "matplotlib", "numpy", "pandas", "seaborn", "torch"}
    base |= {"PIL", "gensim", "scipy", "sklearn", "torchvision", "tqdm"} | sys.stdlib_module_names
    imported = set()
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code" and "google.colab" not in source:
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    imported |= {alias.name.split(".")[0] for alias in node.names}
                if isinstance(node, ast.ImportFrom):
                    imported.add(node.module.split(".")[0])
    assert imported <= base


def test_preparing_twice_changes_nothing_and_an_address_comes_and_goes():
    cells = [
        nbformat.v4.new_markdown_cell(f"Why?\n\n{START}\nBecause."),
        nbformat.v4.new_code_cell("1 + 1"),
        nbformat.v4.new_markdown_cell(f"So.\n{END}\n\nOn."),
        nbformat.v4.new_code_cell("2 + 2", metadata={"execution": {"started": "today"}}),
    ]
    tags = {"tags": ["hide-cell"]}
    cells.insert(0, nbformat.v4.new_code_cell('"google.colab"', metadata=dict(tags)))
    cells.append(nbformat.v4.new_code_cell("assert True", metadata=dict(tags)))
    text = nbformat.writes(nbformat.v4.new_notebook(cells=cells))
    unset = prepare(text, None)
    assert prepare(unset, None) == unset
    there = prepare(unset, "https://example.org/birds")
    assert "git clone" in there and "git clone" not in unset
    assert prepare(there, None) == unset

    first, question, solution, rest, other, last = json.loads(unset)["cells"]
    assert first["metadata"]["mystnb"]["code_prompt_show"] == "Install on Colab"
    assert last["metadata"]["mystnb"]["code_prompt_show"].endswith("checked")
    assert "".join(question["source"]).startswith("Why?")
    assert solution["metadata"]["jupyter"]["source_hidden"]
    assert "".join(rest["source"]).startswith(FOLD)
    assert "".join(rest["source"]).endswith("On.")
    assert other["metadata"] == {}


def test_words_of_a_solution_are_folded_once():
    folded, inside = fold_solutions(f"Why?\n\n{START}\nBecause.\n{END}\n\nOn.", False)
    assert not inside
    assert folded.split(FOLD)[1].split("</details>")[0].strip() == "Because."
    assert fold_solutions(folded, False) == (folded, False)


def test_the_first_cell_installs_dse_twice_on_a_machine_without_the_repository(tmp_path):
    """Colab's folder is a temporary one here; torch and pip are those of this environment."""
    content = tmp_path / "content"
    content.mkdir()
    archive = ["git", "archive", "--format=zip", "-o", str(content / "dse.zip"), "HEAD"]
    if subprocess.run(archive, cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("this is not a git repository")
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "here.pth").write_text(str(Path(pytest.__file__).parent.parent))
    cell = install_cell(None).replace("/content", str(content))
    done = subprocess.run(
        [environment / "bin/python", "-c", COLAB.format(cell=cell)],
        cwd=content,
        env={**os.environ, "PYTHONPATH": "", "PIP_NO_BUILD_ISOLATION": "0", "PIP_NO_DEPS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("with torch ") == 2
    assert f"from {packages}" in done.stdout

"""Each chapter runs on CUB and Flowers as well, told by environment variables alone.

Executed on small roots in the layouts of both, with a few training steps.
"""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from real_roots import make_root

FOLDER = Path(__file__).parents[1] / "chapters"
CHAPTERS = (
    "01_data_and_splits",
    "02_image_features",
    "03_word2vec_baseline",
    "04_char_cnn",
    "05_cnn_rnn",
    "06_zero_shot_results",
)
STEPS = re.compile(r"((?:steps|validate_every)\W{1,4})[\d_]{3,}")
"""What sets the length of a training run in a chapter: `steps=1500`, `"steps": 1500`."""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return make_root(tmp_path_factory.mktemp("root"))


@pytest.mark.parametrize("dataset", ["cub", "flowers"])
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_runs_on_photographs(chapter, dataset, root, monkeypatch):
    monkeypatch.setenv("DSE_DATASET", dataset)
    monkeypatch.setenv("DSE_ROOT", str(root))
    monkeypatch.setenv("DSE_IMAGE_ENCODER", "fieldguide")  # small, and comes with dse
    notebook = with_few_steps(chapter)
    resources = {"metadata": {"path": FOLDER}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources)
    client.execute()  # raises if a cell does
    results = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    printed = "".join(output.text for output in results if output.output_type == "stream")
    tables = "".join(output.data.get("text/plain", "") for output in results if "data" in output)
    assert re.search(r"\bnan\b", printed + tables, re.IGNORECASE) is None


def with_few_steps(chapter: str) -> nbformat.NotebookNode:
    """A chapter without outputs, whose training runs have ten steps."""
    path = FOLDER / f"{chapter}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(source=STEPS.sub(r"\g<1>10", cell.source), outputs=[])
    return notebook

"""Write into every chapter what all of them share; once more after each change of a chapter.

    python scripts/prepare_chapters.py

- The first code cell installs `dse` on Colab, from the address that pyproject.toml knows.
- It and the last one, which checks the chapter's claims, are folded under a label of their own.
- Solutions are folded in JupyterLab and on Colab as well, which know nothing of `{solution-start}`.
- When a cell ran on which machine is nobody's business.
"""

import json
import re

from book_address import ROOT, read_address
from dse.utils.files import written_whole

FETCH = "git clone -q --depth 1 {address} /content/book"
UNPACK = "unzip -q dse.zip -d /content/book"
INSTALL = """\
import sys
from importlib.metadata import version
from importlib.util import find_spec

if "google.colab" in sys.modules:  # on Colab: get the book and install dse, once
    if not find_spec("dse"):
        !{get}
        %pip install -q /content/book "torch=={{version('torch')}}"
    %cd -q /content/book/chapters

    from dse.utils.devices import describe_device, pick_device

    print("dse", version("dse"), "with torch", version("torch"))
    print(describe_device(pick_device()))"""
HOW_TO_UPLOAD = """\
# The book has no public address yet. In your copy of it: git archive -o dse.zip HEAD
# Then upload dse.zip to Colab (the folder on the left), and run this cell.
"""
LABELS = {"google.colab": "Install on Colab", "assert ": "This chapter's claims, checked"}
FOLD = "<details><summary>Solution</summary>"
FENCE = re.compile(r"(```\{solution-(?:start|end)\}.*?\n```)", re.DOTALL)


def main() -> None:
    for path in sorted((ROOT / "chapters").glob("0*.ipynb")):
        text = path.read_text(encoding="utf-8")
        prepared = prepare(text, read_address(ROOT).get("Repository"))
        if prepared != text:
            with written_whole(path) as unfinished:
                unfinished.write_text(prepared, encoding="utf-8")
            print(f"prepared {path.name}")


def prepare(text: str, address: str | None) -> str:
    """A notebook with the shared parts in it; one that has them comes back as it was."""
    notebook = json.loads(text)
    in_solution = False
    for cell in notebook["cells"]:
        cell["metadata"].pop("execution", None)
        source = "".join(cell["source"])
        if "hide-cell" in cell["metadata"].get("tags", []):
            if "google.colab" in source:
                source = install_cell(address)
            label(cell, source)
        elif cell["cell_type"] == "markdown":
            source, in_solution = fold_solutions(source, in_solution)
        elif in_solution:
            cell["metadata"]["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
            cell["metadata"]["cellView"] = "form"
        cell["source"] = source.splitlines(keepends=True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def install_cell(address: str | None) -> str:
    """The source of the first cell: from a public address, or from an archive put there."""
    if address:
        return INSTALL.format(get=FETCH.format(address=address))
    return HOW_TO_UPLOAD + INSTALL.format(get=UNPACK)


def label(cell: dict, source: str) -> None:
    """Name a folded cell by what it does, open or closed."""
    for word, text in LABELS.items():
        if word in source:
            names = {"code_prompt_show": text, "code_prompt_hide": text}
            cell["metadata"]["mystnb"] = cell["metadata"].get("mystnb", {}) | names
            return


def fold_solutions(source: str, in_solution: bool) -> tuple[str, bool]:
    """Fold the words of the solutions in a Markdown cell.

    Args:
        source: the cell.
        in_solution: whether the cell begins within a solution.

    Returns:
        the cell anew, and whether it ends within a solution.
    """
    parts = []
    for part in FENCE.split(source):
        if FENCE.fullmatch(part):
            in_solution = "start" in part.splitlines()[0]
        elif in_solution and part.strip() and not part.strip().startswith(FOLD):
            part = f"\n{FOLD}\n\n{part.strip()}\n\n</details>\n\n"
        parts.append(part)
    return "".join(parts).strip("\n"), in_solution


if __name__ == "__main__":
    main()

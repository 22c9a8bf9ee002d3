"""Bring the page on your own data up to date: what its commands print, and its tables.

    python scripts/own_data_page.py

Each block of `sh` is run, in the order of the page and in a new folder, and a block of `text` that
follows it becomes what it prints. The contact sheet of the search becomes a picture. The tables are
made from `results/own_data/how_much_data.json`, which `experiments/how_much_data.py` writes.
"""

import io
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout, suppress
from pathlib import Path

from PIL import Image

from dse.cli import main as dse_main

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "chapters" / "own_data.md"
RESULTS = ROOT / "results" / "own_data" / "how_much_data.json"
SHEET = ROOT / "_static" / "own_data_search.jpg"
COMMAND = re.compile(r"```sh\n(?P<command>[^`]+)\n```(?:\n\n```text\n(?P<output>[^`]*?)\n?```)?")
"""A command, with what it prints where the page shows it."""
TABLE = re.compile(r"<!-- top-1 by (\w+) -->\n[^\n]*(?:\n\|[^\n]*)*")


def main() -> None:
    os.environ["TQDM_DISABLE"] = "1"
    text = PAGE.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        text = COMMAND.sub(run_again, text)
        for sheet in Path("search").glob("*.png"):
            picture = Image.open(sheet).convert("RGB")
            picture.thumbnail((900, 900))
            picture.save(SHEET, quality=85)
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    text = TABLE.sub(lambda found: table(found[1], results), text)
    PAGE.write_text(text, encoding="utf-8")


def run_again(block: re.Match) -> str:
    """A command of the page with what it prints now."""
    output = printed(block["command"])
    again = f"```sh\n{block['command']}\n```"
    return again if block["output"] is None else f"{again}\n\n```text\n{output}\n```"


def printed(command: str) -> str:
    """What a command prints, run in the current folder."""
    program, *arguments = shlex.split(command.replace("\\\n", " "))
    if program == "python":
        script, *arguments = arguments
        subprocess.run([sys.executable, ROOT / script, *arguments], check=True)
        return ""
    output = io.StringIO()
    with redirect_stdout(output), redirect_stderr(output), suppress(SystemExit):
        dse_main(arguments)
    lines = output.getvalue().splitlines()
    return "\n".join(line for line in lines if not line.startswith("device: "))  # not everybody's


def table(what: str, results: dict[str, dict]) -> str:
    """Top-1 against one of the numbers, the others full: mean and half the range, in %."""
    sizes = ("classes", "images", "captions")
    full = {size: max(record[size] for record in results.values()) for size in sizes}
    others = [size for size in sizes if size != what]
    line = [r for r in results.values() if all(r[size] == full[size] for size in others)]
    numbers = sorted({record[what] for record in line})
    rows = [[what, *map(str, numbers)], ["---"] * (1 + len(numbers))]
    encoders = dict.fromkeys(record["text_encoder"] for record in results.values())
    for encoder in encoders:
        cells = [
            _cell([r["top1"] for r in line if (r["text_encoder"], r[what]) == (encoder, number)])
            for number in numbers
        ]
        rows.append([f"`{encoder}`" if len(encoders) > 1 else "top-1", *cells])
    return "\n".join([f"<!-- top-1 by {what} -->", *(f"| {' | '.join(row)} |" for row in rows)])


def _cell(shares: list[float]) -> str:
    if not shares:
        return "–"
    half_range = 50 * (max(shares) - min(shares))
    return f"{100 * sum(shares) / len(shares):.0f}\xa0±\xa0{half_range:.0f}"  # on one line


if __name__ == "__main__":
    main()

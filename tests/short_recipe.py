"""Runs `dse` commands from stdin, made short: python short_recipe.py < COMMANDS.

The image encoder is FieldGuide's, nothing is downloaded, and the grid is small. Prints where `dse`
was imported from, and what was to be downloaded.
"""

import json
import shlex
import sys

import dse
from dse import cli
from dse.commands import data
from dse.reproduction import Cell, cells

if __name__ == "__main__":
    downloads = []
    data.download_dataset = lambda *arguments: downloads.append(arguments) or []
    cells.PARTS["table"] = (Cell("attributes"), Cell("bag-of-words"))
    cells.PARTS["figure4a"] = (Cell("bag-of-words", captions=2),)
    cells.FULL_EPOCHS = {"all": 3, "attributes": 2}
    for line in sys.stdin:
        command, *arguments = shlex.split(line.replace("googlenet", "fieldguide"))
        if command != "dse" or cli.main(arguments):
            sys.exit(f"failed: {line}")
    print(json.dumps({"dse": dse.__file__, "downloads": downloads}))

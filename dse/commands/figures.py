"""The files that a command writes: where they may lie, and the figures that it reports."""

import json
from argparse import Namespace
from pathlib import Path

from dse.utils.errors import InputError
from dse.utils.files import written_whole

READ = ("captions", "classes", "file", "image")
"""Options that name a file to read."""


def write_json(figures: dict | list, path: Path | None) -> None:
    """Write what `--json FILE` asks for; nothing if it was not given."""
    if path is not None:
        with written_whole(path) as partial:
            partial.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def refuse_overwriting(options: Namespace) -> None:
    """Raise an `InputError` if `--out` or `--json` would replace what is read, or a folder.

    Commands write after minutes of work, and replace a file that is there.
    """
    given = vars(options)
    read = {given[name].resolve() for name in READ if isinstance(given.get(name), Path)}
    run = given["run"].resolve() if isinstance(given.get("run"), Path) else None
    written = {}
    for flag in ("out", "json"):
        path = given.get(flag)
        if path is None:
            continue
        place = path.resolve()
        if place in read or (run is not None and place.is_relative_to(run)):
            raise InputError(f"{path} is read, too: give --{flag} another name")
        if place in written:
            raise InputError(f"{path} is --{written[place]} already: give --{flag} another name")
        if flag == "json":
            refuse_no_place(path, flag)
        written[place] = flag


def refuse_no_place(path: Path, flag: str) -> None:
    """Raise an `InputError` if a folder is where a file is to be, or a file where its folder is."""
    if path.is_dir():
        raise InputError(f"{path} is a folder: give --{flag} the name of a file")
    above = next(parent for parent in path.parents if parent.exists())
    if not above.is_dir():
        raise InputError(
            f"{above} is a file, and {path.name} would lie in it: give --{flag} another name"
        )

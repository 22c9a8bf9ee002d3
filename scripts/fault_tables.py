"""A Sphinx extension: the page "What we tested" gets its tables and numbers from results/faults.

`<!-- faults: NAME -->` in the page becomes what the function of that name in `PARTS` returns.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

RESULTS = Path(__file__).resolve().parent.parent / "results" / "faults"
PAGE = "chapters/what_we_tested"
MARK = re.compile(r"<!-- faults: ([\w ,]+?) -->")
OUTCOMES = {
    "refused": "refused",
    "noted": "with a note",
    "same": "as before",
    "changed": "otherwise",
    "forbidden": "forbidden",
}
"""The columns of the tables, by their names in the results."""


def setup(app) -> dict:
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True}


def fill_in(app, name: str, source: list[str]) -> None:
    """Put tables and numbers into the page; Sphinx gives its text as a list of one."""
    if name == PAGE:
        source[0] = MARK.sub(lambda found: PARTS[found[1]](), source[0])


@cache
def read(name: str) -> dict:
    """One of the results; none of them may hold an outcome that is forbidden."""
    results = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    if results["forbidden"]:
        raise ValueError(f"{name}.json holds a forbidden outcome: {results['forbidden'][0]}")
    return results


def cells() -> list[dict]:
    """What came of broken inputs, each format with each fault."""
    return read("data")["table"] + read("runs")["table"]


def number_of(*names: str) -> str:
    """The cases of some results together."""
    return f"{sum(read(name)['cases'] for name in names):,}"


def minutes() -> str:
    """What all of it took, on the machine that did it."""
    seconds = sum(read(name)["seconds"] for name in ("data", "runs", "kills", "disks"))
    return f"{seconds / 60:.0f}"


def formats() -> str:
    """Outcomes by groups of formats: what stands before the colon of their names."""
    return counted("Format", cells(), lambda cell: group(cell["format"]))


def all_formats() -> str:
    return counted("Format", cells(), lambda cell: cell["format"])


def faults() -> str:
    return counted("Fault", cells(), lambda cell: cell["corruption"])


def group(name: str) -> str:
    """The group of a format.

    Example:
        >>> group("CUB: captions"), group("the words of dse train"), group("archives, others")
        ('CUB', 'the words of commands', 'archives')
    """
    if name.startswith("the words of"):
        return "the words of commands"
    for start in ("cached", "weights", "classes", "images to search", "captions to embed"):
        if name.startswith(start):
            return start
    return re.split("[:,]", name)[0]


def counted(head: str, rows: list[dict], key: Callable[[dict], str]) -> str:
    """A table of the outcomes of each key, and of all."""
    counts: dict[str, Counter] = {}
    for row in rows:
        own = {outcome: row[outcome] for outcome in OUTCOMES}
        counts.setdefault(key(row), Counter()).update(own)
        counts.setdefault("**all**", Counter()).update(own)
    counts["**all**"] = counts.pop("**all**")
    lines = [[name, *(f"{own[outcome]:,}" for outcome in OUTCOMES)] for name, own in counts.items()]
    return table([head, *OUTCOMES.values()], lines)


def killed() -> str:
    head = ["Work", "killed", "then as if never", "started twice", "both ended", "one refused"]
    keys = ("work", "kills", "same", "starts", "both", "refused")
    return table(head, ([row.get(key, "–") for key in keys] for row in read("kills")["table"]))


def disks() -> str:
    rows = read("disks")["table"]
    return table(
        ["Command", "full", "read-only"],
        ([f"`{row['command']}`", row["full"], row["read-only"]] for row in rows),
    )


def table(head: Iterable[object], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown; numbers stand on the right."""
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


PARTS: dict[str, Callable[[], str]] = {
    "formats": formats,
    "all formats": all_formats,
    "faults": faults,
    "killed": killed,
    "disks": disks,
    "minutes": minutes,
    "number of inputs": partial(number_of, "data", "runs"),
    "number of kills": partial(number_of, "kills"),
}

"""The counts of a campaign as a table of text, and as JSON."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faults.campaign import OUTCOMES


def table(summed: Mapping[str, Any], by: str) -> str:
    """The counts of one column of the table, `format` or `corruption`, as text."""
    rows: dict[str, Counter] = {}
    for cell in sorted(summed["table"], key=lambda cell: cell[by]):
        rows.setdefault(cell[by], Counter()).update({name: cell[name] for name in OUTCOMES})
    rows["all"] = sum(rows.values(), Counter())
    width = max(len(name) for name in (*rows, by))
    lines = [f"{by:{width}}  {'tried':>7}" + "".join(f"{name:>10}" for name in OUTCOMES)]
    for name, counts in rows.items():
        numbers = "".join(f"{counts[outcome]:10}" for outcome in OUTCOMES)
        lines.append(f"{name:{width}}  {counts.total():7}{numbers}")
    return "\n".join(lines)


def write_json(summed: Mapping[str, Any], path: Path) -> None:
    """One line for each cell of the table."""
    text = json.dumps({**summed, "table": []}, indent=1)
    cells = ",\n  ".join(map(json.dumps, summed["table"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    text = text.replace('"table": []', f'"table": [\n  {cells}\n ]')
    path.write_text(text + "\n", encoding="utf-8")

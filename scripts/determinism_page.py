"""Bring the tables of the page "Determinism" up to date.

    python scripts/determinism_page.py

They are made from `results/determinism/drift.json`, which `experiments/drift.py` writes.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "chapters" / "determinism.md"
RESULTS = ROOT / "results" / "determinism" / "drift.json"
TABLE = re.compile(r"<!-- (\w+) -->\n[^\n]*(?:\n\|[^\n]*)*")
NAMES = {"plain": "one thread", "same": "the same command again"}


def main() -> None:
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def updated(text: str) -> str:
    """The page with the tables that follow its marks made anew."""
    measured = json.loads(RESULTS.read_text(encoding="utf-8"))
    about, results = measured["about"], measured["results"]
    runs = {name: one for name, one in results.items() if name in about["steps"]}
    made = {
        "machine": lambda: machine(about, list(runs)),
        "shipped": lambda: shipped(results["shipped"]),
        "trained": lambda: trained(runs),
    }
    return TABLE.sub(lambda found: f"<!-- {found[1]} -->\n{made[found[1]]()}", text)


def machine(about: dict, names: list[str]) -> str:
    steps = " and ".join(f"{about['steps'][name]} steps of the {name}" for name in names)
    return (
        f"Measured on {about['processor']}, of which torch {about['torch']} uses "
        f"{about['capability']}, after {steps} on FieldGuide."
    )


def shipped(conditions: dict[str, dict]) -> str:
    head = ["", "image features", "text embeddings", "other answers", "top-1"]
    rows = [
        [
            NAMES.get(condition, condition),
            *(distance(one[key]) for key in ("features", "embeddings")),
            *(percent(one[key]) for key in ("other_answers", "top1")),
        ]
        for condition, one in conditions.items()
    ]
    return table(head, rows, left=1)


def trained(runs: dict[str, dict[str, dict]]) -> str:
    head = ["", "trained under", "weights", "other answers", "top-1"]
    rows = [
        [
            name if condition == "plain" else "",
            NAMES.get(condition, condition),
            distance(one["weights"]),
            *(percent(one[key]) for key in ("other_answers", "top1")),
        ]
        for name, conditions in runs.items()
        for condition, one in conditions.items()
    ]
    return table(head, rows, left=2)


def distance(value: float) -> str:
    """`3 · 10⁻⁷`, or that the bits are the same."""
    if value == 0:
        return "same bits"
    digits, exponent = f"{value:.0e}".split("e")
    power = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{value:.1f}" if value > 0.05 else f"{digits}\xa0·\xa010{power}"


def percent(share: float) -> str:
    return f"{100 * share:.1f}\xa0%"


def table(head: list[str], rows: list[list[str]], left: int) -> str:
    """A table whose first columns, so many, are words, and the others numbers."""
    lines = [head, ["---"] * left + ["--:"] * (len(head) - left), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()

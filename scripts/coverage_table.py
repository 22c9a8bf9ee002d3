"""Which lines of dse does no test reach? Bring the page "How good are the tests?" up to date.

    python -m coverage run -m pytest --ignore tests/demo
    .venv/demo/bin/python -m coverage run -m pytest -p no:cacheprovider tests/demo
    python scripts/coverage_table.py

The last command reads what the tests' processes wrote, `.coverage.*`. `results/coverage.json` gets
the counts of each package, and each place that no test reached. A place is known by its file,
function and line, and keeps the judgement that it has there; a new one gets `null`.
"""

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "chapters" / "test_quality.md"
RESULTS = ROOT / "results" / "coverage.json"
NAMES = ("file", "function", "line", "judgement")
TABLE = re.compile(r"<!-- ((?:un)?reached) -->\n[^\n]*(?:\n\|[^\n]*)*")


def main() -> None:
    coverage = [sys.executable, "-m", "coverage"]
    subprocess.run([*coverage, "combine", "--quiet"], cwd=ROOT, check=True)
    told = subprocess.run([*coverage, "json", "-o", "-"], cwd=ROOT, capture_output=True, check=True)
    before = json.loads(RESULTS.read_text(encoding="utf-8"))
    results = summary(json.loads(told.stdout)["files"], before["unreached"])
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8"), results), encoding="utf-8")


def summary(files: dict[str, dict], judged: list[dict]) -> dict:
    """The counts of each package, and the places that no test reaches with their judgements."""
    packages = defaultdict(Counter)
    for file, report in files.items():
        package = "/".join(Path(file).parts[:2])
        packages["dse/*.py" if package == file else package].update(counts(report["summary"]))
    judgements = {tuple(one.values())[:3]: one["judgement"] for one in judged}
    found = [place for file, report in sorted(files.items()) for place in places(file, report)]
    listed = [dict(zip(NAMES, (*place, judgements.get(place)), strict=True)) for place in found]
    return {"packages": dict(sorted(packages.items())), "unreached": listed}


def counts(report: dict[str, int]) -> dict[str, int]:
    return {
        "statements": report["num_statements"],
        "branches": report["num_branches"],
        "reached": report["covered_lines"] + report["covered_branches"],
    }


def places(file: str, report: dict) -> list[tuple[str, str, str]]:
    """File, function and line of what was not reached: rows of lines, and ways not taken."""
    text = ["the end", *(ROOT / file).read_text(encoding="utf-8").splitlines()]
    found = []
    for function, own in report["functions"].items():
        missing = set(own["missing_lines"])
        lines = sorted(missing | set(own["executed_lines"]))
        rows = [list(row) for not_run, row in groupby(lines, missing.__contains__) if not_run]
        found += [(row[0], function, text[row[0]].strip()) for row in rows]
        found += [
            (start, function, f"{text[start].strip()} → {text[max(end, 0)].strip()}")
            for start, end in own["missing_branches"]
            if not missing & {start, end}
        ]
    return [(file, function, line) for _, function, line in sorted(found)]


def updated(page: str, results: dict) -> str:
    """The page with both tables made anew."""
    made = {"reached": reached(results["packages"]), "unreached": unreached(results["unreached"])}
    return TABLE.sub(lambda found: f"<!-- {found[1]} -->\n{made[found[1]]}", page)


def reached(packages: dict[str, dict[str, int]]) -> str:
    rows = ["| package | statements | branches | reached |", "|---|--:|--:|--:|"]
    of_all = sum(map(Counter, packages.values()), Counter())
    for name, own in [*packages.items(), ("all", of_all)]:
        share = 1000 * own["reached"] // (own["statements"] + own["branches"]) / 10
        rows.append(f"| `{name}` | {own['statements']:,} | {own['branches']:,} | {share} % |")
    return "\n".join(rows).replace("`all`", "all")


def unreached(places: list[dict]) -> str:
    rows = ["| why no test reaches it | places | in |", "|---|--:|---|"]
    for judgement, number in Counter(one["judgement"] for one in places).most_common():
        files = {one["file"] for one in places if one["judgement"] == judgement}
        modules = sorted(f"`{'.'.join(Path(file).with_suffix('').parts[1:])}`" for file in files)
        rows.append(f"| {judgement} | {number} | {', '.join(modules)} |")
    return "\n".join(rows)


if __name__ == "__main__":
    main()

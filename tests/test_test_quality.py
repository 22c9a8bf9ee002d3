"""The page on the tests: its tables are those of results/mutation.json and coverage.json."""

import json
from collections import Counter
from pathlib import Path

import coverage_table
from page_tables import marked_table

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "chapters" / "test_quality.md").read_text(encoding="utf-8")
COVERAGE = json.loads((ROOT / "results/coverage.json").read_text(encoding="utf-8"))
MODULES = json.loads((ROOT / "results/mutation.json").read_text(encoding="utf-8"))


def test_the_scores_are_those_that_were_measured():
    rows = marked_table(PAGE, "mutation")
    for (name, own), row in zip(MODULES.items(), rows, strict=True):
        before = own["before"]
        share = f"{100 * before['killed'] / before['mutants']:.0f} %"
        now = f"{100 * own['killed'] / own['mutants']:.0f} %"
        assert row == [
            f"`{Path(name).stem}`",
            str(own["mutants"]),
            share,
            now,
            str(len(own["survivors"])),
        ]


def test_each_survivor_was_judged():
    survivors = [one for own in MODULES.values() for one in own["survivors"]]
    assert all(one["judgement"] for one in survivors)
    counts = Counter(one["judgement"] for one in survivors)
    shown = dict(marked_table(PAGE, "survivors"))
    assert shown == {name: str(number) for name, number in counts.items()}


def test_the_tables_of_coverage_are_those_that_were_measured():
    assert coverage_table.updated(PAGE, COVERAGE) == PAGE
    rows = marked_table(PAGE, "reached")
    for row, own in zip(rows, COVERAGE["packages"].values(), strict=False):
        assert row[1:3] == [f"{own['statements']:,}", f"{own['branches']:,}"]
        share = 100 * own["reached"] / (own["statements"] + own["branches"])
        assert 0 <= share - float(row[3].removesuffix(" %")) < 0.1
    assert [row[0].strip("`") for row in rows] == [*COVERAGE["packages"], "all"]
    places = sum(int(row[1]) for row in marked_table(PAGE, "unreached"))
    assert places == len(COVERAGE["unreached"])


def test_each_unreached_place_was_judged():
    assert [one for one in COVERAGE["unreached"] if not one["judgement"]] == []


def test_places_are_rows_of_lines_and_ways_not_taken(tmp_path, monkeypatch):
    """As coverage.py reports this function after `clip(1)`."""
    source = ["def clip(x):", "    if x < 0:", "        x = -x", "        x += 1", "    if x:"]
    source += ["        return x", "    return 7"]
    (tmp_path / "one.py").write_text("\n".join(source), encoding="utf-8")
    monkeypatch.setattr(coverage_table, "ROOT", tmp_path)
    of_clip = {
        "executed_lines": [2, 5, 6],
        "missing_lines": [3, 4, 7],
        "missing_branches": [[2, 3], [5, 7]],
    }
    of_module = {"executed_lines": [1], "missing_lines": [], "missing_branches": []}
    report = {"functions": {"clip": of_clip, "": of_module}}
    assert coverage_table.places("one.py", report) == [
        ("one.py", "clip", "x = -x"),
        ("one.py", "clip", "return 7"),
    ]
    of_clip |= {"missing_lines": [], "executed_lines": [2, 3, 4, 5, 6, 7]}
    of_clip["missing_branches"] = [[2, 5], [5, -1]]
    assert coverage_table.places("one.py", report) == [
        ("one.py", "clip", "if x < 0: → if x:"),
        ("one.py", "clip", "if x: → the end"),
    ]

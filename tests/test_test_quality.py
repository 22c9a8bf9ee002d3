"""The page on the tests: its tables are those of results/mutation.json."""

import json
from collections import Counter
from pathlib import Path

from page_tables import marked_table

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "chapters" / "test_quality.md").read_text(encoding="utf-8")
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

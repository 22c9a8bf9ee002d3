"""The tables of the README hold what the run files hold."""

import re
from pathlib import Path

import pytest

from dse.reproduction import Cell, difference, read_paper, read_records
from dse.reproduction.formats import METRIC_NAMES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIELDGUIDE, CUB, FULL_CUB, CUB_VIEWS, FULL_FLOWERS, FLOWERS_VIEWS = (
    read_records(ROOT / "results" / name)
    for name in ("fieldguide", "cub", "full/cub", "views/cub", "full/flowers", "views/flowers")
)
PAPER = read_paper()


def rows(heading: str) -> dict[str, list[str]]:
    """Text encoder -> the other columns of the table whose head begins with a text."""
    table = README[README.index(heading) :].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table]
    return {re.search("`(.*?)`", first).group(1): others for first, *others in cells}


def percents(records, cell) -> str:
    """Top-1 and precision at 50 of a run; a dash where it was not trained."""
    if cell not in records:
        return "–"
    return ", ".join(f"{100 * records[cell][metric]:.1f}" for metric in METRIC_NAMES)


def rounded(points: float) -> str:
    return f"{round(points, 1) + 0.0:.1f}".replace("-", "−")  # + 0.0: no minus before 0


def test_the_table_of_fieldguide():
    for encoder, (steps, *columns) in rows("| Text encoder | steps | top-1 (chance 2 %)").items():
        runs = [FIELDGUIDE[Cell(encoder, seed=seed)] for seed in range(3)]
        assert {f"{run['steps']:,}" for run in runs} == {steps}
        assert columns == [
            ", ".join(f"{100 * run[metric]:.1f}" for run in runs) + " %" for metric in METRIC_NAMES
        ]


def test_the_table_of_cub():
    table = rows("| Text encoder | steps | top-1 (chance 3.6 %)")
    measured = {cell.text_encoder for cell in CUB if cell == Cell(cell.text_encoder)}
    assert set(table) == measured
    for encoder, (steps, top1, ap50, *longer) in table.items():
        cell = Cell(encoder)
        assert steps == f"{CUB[cell]['steps']:,}"
        assert f"{top1}, {ap50}" == percents(CUB, cell).replace(",", " %,") + " %"
        long = [percents(records, cell) for records in (FULL_CUB, CUB_VIEWS)]
        assert [own.removesuffix(" %") for own in longer] == long


def test_the_table_of_the_asymmetric_objective():
    for encoder, columns in rows("| Text encoder | CUB, 4,200 steps: bias learned, bias 0").items():
        expected = []
        for records, table in ((CUB, "table1"), (FULL_FLOWERS, "table2")):
            own = [records[Cell(encoder, "da", form=form)] for form in (None, "zero-bias")]
            _, low, high = difference(own[1], own[0], "ap50")
            expected += [
                ", ".join(f"{100 * run['ap50']:.1f}" for run in own),
                f"{rounded(low)} to {rounded(high)}",
                f"{PAPER[table]['rows'][encoder]['ap50']['da']:.1f}",
            ]
        assert columns == expected


def test_the_table_of_flowers():
    table = rows("| Text encoder | one view")
    assert list(table) == list(PAPER["table2"]["rows"])
    for encoder, columns in table.items():
        published = PAPER["table2"]["rows"][encoder]
        assert columns == [
            percents(FULL_FLOWERS, Cell(encoder)),
            percents(FLOWERS_VIEWS, Cell(encoder)),
            ", ".join(f"{published[metric]['ds']:.1f}" for metric in METRIC_NAMES),
        ]


@pytest.mark.parametrize(
    ("records", "encoder"),
    [
        (CUB, "bag-of-bigrams"),
        *(
            (records, encoder)
            for records in (CUB, FULL_CUB)
            for encoder in ("bag-of-words", "char-cnn-rnn", "word-lstm", "word-cnn-rnn")
        ),
    ],
)
def test_the_mean_over_three_seeds_on_cub(records, encoder):
    top1 = [100 * records[Cell(encoder, seed=seed)]["top1"] for seed in range(3)]
    mean = sum(top1) / 3
    spread = (sum((own - mean) ** 2 for own in top1) / 2) ** 0.5
    assert f"{mean:.1f} ± {spread:.1f}" in README

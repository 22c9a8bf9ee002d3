"""Table 3: what was published as a mean over classes, and ours in both measures."""

from dse.reproduction import Cell, read_paper
from dse.reproduction.earlier_methods import earlier_methods, earlier_methods_section


def test_earlier_methods_stand_by_class_and_the_papers_by_image(record):
    cell = Cell("word-cnn-rnn")
    rows = earlier_methods("cub", {cell: record(cell), Cell("char-cnn", seed=1): {}}, read_paper())
    by_name = {row["method"]: row for row in rows}
    assert (by_name["SJE"]["top1"], by_name["SJE"]["top1_per_class"]) == (None, 50.1)
    assert (by_name["DS-SJE"]["top1"], by_name["DS-SJE"]["top1_per_class"]) == (56.8, None)
    ours = [row for row in rows if row["whose"] == "here"]
    assert [row["method"] for row in ours] == ["DS-SJE, word-cnn-rnn"]
    assert ours[0]["top1"] == 100 * record(cell)["top1"]
    assert ours[0]["top1_per_class"] == 100 * record(cell)["top1_per_class"]


def test_flowers_has_the_papers_rows_alone_and_fieldguide_none(record):
    assert [row["method"] for row in earlier_methods("flowers", {}, read_paper())] == [
        "DA-SJE", "DS-SJE"
    ]  # fmt: skip
    cell = Cell("word-cnn-rnn")
    assert earlier_methods("fieldguide", {cell: record(cell)}, read_paper()) == []
    assert earlier_methods_section([]) == []

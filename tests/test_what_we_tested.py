"""The page "What we tested": its counts are those of results/faults, its sentences those of dse."""

import json
import re
from pathlib import Path

import pytest

import fault_tables
from dse.cli import main
from faults.data_roots import cub
from faults.run_roots import a_run

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "chapters" / "what_we_tested.md").read_text(encoding="utf-8")
RESULTS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in (ROOT / "results" / "faults").glob("*.json")
}


def rows_of(table):
    """The cells of a table, without its head."""
    return [[cell.strip() for cell in row.split("|")[1:-1]] for row in table.splitlines()[2:]]


@pytest.mark.parametrize("name", RESULTS)
def test_no_outcome_is_forbidden(name):
    assert RESULTS[name]["forbidden"] == []
    assert not any(row.get("forbidden") for row in RESULTS[name]["table"])


def test_every_mark_of_the_page_is_filled_in():
    source = [PAGE]
    fault_tables.fill_in(None, fault_tables.PAGE, source)
    marks = set(fault_tables.MARK.findall(PAGE))
    assert "<!--" not in source[0] and marks == set(fault_tables.PARTS)
    other = [PAGE]
    fault_tables.fill_in(None, "chapters/timings", other)
    assert other == [PAGE]


@pytest.mark.parametrize("name", ["formats", "all formats", "faults"])
def test_each_table_counts_every_broken_input_once(name):
    *rows, last = rows_of(fault_tables.PARTS[name]())
    numbers = [[int(cell.replace(",", "")) for cell in row[1:]] for row in (*rows, last)]
    *numbers, of_all = numbers
    assert list(map(sum, zip(*numbers, strict=True))) == of_all
    cases = RESULTS["data"]["cases"] + RESULTS["runs"]["cases"]
    assert sum(of_all) == cases and f"{cases:,}" == fault_tables.PARTS["number of inputs"]()
    cells = RESULTS["data"]["table"] + RESULTS["runs"]["table"]
    assert of_all == [sum(cell[key] for cell in cells) for key in fault_tables.OUTCOMES]


def test_every_kill_ended_as_if_nothing_had_happened():
    rows = rows_of(fault_tables.killed())
    assert len(rows) == len(RESULTS["kills"]["table"])
    for work, kills, same, starts, both, refused in rows:
        assert int(kills) >= 3 and same == kills, work
        assert starts == "–" or int(both) + int(refused) == int(starts)


def test_every_command_is_refused_by_both_disks():
    rows = rows_of(fault_tables.disks())
    assert len(rows) == len(RESULTS["disks"]["table"])
    assert all(row[1:] == ["refused", "refused"] for row in rows)


def test_a_forbidden_outcome_stops_the_build(tmp_path, monkeypatch):
    found = {"cases": 1, "table": [], "forbidden": [{"format": "CUB"}]}
    (tmp_path / "data.json").write_text(json.dumps(found), encoding="utf-8")
    monkeypatch.setattr(fault_tables, "RESULTS", tmp_path)
    with pytest.raises(ValueError, match="data"):
        fault_tables.read.__wrapped__("data")


def test_the_sentences_of_the_page_are_what_dse_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    a_run(tmp_path)
    (tmp_path / "run").rename(tmp_path / "birds")
    (tmp_path / "runs").mkdir()
    (tmp_path / "birds").rename(tmp_path / "runs" / "birds")
    weights = tmp_path / "runs/birds/model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-40] ^= 1
    weights.write_bytes(content)
    cub(tmp_path / "data")
    labels = tmp_path / "data/CUB_200_2011/image_class_labels.txt"
    labels.write_text(labels.read_text().replace("7 4\n", "7 900\n"))
    examples = re.findall(r"^\$ dse (.*)\n(.*)$", PAGE, re.MULTILINE)
    assert len(examples) == 2
    for command, line in examples:
        assert main(command.split()) == 2
        assert capsys.readouterr().err.splitlines()[-1] == line


def test_the_command_of_the_page_is_there():
    assert "```sh\nmake faults\n```" in PAGE
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "\n# make faults " in makefile and "\nfaults: " in makefile
    (parts,) = re.findall(r"for part in (.*); do", makefile)
    assert set(parts.split()) == set(RESULTS)

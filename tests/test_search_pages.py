"""The pages on search: their code runs, and their figures are those of results/search."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import dse
from page_tables import marked_table

ROOT = Path(__file__).parent.parent
SCALE = (ROOT / "chapters" / "scale.md").read_text(encoding="utf-8")
MEASURED = json.loads((ROOT / "results/search/scale.json").read_text(encoding="utf-8"))


def number(text):
    """The number of a cell, without its unit."""
    return float(re.match(r"[\d.,]+", text)[0].replace(",", ""))


def test_exact_search_as_it_was_measured():
    for row, measured in zip(marked_table(SCALE, "exact"), MEASURED["exact"], strict=True):
        assert [number(cell) for cell in row] == [
            measured["rows"],
            measured["file_megabytes"],
            pytest.approx(measured["seconds_one_query"], rel=0.05),
            pytest.approx(measured["seconds_100_queries"], rel=0.05),
            measured["memory_megabytes"],
        ]


def test_approximate_search_as_it_was_measured():
    expected = [
        [
            f"`{index['index']}`",
            found["candidates"],
            pytest.approx(1000 * found["seconds_a_query"], rel=0.05),
            pytest.approx(found["recall_texts"], abs=0.0051),
            pytest.approx(found["recall_images"], abs=0.0051),
        ]
        for index in MEASURED["approximate"]
        for found in index["searches"]
    ]
    rows = marked_table(SCALE, "approximate")
    assert [[row[0], *map(number, row[1:])] for row in rows] == expected
    built = [
        [f"`{index['index']}`", index["seconds_to_build"], index["bytes_a_row"]]
        for index in MEASURED["approximate"]
    ]
    assert [[row[0], *map(number, row[1:])] for row in marked_table(SCALE, "built")] == built


def test_the_load_of_a_million_captions_as_it_was_measured():
    sizes = json.loads((ROOT / "results/load.json").read_text(encoding="utf-8"))["sizes"]
    stages = ("data", "characters", "words", "training", "evaluation", "search")
    for row, stage in zip(marked_table(SCALE, "load"), stages, strict=True):
        for cell, size in zip(row[1:], sizes, strict=True):
            seconds, gigabytes = map(number, cell.split(", "))
            assert seconds == pytest.approx(size["stages"][stage]["seconds"], rel=0.15)
            assert gigabytes == pytest.approx(size["stages"][stage]["megabytes"] / 1000, abs=0.051)
    middle, large = (size["stages"] for size in sizes[1:])
    growth = [large[stage]["seconds"] / middle[stage]["seconds"] for stage in stages]
    assert f"{min(growth):.0f} to {max(growth):.0f} times as long" in SCALE


def test_the_ratios_in_the_text():
    largest, middle = MEASURED["exact"][-1], MEASURED["exact"][-2]
    (codes,) = (index for index in MEASURED["approximate"] if index["index"] == "ivf-pq")
    most = codes["searches"][-1]
    assert "a hundred queries together cost eight times as much" in SCALE.lower()
    assert round(largest["seconds_100_queries"] / largest["seconds_one_query"]) == 8
    assert "a tenth of all rows gives `ivf-pq` 99 of 100, in a ninth of the time" in SCALE
    assert (most["candidates"], codes["rows"]) == (10_000, 100_000)
    assert round(middle["seconds_one_query"] / most["seconds_a_query"]) == 9
    assert round(100 * most["recall_texts"]) == 99
    assert f"{1e6 * largest['seconds_one_query'] / largest['rows']:.2f} µs a row" in SCALE


def test_the_arithmetic_on_paper():
    a_row = MEASURED["exact"][-1]["seconds_one_query"] / MEASURED["exact"][-1]["rows"]
    for power, row in zip(range(6, 10), marked_table(SCALE, "paper"), strict=True):
        gigabytes = [10.0**power * size / 1e9 for size in (2 * 1024, 4 * 1024 + 272, 72)]
        exact, graph, codes = gigabytes
        expected = [exact, 10**power * a_row, graph, codes]
        assert [number(cell) for cell in row[1:5]] == pytest.approx(expected, rel=0.03)
        machines = [int(part) for part in row[5].split(",")]
        assert machines == [int(np.ceil(part / 200)) for part in gigabytes]


@pytest.fixture
def in_a_folder_with_a_run(tmp_path, monkeypatch):
    """The current folder, with what the pages assume: a trained run, and photographs."""
    monkeypatch.chdir(tmp_path)
    data = dse.load_dataset("fieldguide")
    config = dse.TrainingConfig("bag-of-words", steps=2)
    dse.train(data, config, out="runs/fieldguide", progress=False)
    Path("photos").mkdir()
    for path in data.image_paths[:3]:
        shutil.copy(path, "photos")


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / "chapters" / page).read_text(), re.DOTALL)


@pytest.mark.usefixtures("in_a_folder_with_a_run")
def test_the_code_on_the_page_about_search(capsys):
    (code,) = blocks("search.md")
    exec(code, {})
    *matches, named = capsys.readouterr().out.splitlines()
    assert len(matches) == 3 and all(".png" in line for line in matches)
    assert set(re.findall(r"\w+", named)) <= {"red", "blue"}


@pytest.mark.usefixtures("in_a_folder_with_a_run")
def test_the_shards_for_a_vector_engine(capsys):
    approximate, shards = blocks("scale.md")
    exec(shards, {})
    rows = np.load("shards/vectors-0000000000.npy")
    assert rows.dtype == np.float16 and rows.shape == (3, 1024)
    assert np.load("shards/ids-0000000000.npy").tolist() == [0, 1, 2]
    assert len(Path("shards/names.txt").read_text(encoding="utf-8").splitlines()) == 3
    pytest.importorskip("faiss")
    features = torch.randn(200, 16, generator=torch.Generator().manual_seed(0))
    code = approximate.replace("ivf-pq", "hnsw")  # which takes few rows
    exec(code, {"features": features, "queries": features[:2]})
    assert capsys.readouterr().out == "1.0\n"

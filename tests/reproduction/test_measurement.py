"""Cells measured on a toy: complete records, equal to evaluation; done ones skipped; faults."""

import json
from dataclasses import replace

import pytest
import torch
from PIL import Image

from dse.evaluation import evaluate, measure
from dse.reproduction import Cell, measure_cell, run_cells
from dse.reproduction.measurement import without_level
from dse.training import train
from dse.utils.errors import InputError
from dse.utils.records import with_checksum

CELL = Cell("bag-of-words", length=30)
FIELDS = {
    "dataset", "image_encoder", "views", "float16", "data", "notes", "image_size", "classes",
    "images", "text_encoder", "objective", "seed", "form", "length", "steps", "captions_per_image",
    "config", "top1", "top1_per_class", "ap50", "map", "precision", "without_level",
    "pair_accuracy", "per_pair", "challenges", "single_caption", "caption_curve", "per_class",
    "confusion", "final_loss", "minutes", "versions", "machine", "sha256",
}  # fmt: skip


@pytest.fixture(scope="module")
def measured(toy):
    return measure_cell(toy, CELL)


def test_a_record_has_every_field_and_equals_an_evaluation(toy, measured):
    assert set(measured) == FIELDS
    run = train(toy, CELL.training_config(toy), progress=False)
    metrics = evaluate(run, toy)
    for name in ("top1", "top1_per_class", "ap50", "map"):
        assert measured[name] == pytest.approx(getattr(metrics, name), abs=1e-6)
    assert measured["per_class"] == metrics.to_dict()["per_class"]
    assert measured["final_loss"] == pytest.approx(run.history.loss.mean(), abs=1e-6)
    assert measured["precision"]["50"] == pytest.approx(measured["ap50"], abs=1e-6)
    assert measured["data"] == toy.describe()["content"]
    level = metrics.scores.mean(1, keepdim=True)
    level_off = measure(metrics.scores - level, toy.subset("test").labels, metrics.class_names)
    assert measured["without_level"]["ap50"] == pytest.approx(level_off.ap50, abs=1e-6)
    assert measured["without_level"]["per_class"] == pytest.approx(
        level_off.class_precision.tolist(), abs=1e-6
    )


def test_a_level_that_an_image_adds_to_all_its_scores_is_taken_off():
    labels = torch.arange(3).repeat_interleave(60)
    scores = torch.nn.functional.one_hot(labels).float()
    level = 10 * torch.rand(180, 1, generator=torch.Generator().manual_seed(0))
    assert measure(scores + level, labels, list("abc")).ap50 < 0.6
    assert without_level(scores + level, labels)["ap50"] == pytest.approx(1.0)


def test_the_parts_of_a_record_agree_with_each_other(measured):
    table = measured["confusion"]
    assert sum(map(sum, table)) == measured["images"] == 35
    assert sum(table[c][c] for c in range(7)) == round(measured["top1"] * 35)
    *_, everything = measured["caption_curve"]
    assert everything == {"captions": "all", "top1": [measured["top1"]], "ap50": [measured["ap50"]]}
    assert [len(row["top1"]) for row in measured["caption_curve"]] == [10] * 9 + [1]
    (pair,) = measured["per_pair"]
    assert pair["accuracy"] == measured["pair_accuracy"]
    assert pair["classes"] == ["eastern pippen", "western pippen"]


def test_a_record_is_small_and_names_no_machine_or_folder(measured):
    text = json.dumps(measured, indent=1)
    assert len(text) < 60_000
    assert set(measured["machine"]) == {"machine", "processors", "torch_threads", "device"}
    assert "crown" not in text


def test_images_of_one_size_are_told_from_others(toy, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(len(toy.labels))]
    for path in paths:
        Image.new("RGB", (40, 30)).save(path)
    data = replace(toy, image_paths=paths)
    cell = Cell("attributes", length=1)
    for folder, expected in (("same", [40, 30]), ("other", None)):
        run_cells(data, [cell], tmp_path / folder)
        record = json.loads((tmp_path / folder / f"{cell.name}.json").read_text())
        assert record["image_size"] == expected
        Image.new("RGB", (50, 30)).save(data.subset("test").image_paths[0])


def test_attributes_have_no_caption_curve(toy):
    record = measure_cell(toy, Cell("attributes", length=3))
    assert (record["caption_curve"], record["single_caption"]) == (None, None)
    assert record["top1"] > 0


def test_done_cells_are_skipped_and_impossible_ones_left_out(toy, tmp_path, caplog):
    bare = replace(toy, class_attributes=None)
    cells = [Cell("attributes", length=2), Cell("bag-of-words", length=2)]
    run_cells(bare, cells, tmp_path)
    assert "attributes-ds-seed0: left out, cub has no class attributes" in caplog.messages
    (file,) = tmp_path.glob("*.json")
    before = file.read_bytes()
    states = run_cells(bare, cells, tmp_path)
    assert list(states.name) == ["bag-of-words-ds-seed0"]
    assert file.read_bytes() == before  # `minutes` would differ


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"data": "f" * 16}, "other data"),
        ({"image_encoder": "googlenet"}, "the image encoder googlenet, not toy"),
        ({"config": {"text_encoder": "bag-of-words", "steps": 31}}, "another configuration"),
        ({"config": None}, "is damaged"),
    ],
)
def test_files_of_another_measurement_are_refused(toy, measured, tmp_path, change, complaint):
    path = tmp_path / f"{CELL.name}.json"
    path.write_text(json.dumps(with_checksum({**measured, **change})))
    with pytest.raises(InputError, match=complaint):
        run_cells(toy, [CELL], tmp_path)
    path.write_text("{")
    with pytest.raises(InputError, match="damaged"):
        run_cells(toy, [CELL], tmp_path)

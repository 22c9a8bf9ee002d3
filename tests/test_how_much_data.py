"""The experiment on the size of a data set: its parts are parts, and what is measured stays."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

import dse

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("how", ROOT / "experiments" / "how_much_data.py")
how = importlib.util.module_from_spec(spec)
spec.loader.exec_module(how)


@pytest.fixture(scope="module")
def train():
    return dse.load_dataset("fieldguide").subset("train")


@pytest.mark.parametrize("sizes", [(5, 3, 2), (100, 26, 10), (1, 1, 1)])
def test_a_part_has_its_size_and_its_own_features_and_captions(train, sizes):
    classes, images, captions = sizes
    few = how.part(train, *sizes, seed=1)
    assert torch.bincount(few.labels).tolist() == [images] * classes
    assert {len(own) for own in few.captions} == {captions}
    place = {path: i for i, path in enumerate(train.image_paths)}
    assert len(set(few.image_paths)) == len(few)
    for j, path in enumerate(few.image_paths):
        i = place[path]
        assert torch.equal(few.features[j], train.features[i])
        assert few.captions[j] == train.captions[i][:captions]
        assert few.class_names[few.labels[j]] == train.class_names[train.labels[i]]
    assert how.part(train, *sizes, seed=1).image_paths == few.image_paths
    if classes < 100:
        assert how.part(train, *sizes, seed=2).image_paths != few.image_paths


def test_one_number_is_varied_at_a_time_and_each_point_stands_once():
    points = list(how.points())
    assert all(sum(sizes[what] != how.FULL[what] for what in sizes) <= 1 for sizes in points)
    assert points.count(how.FULL) == 1
    assert len(points) == sum(map(len, how.VARIED.values())) - 2


def test_what_is_measured_is_kept_and_the_rest_is_added(tmp_path, monkeypatch):
    monkeypatch.setattr(how, "VARIED", {"classes": (5, 100)})
    out = tmp_path / "own" / "how.json"
    how.measure(["bag-of-words"], steps=2, seeds=1, out=out)
    first = json.loads(out.read_text())
    small = first["bag-of-words-classes5-images26-captions10-seed0"]
    assert (small["batch_size"], small["steps"], small["captions"]) == (5, 2, 10)
    assert 0 <= small["top1"] <= 1
    first["bag-of-words-classes5-images26-captions10-seed0"]["top1"] = 7
    out.write_text(json.dumps(first))
    how.measure(["bag-of-words"], steps=2, seeds=2, out=out)
    second = json.loads(out.read_text())
    assert second.items() >= first.items() and len(second) == 4
    how.measure(["bag-of-words"], steps=3, seeds=1, out=out)  # another length is measured anew
    assert json.loads(out.read_text())["bag-of-words-classes5-images26-captions10-seed0"] != small

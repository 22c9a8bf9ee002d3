"""The command line where there is nothing to count: captions without a known word."""

import json

import pytest
from PIL import Image

from dse.cli import main

CLASSES = ("amsel", "elster", "meise", "star")
SPLITS = {"train": CLASSES[:2], "val": CLASSES[2:3], "test": CLASSES[3:]}


@pytest.fixture
def photos(tmp_path):
    """A folder of one's own: one class to test on, whose caption file is yet to be written."""
    root = tmp_path / "photos"
    for c, name in enumerate(CLASSES):
        image = root / "images" / name / "1.png"
        image.parent.mkdir(parents=True)
        Image.new("RGB", (40, 30), (60 * c, 200, 40)).save(image)
        image.with_suffix(".txt").write_text("a bird\n" * 2)
    (root / "splits.json").write_text(json.dumps(SPLITS))
    return root


@pytest.mark.parametrize("text_encoder", ["bag-of-words", "word2vec"])
@pytest.mark.parametrize(
    ("captions", "share", "line"),
    [
        ("zwitschert laut\nzwitschert", 1.0, "100.0 %  (most often: zwitschert, laut)"),
        ("鳥\n?! ...", 0.0, "  0.0 %  (most often: none)"),
    ],
    ids=["no known word", "no word at all"],
)
def test_evaluate_on_captions_without_a_known_word(
    photos, own_cache, tmp_path, capsys, text_encoder, captions, share, line
):
    (photos / "images" / "star" / "1.txt").write_text(captions, encoding="utf-8")
    run, figures = str(tmp_path / "run"), tmp_path / "figures.json"
    train = ["train", "folder", "--root", str(photos), "--image-encoder", "fieldguide"]
    options = ["--text-encoder", text_encoder, "--steps", "1", "--batch-size", "3"]
    assert main([*train, *options, "--out", run]) == 0
    assert main(["evaluate", run, "--json", str(figures)]) == 0
    assert f"unknown words    {line}\n" in capsys.readouterr().out
    measured = json.loads(figures.read_text())
    assert measured["unknown_words"] == share
    assert measured["top1"] == 1.0  # the one class is the only choice

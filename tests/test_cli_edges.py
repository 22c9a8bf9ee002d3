"""The command line at its edges: captions without a known word, fewer classes than a batch."""

import json
import struct
import subprocess
import sys
import zlib

import pytest
from PIL import Image

from dse.cli import main
from dse.runs import Run

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


def test_no_warning_of_a_library_precedes_the_line(photos):
    """Pillow warns of an image of 100 million pixels; here they are in its header alone."""
    image = photos / "images" / "star" / "1.png"
    image.with_suffix(".txt").write_text("a bird\n")
    header = struct.pack(">4sIIBBBBB", b"IHDR", 10_000, 10_000, 8, 2, 0, 0, 0)
    chunks = struct.pack(">I17sI", 13, header, zlib.crc32(header)) + struct.pack(">I4s", 9, b"IDAT")
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    command = [sys.executable, "-m", "dse", "data", "folder", "--root", str(photos)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    (line,) = ended.stderr.splitlines()
    assert ended.returncode == 2 and "star/1.png cannot be read (it has too many pixels)" in line


def test_a_command_that_draws_nothing_waits_for_no_matplotlib():
    code = "import sys, dse.cli; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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


@pytest.fixture
def train(photos, tmp_path):
    for image in photos.glob("images/star/*.png"):
        image.with_suffix(".txt").write_text("a bird\n")
    options = ["--image-encoder", "fieldguide", "--text-encoder", "bag-of-words", "--steps", "2"]
    return ["train", "folder", "--root", str(photos), *options, "--out", str(tmp_path / "run")]


def test_a_batch_fits_a_small_data_set(train, own_cache, tmp_path, capsys):
    assert main(train) == 0
    assert "batch size: 3 in place of 40" in capsys.readouterr().err
    assert Run.load(tmp_path / "run").config.batch_size == 3
    assert main([*train, "--resume"]) == 0


@pytest.mark.parametrize("size", ["4", "40"])
def test_a_batch_that_was_asked_for_is_refused_before_features(train, own_cache, capsys, size):
    assert main([*train, "--batch-size", size]) == 2
    assert "--batch-size 3, or fewer" in capsys.readouterr().err
    assert not own_cache.exists()


def test_one_class_is_refused_before_features(train, photos, own_cache, capsys):
    splits = {"train": CLASSES[:1], "val": [], "test": CLASSES[3:]}
    (photos / "splits.json").write_text(json.dumps(splits))
    assert main(train) == 2
    assert "trainval has 1 class" in capsys.readouterr().err
    assert not own_cache.exists()

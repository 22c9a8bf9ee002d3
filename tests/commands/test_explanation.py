"""`dse explain`: what it prints and writes, and one line for every wrong call."""

import json

import pytest
from PIL import Image

import dse
from dse.cli import main
from dse.images.features import extract_features
from dse.images.views import image_size
from explained_runs import untrained

CAPTION = "a red <b>bird</b> with a blue crown"


@pytest.fixture
def bird(tmp_path):
    path = tmp_path / "bird.png"
    Image.new("RGB", (60, 40), (200, 30, 30)).save(path)
    return path


@pytest.fixture
def saved(tmp_path):
    """A function that saves a run of an encoder, with random weights, and gives its folder."""

    def save(name, dim=1024, **dataset):
        run = untrained(name, dim, {"image_encoder": "fieldguide", **dataset})
        run.save(tmp_path / name)
        return str(tmp_path / name)

    return save


@pytest.mark.parametrize("name", ["char-cnn-rnn", "bag-of-words", "word-cnn"])
def test_it_prints_a_sum_and_writes_png_html_and_json(name, saved, bird, tmp_path, capsys):
    run, figures = saved(name), tmp_path / "why.json"
    for suffix in (".png", ".HTML"):
        out = tmp_path / f"why{suffix}"
        options = ["--image", str(bird), "--out", str(out), "--json", str(figures)]
        assert main(["explain", run, CAPTION, *options, "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert image_size(tmp_path / "why.png")[0] > 800
    assert "data:image/png" in (tmp_path / "why.HTML").read_text(encoding="utf-8")
    why = json.loads(figures.read_text())
    feature = extract_features([bird], dse.load_image_encoder("fieldguide"))[0, 0]
    assert why["score"] == pytest.approx(float(dse.Run.load(run).encode([CAPTION])[0] @ feature))
    assert f"score {why['score']:.4g} = {why['constant']:.4g} (constant)" in printed
    total = why["constant"] + sum(term["evidence"] for term in why["terms"])
    assert total == pytest.approx(why["score"], rel=0.01)
    rows = printed.splitlines()
    assert rows[0].startswith("evidence")
    assert (sum("after the end" in row for row in rows) > 0) == (name == "char-cnn-rnn")


def test_a_caption_that_a_terminal_cannot_show_is_explained(saved, bird, capsys):
    run = saved("char-cnn-rnn")
    assert main(["explain", run, "a\nred \udcff\x1b[31m 鳥", "--image", str(bird)]) == 0
    assert "a?red ??[31m 鳥".replace("?", "\N{REPLACEMENT CHARACTER}") in capsys.readouterr().out


def refused(arguments, capsys):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    *log, line = captured.err.splitlines()
    assert all(entry.startswith("device: ") for entry in log)
    return line


def test_wrong_calls_are_one_line(saved, bird, tmp_path, capsys):
    run, image = saved("bag-of-words"), ["--image", str(bird)]
    broken = tmp_path / "broken.png"
    broken.write_bytes(bird.read_bytes()[:60])
    folder = tmp_path / "why.html"
    folder.mkdir()
    for arguments, word in (
        ([run, "a", "--image", str(broken)], "broken.png"),
        ([run, "a", "--image", str(tmp_path / "none.png")], "none.png"),
        ([run, "a", "--image", str(tmp_path)], str(tmp_path)),
        ([run, "a", *image, "--out", "why.svg"], "why.svg"),
        ([run, "a", *image, "--out", str(bird / "why.png")], "bird.png is a file"),
        ([run, "a", *image, "--out", str(folder)], "why.html is a folder"),
        ([str(tmp_path), "a", *image], "not a run"),
        ([run, "a", *image, "--device", "tpu"], "tpu"),
        ([saved("attributes"), "a", *image], "attributes"),
        ([saved("word-lstm", dim=16), "a", *image], "16"),
        ([saved("char-cnn", image_encoder="release"), "a", *image], "--image-encoder"),
        ([saved("word-cnn", image_encoder=None), "a", *image], "--image-encoder"),
        ([saved("char-lstm", image_encoder="vgg"), "a", *image], "vgg"),
    ):
        assert word in refused(["explain", *arguments], capsys)
    assert not (tmp_path / "why.svg").exists()


def test_features_are_extracted_as_the_run_was_trained(saved, bird, tmp_path, monkeypatch):
    asked = []

    def load(name, precision):
        asked.append((name, precision))
        return encoder

    encoder = dse.load_image_encoder("fieldguide")
    monkeypatch.setattr("dse.search.ranking.load_image_encoder", load)
    run = saved("bag-of-words", image_encoder=None, feature_precision="bf16-mixed")
    explain = ["explain", run, "a bird", "--image", str(bird), "--device", "cpu"]
    assert main([*explain, "--image-encoder", "named"]) == 0
    explain[1] = saved("char-cnn", feature_precision="bf16-mixed")
    assert main(explain) == 0
    assert asked == [("named", "bf16-mixed"), ("fieldguide", "bf16-mixed")]

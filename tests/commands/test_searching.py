"""`dse search` and `dse describe`: what they print and write, and a line for each wrong call."""

import json
import os

import pytest
from PIL import Image

from dse import TrainingConfig
from dse.cli import main
from dse.images.encoders import IMAGE_ENCODERS
from dse.text import build_text_encoder
from mean_colour import colour_run, draw, mean_colour_encoder


@pytest.fixture
def folder(tmp_path, own_cache, monkeypatch):
    """The current folder, with a run and photographs of four colours."""
    monkeypatch.setitem(IMAGE_ENCODERS, "mean/colour", mean_colour_encoder)
    monkeypatch.chdir(tmp_path)
    colour_run().save("run")
    for name, colour in {"a": "red", "b/b": "blue", "c": (255, 0, 255), "d": "black"}.items():
        draw(tmp_path / "photos" / f"{name}.png", colour)
    return tmp_path


def search(description, *options):
    return ["search", "run", description, "--images", "photos", "--device", "cpu", *options]


def refused(arguments, capsys):
    """The one line that a wrong call ends with."""
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = stop.code
    line = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert line.startswith("dse: ")
    return line


def test_search_prints_and_writes_what_matches_best(folder, capsys):
    (folder / "photos" / "broken.jpg").write_bytes(b"broken")
    assert main(search("Red and blue!", "--top", "3", "--json", "found.json")) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [
        "the best 3 of 4 images under photos (1 skipped)",
        "   1      2.000  c.png",
        "   2      1.000  a.png",
        "   3      1.000  b/b.png",
        "search/red-and-blue.html: written",
        "search/red-and-blue.png: written",
    ]
    assert "skipped: photos/broken.jpg cannot be read" in printed.err
    assert "note: not read, as no training caption has it: and" in printed.err
    found = json.loads((folder / "found.json").read_text())
    assert found["results"] == [
        {"rank": 1, "image": "photos/c.png", "score": 2.0},
        {"rank": 2, "image": "photos/a.png", "score": 1.0},
        {"rank": 3, "image": "photos/b/b.png", "score": 1.0},
    ]
    assert (found["images"], found["image_encoder"]) == (4, "mean/colour")
    assert [skipped["image"] for skipped in found["skipped"]] == ["photos/broken.jpg"]
    page = (folder / "search" / "red-and-blue.html").read_text(encoding="utf-8")
    assert page.index("1. c.png") < page.index("2. a.png") < page.index("3. b/b.png")
    assert "d.png" not in page and "broken.jpg cannot be read" in page
    with Image.open(folder / "search" / "red-and-blue.png") as sheet:
        assert sheet.width > 600


@pytest.mark.parametrize("suffix", [".html", ".png"])
def test_one_file_may_be_asked_for(folder, suffix):
    assert main(search("red", "--out", f"new/sheet{suffix}")) == 0
    assert [path.name for path in (folder / "new").iterdir()] == [f"sheet{suffix}"]
    assert not (folder / "search").exists()


@pytest.mark.parametrize(
    ("out", "word"),
    [
        ("found.jpg", "no .html or .png file"),
        ("found.pdf", "no .html or .png file"),
        ("notes", "notes is a file"),
        ("notes/found.png", "notes is a file"),
        ("sheet.html", "sheet.html is a folder"),
        ("old", "old/red.png is a folder"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_refused_before_the_work(
    folder, capsys, own_cache, out, word
):
    (folder / "notes").touch()
    for taken in ("sheet.html", "old/red.png"):
        (folder / taken).mkdir(parents=True)
    assert word in refused(search("red", "--out", out), capsys)
    assert not (own_cache / "images").exists()


def test_names_from_outside_stay_text(folder, capsys):
    os.rename(folder / "photos" / "a.png", folder / "photos" / "<b onload=x>&$a_\x1b[2J.png")
    os.rename("photos/c.png", os.fsencode("photos/caf") + b"\xe9.png")
    assert main(search("<script>red</script>", "--out", "sheet", "--json", "found.json")) == 0
    page = (folder / "sheet" / "script-red-script.html").read_text(encoding="utf-8")
    assert "<script" not in page and "<b " not in page
    assert "&lt;script&gt;red&lt;/script&gt;" in page
    out = capsys.readouterr().out
    assert "\x1b" not in out and "caf\N{REPLACEMENT CHARACTER}.png" in out
    results = json.loads((folder / "found.json").read_text())["results"]
    assert all(os.path.exists(result["image"]) for result in results)


@pytest.mark.parametrize(
    ("description", "note"), [("zwitschert laut", "zwitschert, laut"), ("鳥!", "no letter")]
)
def test_nonsense_is_answered_with_a_warning(folder, capsys, description, note):
    assert main(search(description, "--json", "found.json")) == 0
    assert note in capsys.readouterr().err
    found = json.loads((folder / "found.json").read_text())
    assert note in found["notes"][0]
    assert len({result["score"] for result in found["results"]}) == 1  # nothing was read
    (page,) = (folder / "search").glob("*.html")
    assert note in page.read_text(encoding="utf-8")


def test_wrong_searches(folder, capsys):
    assert "empty" in refused(search("  "), capsys)
    assert "--top" in refused(search("red", "--top", "0"), capsys)
    assert "nowhere is not a folder" in refused([*search("red"), "--images", "nowhere"], capsys)
    (folder / "empty").mkdir()
    assert "empty holds no image" in refused([*search("red"), "--images", "empty"], capsys)
    assert "among the images" in refused(search("red", "--out", "photos/found"), capsys)
    line = refused(search("red", "--image-encoder", "fieldguide"), capsys)
    assert "3 dimensions" in line and "1024" in line
    assert not (folder / "search").exists()


def test_a_run_of_attributes_is_refused_before_anything_is_extracted(folder, capsys, own_cache):
    run = colour_run()
    run.encoder = build_text_encoder("attributes", 3, num_attributes=2)
    run.config = TrainingConfig("attributes")
    run.save("attributes")
    arguments = ["search", "attributes", "red", "--images", "photos"]
    assert "reads no captions" in refused(arguments, capsys)
    assert not (own_cache / "images").exists()


def test_describe_ranks_the_lines_of_a_file(folder, capsys):
    (folder / "captions.txt").write_text("red\n\n  blue \nblue, red\ngrün\n", encoding="utf-8")
    arguments = ["describe", "run", "--image", "photos/b/b.png", "--captions", "captions.txt"]
    assert main([*arguments, "--top", "3", "--json", "ranked.json", "--device", "cpu"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "the best 3 of 4 descriptions",
        "   1      1.000  blue",
        "   2      1.000  blue, red",
        "   3      0.000  red",
    ]
    ranked = json.loads((folder / "ranked.json").read_text())
    assert ranked["results"][1] == {"rank": 2, "description": "blue, red", "score": 1.0}
    assert main([*arguments, "--json", "ranked.json"]) == 0
    (note,) = json.loads((folder / "ranked.json").read_text())["notes"]
    assert note.startswith("'grün'")


def test_wrong_descriptions(folder, capsys):
    image, captions = ["--image", "photos/a.png"], ["--captions", "captions.txt"]
    assert "captions.txt" in refused(["describe", "run", *image, *captions], capsys)
    (folder / "captions.txt").write_text("\n \n")
    assert "captions.txt holds no" in refused(["describe", "run", *image, *captions], capsys)
    (folder / "captions.txt").write_text("red\n")
    missing = ["describe", "run", "--image", "nowhere.png", *captions]
    assert "nowhere.png is missing" in refused(missing, capsys)

"""`dse classify`: the table, the page, what is right where it is known, and a line for faults."""

import base64
import json
import re

import pytest

from dse.cli import main
from dse.images.encoders import IMAGE_ENCODERS
from mean_colour import colour_run, draw, mean_colour_encoder


@pytest.fixture
def folder(tmp_path, own_cache, monkeypatch):
    """The current folder, with a run, two classes, and photographs; one lies in a wrong folder."""
    monkeypatch.setitem(IMAGE_ENCODERS, "mean/colour", mean_colour_encoder)
    monkeypatch.chdir(tmp_path)
    colour_run().save("run")
    photos = {"warm/1": "red", "warm/2": (200, 0, 100), "cold/3": "blue", "cold/4": "red"}
    for name, colour in photos.items():
        draw(tmp_path / "photos" / f"{name}.png", colour)
    (tmp_path / "classes.txt").write_text("warm: red\ncold: blue\ncold: blue blue\n")
    return tmp_path


CLASSIFY = ["classify", "run", "--images", "photos", "--classes", "classes.txt", "--device", "cpu"]


def refused(arguments, capsys):
    assert main(arguments) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("dse: ")
    return line


def test_classify_tells_what_is_what_and_what_was_right(folder, capsys):
    assert main([*CLASSIFY, "--json", "named.json"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1:3] == [
        "cold/3.png  cold      1.000    1.000",
        "cold/4.png  warm      1.000    1.000",
    ]
    assert "top-1 75.0 %" in printed[-2] and "chance level 50.0 %" in printed[-2]
    named = json.loads((folder / "named.json").read_text())
    assert [row["class"] for row in named["results"]] == ["cold", "warm", "warm", "warm"]
    assert named["results"][3] == {
        "image": "photos/warm/2.png",
        "class": "warm",
        "score": pytest.approx(200 / 255),
        "margin": pytest.approx(100 / 255),
        "label": "warm",
    }
    assert named["classes"] == {"warm": 1, "cold": 2}
    assert (named["labelled"], named["top1"], named["top1_per_class"]) == (4, 0.75, 0.75)
    assert named["confusion"] == {"classes": ["warm", "cold"], "counts": [[2, 0], [1, 1]]}
    assert "calibration" not in named
    page = (folder / "classify" / "photos.html").read_text(encoding="utf-8")
    assert page.count("✗ folder says cold") == 1
    assert "cold, taken for warm (1 of 2)" in page
    assert page.index("warm/2.png") < page.index("cold/3.png")  # the least certain comes first


def test_unknown_labels_are_said_and_nothing_is_counted(folder, capsys):
    (folder / "photos" / "cold").rename(folder / "photos" / "b")
    (folder / "photos" / "warm").rename(folder / "photos" / "a")
    assert main([*CLASSIFY, "--json", "named.json", "--out", "page.html"]) == 0
    assert "what is right is not known" in capsys.readouterr().out
    named = json.loads((folder / "named.json").read_text())
    assert named["labelled"] == 0 and "top1" not in named
    assert {row["label"] for row in named["results"]} == {""}
    assert "taken for" not in (folder / "page.html").read_text(encoding="utf-8")
    assert "name of a class" in refused([*CLASSIFY, "--calibration"], capsys)


def test_a_calibration_is_measured_on_request(folder, capsys):
    assert main([*CLASSIFY, "--calibration", "--json", "named.json"]) == 0
    assert "not probabilities" in capsys.readouterr().out
    plain, fitted = json.loads((folder / "named.json").read_text())["calibration"]
    assert plain["temperature"] == 1.0
    assert sum(row["images"] for row in plain["bins"]) == 4
    assert 0 <= fitted["expected_calibration_error"] <= 1
    page = (folder / "classify" / "photos.html").read_text(encoding="utf-8")
    assert "expected calibration error" in page
    assert page.count("data:image/svg+xml") == 2


@pytest.mark.parametrize(
    ("broken", "told"), [((), "1 of 3"), (("4",), "1 of 3"), (("3", "4"), "0 of 2")]
)
def test_a_calibration_needs_two_images_whose_class_is_known(folder, capsys, broken, told):
    (folder / "photos" / "warm").rename(folder / "photos" / "other")
    cold = folder / "photos" / "cold"
    for name in broken:
        (cold / f"{name}.png").write_bytes(b"broken")
    if not broken:
        (cold / "4.png").unlink()
    assert told in refused([*CLASSIFY, "--calibration"], capsys)
    assert (folder / "cache" / "images").exists() == bool(broken)  # else it was known before
    assert not (folder / "classify").exists()


def test_names_of_classes_steer_no_terminal(folder, capsys):
    name = "co\x1b[2Jld"
    (folder / "photos" / "cold").rename(folder / "photos" / name)
    (folder / "classes.txt").write_text(f"warm: red\n{name}: blue\n")
    assert main([*CLASSIFY, "--json", "named.json"]) == 0
    assert "\x1b" not in capsys.readouterr().out
    page = (folder / "classify" / "photos.html").read_text(encoding="utf-8")
    (chart,) = re.findall('data:image/svg.xml;base64,([^"]+)', page)
    assert b"ld</text>" in base64.b64decode(chart) and b"\x1b" not in base64.b64decode(chart)
    assert name in json.loads((folder / "named.json").read_text())["classes"]


def test_descriptions_that_cannot_be_read_are_named_with_their_class(folder, capsys):
    (folder / "classes.txt").write_text("warm: red\ncold: eisig\n")
    assert main(CLASSIFY) == 0
    assert "class 'cold'" in capsys.readouterr().err


def test_many_images_are_printed_in_part(folder, capsys):
    for i in range(30):
        draw(folder / "photos" / f"{i}.png", (8 * i, 0, 0))
    assert main(CLASSIFY) == 0
    assert "and 14 more, in the page and with --json" in capsys.readouterr().out
    page = (folder / "classify" / "photos.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == 35
    assert page.count("<figure>") == 24


def test_wrong_classifications(folder, capsys):
    assert "png" in refused([*CLASSIFY, "--out", "named.png"], capsys)
    assert "jpg" in refused([*CLASSIFY, "--out", "named.jpg"], capsys)
    (folder / "classes.txt").write_text("warm: red\ncold\n")
    assert "classes.txt, line 2" in refused(CLASSIFY, capsys)
    (folder / "classes.txt").unlink()
    assert "classes.txt" in refused(CLASSIFY, capsys)
    assert not (folder / "classify").exists()

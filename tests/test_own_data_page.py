"""The page on one's own data: its commands print what it shows, its tables are as measured."""

import argparse
import importlib.util
import json
import re
from contextlib import chdir
from pathlib import Path

import pytest
from PIL import Image

from dse.cli import _parser, main

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("page", ROOT / "scripts" / "own_data_page.py")
page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(page)
TEXT = page.PAGE.read_text(encoding="utf-8")
COMMANDS = [found.groupdict() for found in page.COMMAND.finditer(TEXT)]
NAMES = [" ".join(block["command"].split()[:2]) for block in COMMANDS]
(PARSERS,) = (a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction))


def masked(text):
    """Without what may differ from machine to machine: measured numbers, the order of images."""
    text = re.sub(r"-?\d+\.\d+|\d+\.jpg", "#", text)
    return re.sub(r" +", " ", text)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each command of the page prints, run in order; None for one that is not there."""
    with pytest.MonkeyPatch.context() as patch, chdir(tmp_path_factory.mktemp("own data")):
        patch.setenv("TQDM_DISABLE", "1")
        outputs = {}
        for block in COMMANDS:
            program, name, *_ = block["command"].split()
            known = program == "python" or name in PARSERS.choices
            outputs[block["command"]] = page.printed(block["command"]) if known else None
        yield outputs


@pytest.mark.parametrize("block", COMMANDS, ids=NAMES)
def test_a_command_prints_what_the_page_shows(block, printed):
    output = printed[block["command"]]
    if output is None:
        pytest.skip("this dse has no such command")
    assert masked(output) == masked(block["output"] or ""), "run scripts/own_data_page.py"


def test_the_page_takes_five_commands():
    five = [f"dse {name}" for name in ("data", "features", "train", "evaluate", "search")]
    assert ["python scripts/example_folder.py", *five] == NAMES


def test_the_tables_hold_the_measured_figures():
    results = json.loads(page.RESULTS.read_text(encoding="utf-8"))
    tables = [found[0] for found in page.TABLE.finditer(TEXT)]
    assert tables == [page.table(what, results) for what in ("classes", "images", "captions")]


def test_a_table_shows_mean_and_spread_where_the_other_numbers_are_full():
    sizes = [(5, 9), (5, 9), (20, 9), (20, 2)]
    results = {
        str(i): {
            "text_encoder": "a", "classes": c, "images": n, "captions": 3, "top1": 0.1 + 0.1 * i
        }
        for i, (c, n) in enumerate(sizes)
    }  # fmt: skip
    results["other"] = {**results["0"], "text_encoder": "b", "top1": 1.0}
    assert page.table("classes", results).splitlines() == [
        "<!-- top-1 by classes -->",
        "| classes | 5 | 20 |",
        "| --- | --- | --- |",
        "| `a` | 15\xa0±\xa05 | 30\xa0±\xa00 |",
        "| `b` | 100\xa0±\xa00 | – |",
    ]


@pytest.fixture
def photos(tmp_path, own_cache):
    root = tmp_path / "photos"
    for c in range(6):
        for k in range(2):
            image = root / "images" / f"class {c}" / f"{k}.png"
            image.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), (40 * c, 200, 100 * k)).save(image)
            image.with_suffix(".txt").write_text(f"a bird with the number {'x' * c}\n")
    splits = {"train": ["class 0", "class 1"], "val": ["class 2"], "test": ["class 4", "class 5"]}
    (root / "splits.json").write_text(json.dumps(splits))
    return root


def no_captions(root):
    (root / "images" / "class 0" / "1.txt").unlink()


def half_an_image(root):
    image = root / "images" / "class 0" / "1.png"
    image.write_bytes(image.read_bytes()[:40])


def twice(root):
    (root / "images" / "class 4" / "1.png").write_bytes(
        (root / "images" / "class 0" / "1.png").read_bytes()
    )


def other_captions(root):
    assert main(TRAIN) == 0
    for path in root.glob("images/*/*.txt"):
        path.write_text("another text\n")


def another_script(root):
    for path in root.glob("images/*/*.txt"):
        path.write_text("鳥\n", encoding="utf-8")


DATA = ["data", "folder", "--root", "photos"]
TRAIN = ["train", "folder", "--root", "photos", "--image-encoder", "fieldguide"]
TRAIN += ["--text-encoder", "bag-of-words", "--steps", "1", "--out", "runs/birds"]
FAULTS = {
    "... is missing: every image needs its file of captions": (no_captions, DATA),
    "... cannot be read ...: replace or remove it": (half_an_image, DATA),
    "a batch of 40 needs 40 distinct classes": (lambda root: None, [*TRAIN, "--batch-size", "40"]),
    "images in trainval and in test": (twice, DATA),
    "folder differs from the data that runs/birds was trained on": (
        other_captions,
        ["evaluate", "runs/birds"],
    ),
    "hold no word of letters a to z": (another_script, TRAIN),
}


@pytest.mark.parametrize("message", FAULTS)
def test_a_message_of_the_page_is_what_dse_says(message, photos, capsys):
    fault, command = FAULTS[message]
    assert f"| `{message}` |" in TEXT
    with chdir(photos.parent):
        fault(photos)
        main(command)
    told = "".join(capsys.readouterr())
    for part in message.split("..."):
        assert part in told


def test_every_message_of_the_page_is_tried():
    elsewhere = {"the weights of googlenet cannot be downloaded"}  # needs a broken network
    assert set(re.findall(r"^\| `(.*?)` \|", TEXT, re.MULTILINE)) - elsewhere == set(FAULTS) | {
        encoder for encoder in ("bag-of-bigrams", "char-cnn-rnn") if f"| `{encoder}` |" in TEXT
    }

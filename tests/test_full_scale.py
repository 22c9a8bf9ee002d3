"""The page on full scale: its commands run on the installed wheel, and its figures are right."""

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from dse import load_dataset
from dse.cli import _parser
from dse.reproduction import cells, read_paper

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "chapters" / "full_scale.md").read_text(encoding="utf-8")
TRAINVAL, TEST = range(1, 42), (42, 43)
"""Classes of the small trees: a minibatch takes 40."""


def block(name):
    """What stands in the fence, or the table, after the comment with this name."""
    marked = re.search(rf"<!-- {name} -->\n(.*?)\n\n", PAGE, re.DOTALL).group(1)
    return marked.removesuffix("\n```").partition("\n")[2]


def draw(image, captions, colour):
    for path in (image, captions):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), (5 * colour, 90, 250 - 5 * colour)).save(image)
    captions.write_text(f"this one has the colour number {'x' * (colour % 7)} {colour}\n" * 10)


def small_cub(root):
    birds, texts = root / "CUB_200_2011", root / "cvpr2016_cub"
    names = {c: f"{c:03d}.Bird_{c}" for c in (*TRAINVAL, *TEST)}
    for c, name in names.items():
        draw(birds / f"images/{name}/{c}.jpg", texts / f"text_c10/{name}/{c}.txt", c)
    for file, line in (
        ("images.txt", "{c} {name}/{c}.jpg"),
        ("image_class_labels.txt", "{c} {c}"),
        ("classes.txt", "{c} {name}"),
        ("attributes/class_attribute_labels_continuous.txt", "{c} 0 50"),
    ):
        (birds / file).parent.mkdir(exist_ok=True)
        (birds / file).write_text("".join(f"{line}\n".format(c=c, name=names[c]) for c in names))
    for split, own in (("trainval", TRAINVAL), ("test", TEST)):
        (texts / f"{split}classes.txt").write_text("".join(f"{names[c]}\n" for c in own))


def small_flowers(root):
    images, texts = root / "flowers-102", root / "cvpr2016_flowers"
    for c in (*TRAINVAL, *TEST):
        captions = texts / f"text_c10/class_{c:05d}/image_{c:05d}.txt"
        draw(images / f"jpg/image_{c:05d}.jpg", captions, c)
    labels = np.array([[*TRAINVAL, *TEST]], np.uint8)
    savemat(images / "imagelabels.mat", {"labels": labels})
    for split, own in (("trainval", TRAINVAL), ("test", TEST)):
        names = "".join(f"class_{c:05d}\n" for c in own)
        (texts / f"{split}classes.txt").write_text(names)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A folder with nothing but the wheel of this checkout, unpacked by pip; built offline."""
    source, wheels, target = (
        tmp_path_factory.mktemp(name) for name in ("source", "wheels", "site")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "dse", source / "dse", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input"]
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", wheels]
    subprocess.run([*pip, *build, source], check=True)
    (file,) = wheels.iterdir()
    install = ["install", "--no-deps", "--no-index", "--target", target]
    subprocess.run([*pip, *install, file], check=True)
    return target


@pytest.fixture(scope="module")
def recipe(wheel, tmp_path_factory):
    """The folder in which the page's commands ran, and what they printed, CUB first."""
    folder = tmp_path_factory.mktemp("recipe")
    small_cub(folder / "DATA")
    small_flowers(folder / "DATA")
    done = subprocess.run(
        [sys.executable, ROOT / "tests" / "short_recipe.py"],
        input=f"{block('cub')}\n{block('flowers')}\n",
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(wheel), "DSE_CACHE": str(folder / "cache")},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder, done.stdout.splitlines()


def test_the_wheel_is_what_runs_and_holds_all_it_needs(recipe, wheel):
    *_, last = recipe[1]
    told = json.loads(last)
    assert Path(told["dse"]).parent == wheel / "dse"
    assert told["downloads"] == [["cub", "DATA"], ["flowers", "DATA"]]  # nothing was fetched
    assert (wheel / "dse" / "py.typed").exists()
    assert (wheel / "dse/text/weights/fieldguide/model.safetensors").exists()
    assert {path.name.split("-")[0] for path in wheel.iterdir()} == {"bin", "dse"}


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("cub", {"attributes-ds-seed0": 2 * 41, "bag-of-words-ds-seed0": 3 * 41}),
        ("flowers", {"bag-of-words-ds-seed0": 3 * 41}),
    ],
)
def test_the_recipe_measures_the_table(name, steps, recipe):
    commands = [shlex.split(line) for line in block(name).splitlines()]
    assert [words[1:3] for words in commands] == [
        [command, name]
        for command in ("download", "data", "features", "reproduce", "reproduce", "reproduce")
    ]
    folder = recipe[0] / "full" / name
    full = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    summary = full.pop("summary")
    measured = [row for row in summary["table"] if row["ours"] is not None]
    assert {row["cell"] for row in measured} == set(steps)
    assert "--views 10 --float16 --full --only CELL" in summary["command"]
    if name == "cub":
        steps = {**steps, "bag-of-words-ds-seed0-captions2": 3 * 41}
    assert {cell: record["steps"] for cell, record in full.items()} == steps
    assert {(r["views"], r["float16"], r["length"]) for r in full.values()} == {(10, True, "full")}


def test_a_run_of_its_own_is_one_of_the_table():
    *_, alone, evaluate = re.findall(r"^dse .*", PAGE, re.MULTILINE)
    options = _parser().parse_args(shlex.split(alone)[1:])
    assert (options.text_encoder, options.steps, options.resume) == ("word-cnn-rnn", 30_000, True)
    assert evaluate == f"dse evaluate {options.out}"


@pytest.mark.parametrize("table", ["table1", "table2"])
def test_the_papers_figures(table):
    published = read_paper()[table]["rows"]
    _, *rows = block(table).splitlines()
    assert len(rows) > 3
    for row in rows:
        encoder, objective, *figures = (word.strip(" `") for word in row.strip("|").split("|"))
        own = published[encoder]
        assert figures == [str(own[metric][objective.lower()]) for metric in ("top1", "ap50")]


def test_the_operations(monkeypatch, capsys):
    script, few = ROOT / "benchmarks" / "flops.py", ["attributes", "bag-of-words", "word-cnn"]
    monkeypatch.setattr("sys.argv", [str(script), "fieldguide", "--encoders", *few])
    runpy.run_path(str(script), run_name="__main__")
    _, *lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == few
    assert set(lines[:3]) <= set(block("flops").splitlines())
    runs = {line.split()[0]: float(line.split()[-2]) for line in block("flops").splitlines()[1:]}
    for part in ("table", "seeds", "figure4a"):
        known = [cell for cell in cells.PARTS[part] if cell.text_encoder in runs]
        total = sum(runs[cell.text_encoder] for cell in known)
        assert runs[part] == pytest.approx(total, abs=1)  # of numbers with one digit


def test_operations_counted_by_hand():
    count = runpy.run_path(str(ROOT / "benchmarks" / "flops.py"))["flops_of_a_step"]
    classes = load_dataset("fieldguide").subset("trainval")
    pairs, units = 40, 1024
    scores = 2 * pairs * pairs * units  # and again for the gradient of the texts
    layer = 2 * pairs * classes.class_attributes.shape[1] * units  # and again for its weight
    assert count(classes, "attributes") == (layer, 2 * layer + 2 * scores)
    vectors = 2 * pairs * 300 * units
    assert count(classes, "word2vec") == (vectors, 2 * vectors + 2 * scores)


def test_sums_and_sizes():
    steps = {"cub": 16 * 30_000 + 2 * 1_050, "figure4a": 48 * 30_000, "flowers": 16 * 16_400}
    for number in steps.values():
        assert f"{number:,}" in PAGE
    for images, tera in ((11_788, 389), (8_189, 270)):
        megabytes = images * 1024 * 2 / 1e6
        assert f"{10 * megabytes:.0f}" in PAGE and f"{megabytes:.0f} MB" in PAGE
        assert round(images * 11 * 2.997e9 / 1e12) == tera and f"{tera} TF" in PAGE

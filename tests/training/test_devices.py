"""Two processes train as one does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dse.runs import Run
from dse.text import CHARACTER_ENCODERS, WORD_ENCODERS, build_text_encoder
from dse.text.cnn import use_dense_gradients
from dse.training.devices import start_devices
from dse.utils.errors import InputError
from two_processes import TEXT_ENCODERS, train_and_keep_gradients

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """What two gloo processes kept, one safetensors file an encoder."""
    folder = tmp_path_factory.mktemp("two")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*launcher, str(TESTS / "two_processes.py"), str(folder)],
        env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("text_encoder", TEXT_ENCODERS)
def test_two_processes_have_the_gradients_of_one(of_two, text_encoder):
    two = load_file(of_two / f"{text_encoder}.safetensors")
    one = train_and_keep_gradients(text_encoder, devices=1)
    assert two.keys() == one.keys()
    gradients = [name for name in one if name.startswith("gradient.")]
    assert len(gradients) > 1
    for name in gradients:
        torch.testing.assert_close(two[name], one[name], atol=1e-6, rtol=0, msg=name)
    torch.testing.assert_close(two["history"][0], one["history"][0], atol=1e-6, rtol=0)
    # RMSprop divides by the gradient's size, which makes much of the last digits of a small one.
    torch.testing.assert_close(two["history"], one["history"], atol=0, rtol=1e-3)


TRAINED = sorted({"attributes", *WORD_ENCODERS, *CHARACTER_ENCODERS})


@pytest.mark.parametrize("text_encoder", TRAINED)
def test_tokens_stay_on_the_cpu_while_weights_are_elsewhere(text_encoder):
    """The device `meta` computes shapes alone; most of its operations refuse other devices."""
    vocabulary = {"vocabulary": ["a", "bird", "red"], "word_vectors": torch.eye(3)}
    encoder = build_text_encoder(text_encoder, 8, **vocabulary, num_attributes=4)
    tokens = torch.rand(3, 4)
    if text_encoder != "attributes":
        tokens = encoder.tokenizer(["a red bird", "", "a bird, which is red"])
    use_dense_gradients(encoder)
    encoder.to("meta")
    embeddings = encoder(tokens)
    embeddings.sum().backward()
    assert (embeddings.device.type, tuple(embeddings.shape)) == ("meta", (3, 8))
    assert {p.grad.device.type for p in encoder.parameters()} == {"meta"}


@pytest.mark.parametrize(
    ("devices", "nodes", "precision", "message"),
    [
        (3, 1, "32-true", "a batch of 40 cannot be shared out evenly over 3 devices of 1 nodes"),
        (0, 1, "32-true", "over 0 devices"),
        (1, 1, "12-bit", "precision '12-bit' cannot be had here"),
    ],
)
def test_what_cannot_be_had_is_refused(devices, nodes, precision, message):
    with pytest.raises(InputError, match=message):
        start_devices(devices, nodes, precision, 40)


@pytest.mark.parametrize(
    ("devices", "nodes", "started", "message"),
    [
        (1, 1, "4", "1 devices of 1 nodes, but torchrun has started 4 processes"),
        (2, 1, "4", "2 devices of 1 nodes, but torchrun has started 4 processes"),
        (2, 2, None, "2 devices of 2 nodes, but torchrun has started no processes"),
    ],
)
def test_other_processes_than_torchrun_started_are_refused(
    devices, nodes, started, message, monkeypatch
):
    if started:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
        monkeypatch.setenv("WORLD_SIZE", started)
    with pytest.raises(InputError, match=message):
        start_devices(devices, nodes, "32-true", 40)


def test_two_processes_leave_one_run_and_one_log(of_two):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    run = Run.load(of_two / "run")
    assert run.validation.step.tolist() == [2, 4]
    assert not (of_two / "run.partial").exists()
    logs = event_accumulator.EventAccumulator(str(of_two / "logs")).Reload()
    assert [event.step for event in logs.Scalars("loss")] == [1, 2, 3, 4]

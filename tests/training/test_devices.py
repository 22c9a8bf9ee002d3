"""Two processes train as one does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dse.config import TrainingConfig
from dse.evaluation import evaluate
from dse.objective import LOSSES, OBJECTIVES, joint_embedding_loss
from dse.runs import Run
from dse.text import TEXT_ENCODERS, build_text_encoder
from dse.text.layers import use_dense_gradients
from dse.training import train
from dse.training.devices import refuse_uneven_shares, start_devices
from dse.training.optimizer import RMSprop
from dse.utils.errors import InputError
from toy_data import colourful_data
from two_processes import TOGETHER, train_and_keep_gradients

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


@pytest.mark.parametrize("text_encoder", TOGETHER)
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


TRAINED = [name for name in TEXT_ENCODERS if name not in ("sentence-vectors", "clip-text")]
CAPTIONS = ["a red bird", "", "a bird, which is red"]
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


def built(text_encoder):
    given = {"vocabulary": ["a", "bird", "red"], "word_vectors": torch.eye(3)}
    given["bigrams"] = ["a red", "red bird"]
    encoder = build_text_encoder(text_encoder, 8, **given, num_attributes=4)
    use_dense_gradients(encoder)
    return encoder, torch.rand(3, 4) if text_encoder == "attributes" else encoder.tokenizer(
        CAPTIONS
    )


@pytest.mark.parametrize("text_encoder", TRAINED)
def test_a_step_is_taken_where_weights_and_tokens_are(text_encoder):
    """The device `meta` computes shapes alone; it refuses tensors of other devices."""
    encoder, tokens = built(text_encoder)
    encoder.to("meta")
    optimizer = RMSprop(encoder.parameters(), lr=0.1)
    for loss, objective in [(loss, objective) for loss in LOSSES for objective in OBJECTIVES]:
        embeddings = encoder(tokens.to("meta"))
        assert (embeddings.device.type, tuple(embeddings.shape)) == ("meta", (3, 8))
        images = torch.rand(3, 8, device="meta")
        optimizer.zero_grad()
        joint_embedding_loss(images, embeddings, loss=loss, objective=objective).backward()
        assert {p.grad.device.type for p in encoder.parameters()} == {"meta"}
        optimizer.step()
    with pytest.raises((RuntimeError, NotImplementedError)):  # so the check can fail
        joint_embedding_loss(torch.rand(3, 8), encoder(tokens.to("meta"))).backward()


@needs_gpu
@pytest.mark.parametrize("text_encoder", TRAINED)
def test_a_gpu_has_the_numbers_of_the_cpu(text_encoder):
    encoder, tokens = built(text_encoder)
    expected = encoder(tokens)
    on_gpu = encoder.cuda()(tokens.cuda())
    torch.testing.assert_close(on_gpu.cpu(), expected, atol=1e-4, rtol=1e-4)


@needs_gpu
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_a_gpu_trains_evaluates_and_saves(precision, tmp_path):
    data = colourful_data()
    config = TrainingConfig("char-cnn-rnn", steps=60, batch_size=12, precision=precision)
    run = train(data, config, tmp_path / "run", device="cuda", progress=False)
    assert run.device.type == "cuda"
    assert run.history.loss.tail(10).mean() < 0.8 * run.history.loss[0]
    on_cpu = Run.load(tmp_path / "run")
    assert on_cpu.device.type == "cpu"
    torch.testing.assert_close(run.encode(CAPTIONS), on_cpu.encode(CAPTIONS), atol=1e-3, rtol=1e-3)
    assert abs(evaluate(run, data).top1 - evaluate(on_cpu, data).top1) < 0.06


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"devices": 0}, "0 devices"),
        ({"precision": "12-bit"}, "12-bit"),
        ({"device": "gpu"}, "gpu"),
    ],
)
def test_what_is_not_here_is_refused(arguments, word):
    with pytest.raises(InputError, match=word):
        start_devices(**arguments)


def test_a_batch_is_shared_out_evenly_or_refused():
    refuse_uneven_shares(40, 4)
    with pytest.raises(InputError, match="40"):
        refuse_uneven_shares(40, 3)


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
        start_devices(devices, nodes)


def test_two_processes_leave_one_run_and_one_log(of_two):
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    run = Run.load(of_two / "run")
    assert run.validation.step.tolist() == [2, 4]
    assert not (of_two / "run.partial").exists()
    logs = event_accumulator.EventAccumulator(str(of_two / "logs")).Reload()
    assert [event.step for event in logs.Scalars("loss")] == [1, 2, 3, 4]

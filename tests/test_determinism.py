"""The same bits from the same command; nearly the same numbers from other threads and processors.

Beside it: tests/training/test_loop.py (two runs of one process, another seed),
tests/training/test_checkpoints.py (killed at any moment and resumed, for every encoder),
tests/training/test_devices.py (two processes, a GPU) and tests/images/test_cache.py (features).
"""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from dse.config import TrainingConfig
from dse.training import train
from toy_data import colourful_data

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("page", ROOT / "scripts" / "determinism_page.py")
page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(page)

COMPUTED = """
import sys

import torch
from safetensors.torch import save_file

import dse
from toy_data import colourful_data

generator = torch.Generator().manual_seed(0)
pixels = torch.randint(256, (4, 3, 96, 96), dtype=torch.uint8, generator=generator)
images, texts = torch.randn(2, 40, 1024, generator=generator)
captions = ["a bird with a red crown and a blue belly", "yellow", ""]
tensors = {
    "features": dse.load_image_encoder("fieldguide").encode(pixels),
    "embeddings": dse.load_pretrained("fieldguide").encode(captions),
    "loss": dse.joint_embedding_loss(images, texts),
}
for name in ("bag-of-words", "char-cnn-rnn"):
    run = dse.train(colourful_data(), dse.TrainingConfig(name, steps=3), progress=False)
    tensors |= {f"{name}.{key}": value for key, value in run.encoder.state_dict().items()}
    tensors[f"{name}.history"] = torch.tensor(run.history.to_numpy()).contiguous()
save_file(tensors, sys.argv[1])
"""
PLAIN = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1"}
OTHERS = {
    "two threads": {"OMP_NUM_THREADS": "2"},
    "smaller instructions": {  # read on x86 alone
        "ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
}  # fmt: skip


def computed(folder, variables):
    """What a process of its own computes with these environment variables."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    file = folder / "tensors.safetensors"
    subprocess.run(
        [sys.executable, "-c", COMPUTED, file], check=True,
        env={**os.environ, "PYTHONPATH": path, **PLAIN, **variables},
    )  # fmt: skip
    return load_file(file)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return computed(tmp_path_factory.mktemp("plain"), {})


def test_another_process_gives_the_same_bits(plain, tmp_path):
    """Sets of strings have another order in it."""
    again = computed(tmp_path, {"PYTHONHASHSEED": "2"})
    assert plain.keys() == again.keys()
    for name, value in plain.items():
        assert torch.equal(value, again[name]), name


@pytest.mark.parametrize("condition", OTHERS)
def test_threads_and_instructions_change_last_digits_alone(plain, tmp_path, condition):
    """Three steps of RMSprop enlarge them: it divides by the size of a gradient that may be 0."""
    other = computed(tmp_path, OTHERS[condition])
    for name, value in plain.items():
        computed_only = name in ("features", "embeddings", "loss")
        tolerance = 1e-5 if computed_only else 0.02
        apart = (value - other[name]).double().norm() / value.double().norm().clamp(min=1e-12)
        assert apart < tolerance, name


def test_training_draws_nothing_from_torchs_global_generator():
    config = TrainingConfig("char-cnn-rnn", steps=2, seed=3)
    weights = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        weights.append(train(colourful_data(), config, progress=False).encoder.linear.weight)
    assert torch.equal(*weights)


def test_the_page_shows_what_was_measured():
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.updated(text) == text, "run: python scripts/determinism_page.py"

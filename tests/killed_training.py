"""Training in a process of its own, for tests that kill it."""

import os
import signal

import torch

import dse.training.checkpoints
import dse.training.loop
from toy_data import colourful_data

CONFIG = dse.training.loop.TrainingConfig(
    "word-cnn", steps=120, batch_size=12, split="train", validate_every=30
)


def train(out, kill_at=None):
    """Train for `out` or go on with it; SIGKILL ourselves at the call number `kill_at` of a kind.

    Args:
        out: the run's folder.
        kill_at: (kind, number), for instance the third `replace`, just before it happens.
    """
    torch.set_num_threads(1)
    dse.training.loop.CHECKPOINT_EVERY = 4
    if kill_at is not None:
        kind, number = kill_at
        module = {"replace": os, "rmtree": dse.training.checkpoints.shutil}[kind]
        original, left = getattr(module, kind), [number]

        def fatal(*arguments, **options):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*arguments, **options)

        setattr(module, kind, fatal)
    dse.training.loop.train(colourful_data(), CONFIG, out, resume=True, progress=False)

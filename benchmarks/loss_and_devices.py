"""The loss at batches of 40, 400 and 4,000, and two processes against one.

    python benchmarks/loss_and_devices.py

The loss: milliseconds of forward and backward, and the floats that it holds at its peak, counted
in B x B matrices. The processes: steps a second of one process on one core, and of two on two cores
that share every minibatch, on FieldGuide with the char-CNN-RNN.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import torch
from torch.autograd.graph import saved_tensors_hooks

import dse
from dse.objective import LOSSES, joint_embedding_loss
from dse.training.devices import is_first_process, start_devices

SIZES = (40, 400, 4_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--process-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.process_of:
        train(arguments.process_of, arguments.steps)
        return
    result = {"loss": {loss: {size: cost(size, loss) for size in SIZES} for loss in LOSSES}}
    for _ in range(2):  # the first round draws FieldGuide if need be
        one, two = (steps_a_second(processes, arguments.steps) for processes in (1, 2))
    result |= {"one_process": one, "two_processes": two, "ratio": round(two / one, 2)}
    print(json.dumps(result, indent=1))


def cost(size: int, loss: str) -> dict:
    generator = torch.Generator().manual_seed(0)
    images, texts = torch.randn(2, size, 1024, generator=generator).unbind()
    texts.requires_grad_()
    saved = {}

    def count(tensor: torch.Tensor) -> torch.Tensor:
        saved[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    times = []
    for _ in range(5):
        started = time.monotonic()
        with saved_tensors_hooks(count, lambda tensor: tensor):
            value = joint_embedding_loss(images, texts, loss=loss)
        value.backward()
        times.append(time.monotonic() - started)
        held = sum(saved.values()) - images.untyped_storage().nbytes()
        saved.clear()
    return {
        "milliseconds": round(1000 * min(times), 2),
        "matrices_kept": round(held / 4 / size**2, 1),
    }


def steps_a_second(processes: int, steps: int) -> float:
    command = [sys.executable]
    if processes > 1:
        command += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*command, __file__, "--process-of", str(processes), "--steps", str(steps)],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def train(processes: int, steps: int) -> None:
    torch.set_num_threads(1)
    data = dse.load_dataset("fieldguide")
    times = []
    config = dse.TrainingConfig("char-cnn-rnn", steps=steps)
    dse.train(
        data, config, fabric=start_devices(processes, device="cpu"), progress=False,
        callback=lambda *_: times.append(time.monotonic()),
    )  # fmt: skip
    if is_first_process():
        print(round((steps - 1) / (times[-1] - times[0]), 2))


if __name__ == "__main__":
    main()

"""One of the processes that train together, started by torchrun: python two_processes.py FOLDER."""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from dse.training.devices import is_first_process, start_devices
from dse.training.loop import TrainingConfig, train
from toy_data import colourful_data

TOGETHER = ("bag-of-words", "word-cnn-rnn", "char-cnn-rnn", "char-lstm", "word-transformer")
STEPS = 4


def train_and_keep_gradients(text_encoder, devices):
    """The gradients of the first step, and the weights and the losses of a few."""
    kept = {}

    def callback(step, run):
        if step == 1:
            for name, parameter in run.encoder.named_parameters():
                gradient = parameter.grad
                kept[f"gradient.{name}"] = gradient.to_dense() if gradient.is_sparse else gradient
            kept.update({name: value.clone() for name, value in kept.items()})

    config = TrainingConfig(text_encoder, steps=STEPS, batch_size=12)
    fabric = start_devices(devices, device="cpu")
    run = train(colourful_data(), config, fabric=fabric, progress=False, callback=callback)
    kept["history"] = torch.tensor(run.history.to_numpy()).contiguous()
    return kept | {f"weight.{name}": p.detach() for name, p in run.encoder.named_parameters()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    folder = Path(sys.argv[1])
    for text_encoder in TOGETHER:
        kept = train_and_keep_gradients(text_encoder, devices=2)
        if is_first_process():
            save_file(kept, folder / f"{text_encoder}.safetensors")
    config = TrainingConfig(
        "bag-of-words", steps=STEPS, batch_size=12, split="train", validate_every=2, patience=2
    )
    for _ in range(2):  # the second time the run is whole, and is read again
        train(
            colourful_data(), config, folder / "run", resume=True,
            fabric=start_devices(2, device="cpu"), tensorboard=folder / "logs", progress=False,
        )  # fmt: skip

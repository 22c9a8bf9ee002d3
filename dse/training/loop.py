"""Training a text encoder against frozen image features: one loop, on one device or on many."""

import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import nn

from dse.datasets.described_images import DescribedImages
from dse.evaluation import caption_owners, evaluate, unseen_classes
from dse.objective import joint_embedding_loss
from dse.runs import HISTORY_COLUMNS, Run, TrainingConfig, refuse_used_folder
from dse.sampling import MinibatchSampler
from dse.text import WORD_ENCODERS, build_text_encoder
from dse.text.averages import ClassAttributes, train_word_vectors
from dse.text.cnn import use_dense_gradients
from dse.text.tokens import build_vocabulary
from dse.training.checkpoints import (
    TrainingState,
    finish,
    load_checkpoint,
    partial_folder,
    refuse_other,
    save_checkpoint,
)
from dse.training.devices import gather, start_devices
from dse.training.display import TrainingDisplay
from dse.training.optimizer import RMSprop
from dse.utils.errors import InputError

BLOCK = 50
"""Steps after which what happened is copied from the device, shown and checked."""
CHECKPOINT_EVERY = 500
"""Steps between two checkpoints."""
EXPLODED = 3.0
"""Times the first loss at which training is given up, a factor of the authors' code."""
SETTLING = 500
"""Steps in which a loss may leap."""
VALIDATION_CAPTIONS = 48
"""Captions of a class that stand for it while training is watched."""


def train(
    data: DescribedImages,
    config: TrainingConfig,
    out: Path | str | None = None,
    resume: bool = False,
    *,
    devices: int = 1,
    nodes: int = 1,
    tensorboard: Path | str | None = None,
    progress: bool = True,
    watch: Callable[[int, Run], None] | None = None,
) -> Run:
    """Train a text encoder so that captions score high with images of their class.

    The image features are frozen and used as they are; only the text encoder learns. The same data,
    configuration and versions give the same bits on a CPU, killed and resumed or not.

    Args:
        data: with features; training uses its `config.split` classes alone.
        config: how to train.
        out: a new folder for the run; None keeps it in memory. Until the run is whole, its
            checkpoints lie beside it, in `out` + `.partial`.
        resume: go on from the last checkpoint, if there is one. A whole run is read again.
        devices: GPUs, or processes where there is no GPU, that share every minibatch.
        nodes: machines with so many devices each, started by `torchrun`.
        tensorboard: a folder for TensorBoard's logs.
        progress: show a bar.
        watch: called after every step with the number of steps taken and the run as it stands, to
            follow a figure while training.

    Returns:
        The trained `Run`.

    Raises:
        InputError: data without features, a folder in use or on a disk that cannot be written to, a
            checkpoint of another configuration or of other data, a configuration that the data
            cannot serve, or a loss that explodes.

    Source: paper, section 3 and 5; the authors' `train_sje_tcnn.lua`. Chapter: 3.
    """
    if data.features is None:
        raise InputError(f"{data.name} has no image features: use load_dataset, or dse features")
    out = None if out is None else Path(out)
    dataset = {
        "name": data.name,
        "root": None if data.root is None else str(data.root.absolute()),
        "image_encoder": data.image_encoder,
        "views": data.features.shape[1],
        "float16": data.features.dtype == torch.float16,
        "fingerprint": data.fingerprint(),
    }
    if out is not None:
        refuse_unless_free(out, resume)
        if resume and (out / "config.json").exists():
            run = Run.load(out)
            refuse_other(out, run, config, dataset["fingerprint"])
            return run
    classes = data.subset(config.split)
    watched = _watched(data) if config.validate_every else None
    state = load_checkpoint(out, config, dataset["fingerprint"]) if out and resume else None
    fabric = start_devices(devices, nodes, config.precision, config.batch_size)
    if state is None:
        state = _begin(config, classes, dataset)
    _refuse_different_checkpoints(state, fabric, out)
    first = fabric.is_global_zero
    with TrainingDisplay(
        config, state.step, progress and first, tensorboard if first else None
    ) as display:
        _optimise(state, classes, watched, fabric, out, display, watch)
    run = state.run
    run.encoder.eval()
    if out is not None and fabric.is_global_zero:
        finish(out, state)
    fabric.barrier()
    return run


def refuse_unless_free(out: Path, resume: bool) -> None:
    """Raise an `InputError` if a run for the folder `out` cannot begin, or go on, there."""
    if resume and (out / "config.json").exists():
        return
    refuse_used_folder(out)
    if partial_folder(out).exists() and not resume:
        raise InputError(
            f"{partial_folder(out)} holds an unfinished run: go on with --resume, or remove it"
        )
    there = next(parent for parent in out.absolute().parents if parent.exists())
    if not (there.is_dir() and os.access(there, os.W_OK)):
        raise InputError(f"{out} cannot be written, because of {there}: choose another folder")


def _refuse_different_checkpoints(state: TrainingState, fabric: Fabric, out: Path | None) -> None:
    """Raise an `InputError` if machines begin at different steps: they do not share a disk."""
    steps = fabric.all_gather(torch.tensor(state.step))
    if len(steps.unique()) > 1:
        raise InputError(
            f"the machines see different checkpoints of {out}: put it on a disk that they share"
        )


def _begin(config: TrainingConfig, classes: DescribedImages, dataset: dict) -> TrainingState:
    """The state before the first step."""
    generator = torch.Generator().manual_seed(config.seed)
    encoder = _build_encoder(config, classes, generator)
    optimizer = RMSprop(encoder.parameters(), lr=config.learning_rate)
    history = torch.empty(config.steps, len(HISTORY_COLUMNS))
    return TrainingState(
        Run(encoder, config, dataset, pd.DataFrame()), optimizer, generator, history
    )


def _build_encoder(
    config: TrainingConfig, classes: DescribedImages, generator: torch.Generator
) -> nn.Module:
    needs = {}
    captions = [caption for own in classes.captions for caption in own]
    if config.text_encoder in WORD_ENCODERS:
        needs["vocabulary"] = classes.vocabulary or build_vocabulary(captions)
        if not needs["vocabulary"]:
            raise InputError(
                f"the captions of {classes.name} hold no word of letters a to z: translate them, "
                "or choose an encoder of characters"
            )
    if config.text_encoder == "word2vec":
        needs["word_vectors"] = train_word_vectors(captions, needs["vocabulary"], config.seed)
    if config.text_encoder == "attributes":
        if classes.class_attributes is None:
            raise InputError(f"{classes.name} has no class attributes: choose another text encoder")
        needs["num_attributes"] = classes.class_attributes.shape[1]
    dim = classes.features.shape[2]
    return build_text_encoder(config.text_encoder, dim, **needs, generator=generator)


def _optimise(
    state: TrainingState,
    classes: DescribedImages,
    watched: DescribedImages | None,
    fabric: Fabric,
    out: Path | None,
    display: TrainingDisplay,
    watch: Callable[[int, Run], None] | None,
) -> None:
    """Take the steps that are left."""
    run, config, history = state.run, state.run.config, state.history
    take_step = _Step(state, classes, fabric)
    pending = []
    while state.step < config.steps and not _out_of_patience(run):
        rate = _learning_rate(config, state.step, len(classes.class_names))
        pending.append(take_step(rate))
        history[state.step, 2] = rate
        state.step += 1

        last = state.step == config.steps
        look = watched is not None and (last or state.step % config.validate_every == 0)
        save = out is not None and (look or (not last and state.step % CHECKPOINT_EVERY == 0))
        if last or look or save or state.step % BLOCK == 0:
            rows = history[state.step - len(pending) : state.step]
            rows[:, :2] = torch.stack(pending).cpu()
            pending.clear()
            _refuse_explosion(history[: state.step, 0])
            run.history = pd.DataFrame(history[: state.step].numpy(), columns=HISTORY_COLUMNS)
            display.block(state.step, rows)
        if look:
            run.encoder.eval()
            metrics = evaluate(run, watched, "val")
            run.encoder.train()
            # One process speaks for all: they must agree on when their patience ends.
            row = fabric.broadcast({"step": state.step, "top1": metrics.top1, "ap50": metrics.ap50})
            run.validation = pd.DataFrame([*run.validation.to_dict("records"), row])
            display.look(state.step, metrics)
        if save and fabric.is_global_zero:
            save_checkpoint(out, state)
        if watch is not None:
            watch(state.step, run)


class _Step:
    """One step of RMSprop on one minibatch, with all that it needs on its device.

    Several devices draw the same minibatch. Each embeds its share of the texts, and gathers those
    of the others, so that the loss is that of all B x B pairs.
    """

    def __init__(self, state: TrainingState, classes: DescribedImages, fabric: Fabric):
        self.config, self.generator, self.fabric = state.run.config, state.generator, fabric
        self.sampler = MinibatchSampler(
            classes, self.config.batch_size, self.config.captions_per_image
        )
        self.descriptions = descriptions(state.run.encoder, classes)
        self.features = classes.features.to(fabric.device)
        if fabric.world_size > 1 or fabric.device.type != "cpu":
            use_dense_gradients(state.run.encoder)
        self.encoder, self.optimizer = fabric.setup(state.run.encoder, state.optimizer)
        self.encoder.train()
        state.optimizer.move_state()
        share = self.config.batch_size // fabric.world_size
        self.own = slice(fabric.global_rank * share, (fabric.global_rank + 1) * share)

    def __call__(self, learning_rate: float) -> torch.Tensor:
        """Take the step; the loss and the accuracy in the batch, still on the device."""
        config, device = self.config, self.fabric.device
        batch = self.sampler.draw(self.generator)
        rows, views = (part.to(device, non_blocking=True) for part in (batch.images, batch.views))
        images = self.features[rows, views].float()
        texts = gather(self.fabric, self.encoder(self.descriptions[batch.captions[self.own]]))
        loss = joint_embedding_loss(
            images,
            texts,
            objective=config.objective,
            loss=config.loss,
            temperature=config.temperature,
        )
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad()
        # A device has the part of the gradient that passes through its own texts, and the mean
        # over devices is what each gets: hence the factor.
        self.fabric.backward(loss * self.fabric.world_size)
        self.optimizer.step()
        return torch.stack([loss.detach(), _batch_accuracy(images, texts.detach())])


def descriptions(encoder: nn.Module, classes: DescribedImages) -> torch.Tensor:
    """What the encoder reads for each caption: its tokens, or the attributes of its class."""
    if isinstance(encoder, ClassAttributes):
        return classes.class_attributes[caption_owners(classes)]
    return encoder.tokenizer([caption for own in classes.captions for caption in own])


def _watched(data: DescribedImages) -> DescribedImages:
    """The `val` classes with a part of their captions: the first few of every image."""
    val = unseen_classes(data, "val")
    images_per_class = torch.bincount(val.labels)
    kept = (-(-VALIDATION_CAPTIONS // images_per_class))[val.labels].tolist()
    captions = [own[:k] for own, k in zip(val.captions, kept, strict=True)]
    return replace(val, captions=captions)


def _out_of_patience(run: Run) -> bool:
    if not run.config.patience or run.validation.empty:
        return False
    return len(run.validation) - 1 - run.validation.top1.argmax() >= run.config.patience


def _learning_rate(config: TrainingConfig, step: int, num_classes: int) -> float:
    return config.learning_rate * config.lr_decay ** (step // num_classes)


def _refuse_explosion(losses: torch.Tensor) -> None:
    """Raise an `InputError` if the mean of the last losses is beyond all measure, or no number.

    The first steps of RMSprop are large: the loss may leap to many times its first value, and come
    back. Only a loss that stays there has exploded.
    """
    first, recent = losses[0].item(), losses[-BLOCK:].mean().item()
    if len(losses) <= SETTLING and math.isfinite(recent):
        return
    if not recent <= EXPLODED * first:
        raise InputError(
            f"the loss explodes: {first:.3f} at first, and a mean of {recent:.3f} over the steps "
            f"up to {len(losses)}; lower the learning rate"
        )


def _batch_accuracy(images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """The share of images whose own text has the highest score."""
    best = (images @ texts.T).argmax(1)
    return (best == torch.arange(len(best), device=best.device)).float().mean()

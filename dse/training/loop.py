"""Training a text encoder against frozen image features: the loop, on one device or on many."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from lightning_fabric import Fabric
from torch import nn

from dse.config import TrainingConfig
from dse.datasets.described_images import DescribedImages
from dse.evaluation import evaluate
from dse.objective import joint_embedding_loss
from dse.run_files import HISTORY_COLUMNS
from dse.runs import Run
from dse.sampling import MinibatchSampler, fit_batch_size
from dse.text import TEXT_ENCODERS, build_text_encoder
from dse.text.averages import ClassAttributes, train_word_vectors
from dse.text.layers import use_dense_gradients
from dse.text.tokens import build_bigrams, build_vocabulary
from dse.training.checkpoints import (
    TrainingState,
    finish,
    load_checkpoint,
    only_run,
    refuse_unless_free,
    save_checkpoint,
    whole_run,
)
from dse.training.devices import gather, refuse_uneven_shares, start_devices, with_true_precision
from dse.training.display import TrainingDisplay
from dse.training.history import BLOCK, History
from dse.training.optimizer import RMSprop
from dse.utils.errors import InputError

CHECKPOINT_EVERY = 500
"""Steps between two checkpoints."""
VALIDATION_CAPTIONS = 48
"""Captions that represent a class in a validation."""


def train(
    data: DescribedImages,
    config: TrainingConfig,
    out: Path | str | None = None,
    resume: bool = False,
    *,
    device: torch.device | str | None = None,
    fabric: Fabric | None = None,
    tensorboard: Path | str | None = None,
    progress: bool = True,
    callback: Callable[[int, Run], None] | None = None,
) -> Run:
    """Train a text encoder so that captions score high with images of their class.

    The image features are frozen and used as they are; only the text encoder learns. The same data,
    configuration and versions give the same bits on a CPU, killed and resumed or not.

    Args:
        data: with features; training uses its `config.split` classes alone.
        config: how to train. The default batch size is fitted to a small data set, see
            `dse.sampling.fit_batch_size`.
        out: a new folder for the run; None keeps it in memory. Until the run is complete, its
            checkpoints lie beside it, in `out` + `.partial`.
        resume: continue from the last checkpoint, if there is one. A complete run is read again.
        device: where to compute; None: the best one here.
        fabric: in place of `device`, several that share every minibatch, from `start_devices` with
            the precision of `config`.
        tensorboard: a folder for TensorBoard's logs.
        progress: show a bar.
        callback: called after every step with the number of steps taken and the run as it stands.

    Returns:
        The trained `Run`, its encoder on the device that it was trained on.

    Raises:
        InputError: data without features, a folder in use or on a disk that cannot be written to, a
            checkpoint of another configuration or of other data, a configuration that the data
            cannot serve, or a loss that explodes.
        OSError: the disk is full.

    Source: paper, sections 3 and 5; the authors' `train_sje_tcnn.lua`. Chapter: 3.

    Example:
        >>> data = DescribedImages(
        ...     "toy", torch.eye(2)[:, None], torch.tensor([0, 1]), [["a red bird"], ["blue"]],
        ...     ["cardinal", "jay"], {"trainval": torch.tensor([0, 1])})
        >>> train(data, TrainingConfig("bag-of-words", steps=3), device="cpu", progress=False)
        Run('bag-of-words', ds, on toy, 3 steps, 2 dimensions)
    """
    if data.features is None:
        raise InputError(f"{data.name} has no image features: use load_dataset, or dse features")
    out = None if out is None else Path(out)
    classes = data.subset(config.split)
    config = fit_batch_size(config, len(classes.class_names), fabric.world_size if fabric else 1)
    dataset = data.describe()
    if out is not None:
        refuse_unless_free(out, resume)
    fabric = fabric or start_devices(device=device, precision=config.precision)
    config = with_true_precision(config, fabric)
    refuse_uneven_shares(config.batch_size, fabric.world_size)
    val = validation_classes(data) if config.validate_every else None
    tensorboard = tensorboard if fabric.is_global_zero else None
    progress = progress and fabric.is_global_zero
    with only_run(out, resume, fabric):
        state = None
        if out is not None and resume:
            run = whole_run(out, config, dataset["fingerprint"], fabric.device)
            if run is not None:
                return run
            state = load_checkpoint(out, config, dataset["fingerprint"])
        state = state or first_state(config, classes, dataset)
        refuse_different_checkpoints(state, fabric, out)
        with TrainingDisplay(config, state.step, progress, tensorboard) as display:
            optimize(state, classes, val, fabric, out, display, callback)
        state.run.encoder.eval()
        if out is not None and fabric.is_global_zero:
            finish(out, state)
        fabric.barrier()
    return state.run


def optimize(
    state: TrainingState,
    classes: DescribedImages,
    val: DescribedImages | None,
    fabric: Fabric,
    out: Path | None,
    display: TrainingDisplay,
    callback: Callable[[int, Run], None] | None,
) -> None:
    """Take the steps that are left. Arguments as for `train`; `classes` and `val` are subsets."""
    run, config, device = state.run, state.run.config, fabric.device
    encoder, optimizer = set_up(state, fabric)
    sampler = MinibatchSampler(classes, config.batch_size, config.captions_per_image)
    features = classes.features.to(device)
    inputs = encoder_inputs(run.encoder, classes).to(device)
    inputs = inputs.to(config.dtype) if inputs.is_floating_point() else inputs
    fit_inputs(run.encoder, inputs)
    # Several devices draw the same minibatch, and each embeds its own share of the texts.
    share = torch.arange(config.batch_size).chunk(fabric.world_size)[fabric.global_rank]

    while state.step < config.steps and not out_of_patience(run):
        learning_rate = scheduled_learning_rate(config, state.step, len(classes.class_names))
        batch = sampler.draw(state.generator)

        images = features[batch.images.to(device), batch.views.to(device)].to(config.dtype)
        texts = gather(fabric, encoder(inputs[batch.captions[share].to(device)]))  # (B, D)
        loss = joint_embedding_loss(
            images,
            texts,
            objective=config.objective,
            loss=config.loss,
            temperature=config.temperature,
        )
        optimizer.zero_grad()
        # A device has only the gradient through its own texts, and gets the mean over all devices.
        fabric.backward(loss * fabric.world_size)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate
        optimizer.step()
        state.step += 1
        state.history.add(loss, batch_accuracy(images, texts), learning_rate)

        last = state.step == config.steps
        validating = val is not None and (last or state.step % config.validate_every == 0)
        saving = out is not None and not last and state.step % CHECKPOINT_EVERY == 0
        saving = saving or (out is not None and validating)
        if last or validating or saving or state.step % BLOCK == 0:
            display.block(state.step, state.history.flush())
            run.history = state.history.frame()
        if validating:
            display.validation(validate(state, val, fabric))
        if saving and fabric.is_global_zero:
            save_checkpoint(out, state)
        if callback is not None:
            callback(state.step, run)


def set_up(state: TrainingState, fabric: Fabric) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The encoder and the optimizer on their devices, ready to train."""
    if fabric.world_size > 1 or fabric.device.type != "cpu":
        use_dense_gradients(state.run.encoder)
    state.run.encoder.linear.bias.requires_grad_(state.run.config.learns_output_bias)
    encoder, optimizer = fabric.setup(state.run.encoder, state.optimizer)
    state.optimizer.move_state()
    encoder.train()
    return encoder, optimizer


def encoder_inputs(encoder: nn.Module, classes: DescribedImages) -> torch.Tensor:
    """What the encoder reads for each caption: its tokens, or the attributes of its class."""
    if isinstance(encoder, ClassAttributes):
        return classes.class_attributes[classes.caption_owners]
    return encoder.tokenizer(classes.all_captions)


def fit_inputs(encoder: nn.Module, inputs: torch.Tensor) -> None:
    """Let an encoder that standardises its inputs learn how, from those of the training captions.

    The statistics are buffers: a run that is resumed has them already, and finds the same again.
    """
    if hasattr(encoder, "fit_inputs"):
        encoder.fit_inputs(inputs)


def scheduled_learning_rate(config: TrainingConfig, step: int, num_classes: int) -> float:
    """The learning rate of a step: it warms up, and decays after every `num_classes` steps."""
    decayed = config.learning_rate * config.lr_decay ** (step // num_classes)
    return decayed * min(1, (step + 1) / max(1, config.warmup))


def batch_accuracy(images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """The share of images whose own text has the highest score in the batch."""
    best = (images @ texts.detach().T).argmax(1)
    return (best == torch.arange(len(best), device=best.device)).float().mean()


def validation_classes(data: DescribedImages) -> DescribedImages:
    """The `val` classes with a part of their captions: the first few of every image."""
    val = data.unseen_classes("val")
    val.refuse_silent_class()
    images_per_class = torch.bincount(val.labels)
    kept = (-(-VALIDATION_CAPTIONS // images_per_class))[val.labels].tolist()
    captions = [own[:k] for own, k in zip(val.captions, kept, strict=True)]
    return replace(val, captions=captions)


def validate(state: TrainingState, val: DescribedImages, fabric: Fabric) -> dict:
    """Add a row to the run's `validation`, measured by one process for all, and return it."""
    row = None
    if fabric.is_global_zero:
        state.run.encoder.eval()
        metrics = evaluate(state.run, val, "val")
        state.run.encoder.train()
        row = {"step": state.step, "top1": metrics.top1, "ap50": metrics.ap50}
    row = fabric.broadcast(row)
    state.run.validation = pd.DataFrame([*state.run.validation.to_dict("records"), row])
    return row


def out_of_patience(run: Run) -> bool:
    """Whether the last `patience` validations were all no better than one before them."""
    if not run.config.patience or run.validation.empty:
        return False
    return len(run.validation) - 1 - run.validation.top1.argmax() >= run.config.patience


def first_state(
    config: TrainingConfig, classes: DescribedImages, dataset: dict[str, object]
) -> TrainingState:
    """The state before the first step."""
    generator = torch.Generator().manual_seed(config.seed)
    encoder = new_encoder(config, classes, generator)
    optimizer = RMSprop(encoder.parameters(), lr=config.learning_rate)
    run = Run(encoder, config, dataset, pd.DataFrame(columns=HISTORY_COLUMNS))
    return TrainingState(run, optimizer, generator, History())


def new_encoder(
    config: TrainingConfig, classes: DescribedImages, generator: torch.Generator
) -> nn.Module:
    """The text encoder of a configuration, with what it needs of the training classes."""
    needs, given = TEXT_ENCODERS[config.text_encoder].needs, {}
    if "vocabulary" in needs:
        given["vocabulary"] = classes.vocabulary or build_vocabulary(classes.all_captions)
        if not given["vocabulary"]:
            raise InputError(
                f"the captions of {classes.name} hold no word of letters a to z: write or "
                "translate them, or choose an encoder of characters"
            )
    if "bigrams" in needs:
        given["bigrams"] = build_bigrams(classes.all_captions, vocabulary=given.get("vocabulary"))
    if "word_vectors" in needs:
        given["word_vectors"] = train_word_vectors(
            classes.all_captions, given["vocabulary"], config.seed
        )
    if "num_attributes" in needs:
        if classes.class_attributes is None:
            raise InputError(f"{classes.name} has no class attributes: choose another text encoder")
        given["num_attributes"] = classes.class_attributes.shape[1]
    encoder = build_text_encoder(
        config.text_encoder,
        classes.features.shape[2],
        **given,
        units=config.units,
        generator=generator,
    )
    if not config.learns_output_bias:
        nn.init.zeros_(encoder.linear.bias)
    return encoder.to(config.dtype)


def refuse_different_checkpoints(state: TrainingState, fabric: Fabric, out: Path | None) -> None:
    """Raise an `InputError` if machines begin at different steps: they do not share a disk."""
    steps = fabric.all_gather(torch.tensor(state.step))
    if len(steps.unique()) > 1:
        raise InputError(
            f"the machines see different checkpoints of {out}: put it on a disk that they share"
        )

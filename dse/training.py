"""Training a text encoder against frozen image features, and the run that comes out of it."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from tqdm.auto import tqdm, trange

from dse.datasets.described_images import DescribedImages
from dse.errors import InputError
from dse.files import written_whole
from dse.objective import OBJECTIVES, joint_embedding_loss
from dse.optimiser import RMSprop
from dse.sampling import MinibatchSampler
from dse.text import WORD_ENCODERS, build_text_encoder
from dse.text.averages import ClassAttributes, train_word_vectors
from dse.text.cnn import filled_lengths
from dse.text.tokens import build_vocabulary

RUN_FORMAT = 1
HISTORY_COLUMNS = ["loss", "batch_accuracy", "learning_rate"]


@dataclass(frozen=True)
class TrainingConfig:
    """What a training run depends on, besides its data. The defaults are the authors'.

    Attributes:
        text_encoder: a name of `dse.text.TEXT_ENCODERS`.
        objective: `ds` (symmetric) or `da` (images rank texts only).
        steps: minibatches. The authors take 30,000 on CUB: 200 times its 150 training classes.
        batch_size: matching pairs in a minibatch, all of distinct classes.
        learning_rate: of RMSprop (smoothing 0.99, epsilon 1e-8).
        lr_decay: factor on the learning rate after every C steps, C training classes.
        captions_per_image: captions of each picture that are used.
        seed: of the one generator behind the initial parameters and every minibatch.
        split: the classes to train on, `trainval` or `train`.

    Source: paper, section 5; the authors' `train_cub_hybrid.sh`. Chapter: 3.

    Example:
        >>> TrainingConfig("char-cnn-rnn").learning_rate
        0.0007
    """

    text_encoder: str
    objective: str = "ds"
    steps: int = 30_000
    batch_size: int = 40
    learning_rate: float = 7e-4
    lr_decay: float = 0.98
    captions_per_image: int = 10
    seed: int = 0
    split: str = "trainval"

    def __post_init__(self):
        if self.objective not in OBJECTIVES:
            known = ", ".join(OBJECTIVES)
            raise InputError(f"unknown objective {self.objective!r}: choose one of {known}")
        if self.steps < 1:
            raise InputError(f"steps is {self.steps}: it must be 1 or more")


@dataclass
class Run:
    """A trained text encoder with all that one needs to use it and to make it again.

    Attributes:
        encoder: the text encoder, in evaluation mode.
        config: the `TrainingConfig` it was trained with.
        dataset: `name`, `root`, `image_encoder`, `views` and `float16` of the data it was trained
            on.
        history: a data frame, one row a step: `loss`, `batch_accuracy` (images whose own text has
            the highest score of the batch) and `learning_rate`.
    """

    encoder: nn.Module
    config: TrainingConfig
    dataset: dict
    history: pd.DataFrame

    @torch.inference_mode()
    def encode(
        self, captions: list[str], batch_size: int = 256, progress: bool = False
    ) -> torch.Tensor:
        """Embed captions.

        Any string is a caption. One without a letter, digit or word that the encoder knows has the
        embedding of an empty caption; what lies beyond the encoder's length is cut off.

        Args:
            captions: n texts.
            batch_size: texts at a time; it does not change the embeddings.
            progress: show a bar.

        Returns:
            float32 (n, D), one row a caption.

        Raises:
            InputError: something in the list is no string, or the encoder reads no captions.
        """
        if self.config.text_encoder == "attributes":
            raise InputError("a run of attributes reads no captions: it embeds class attributes")
        if isinstance(captions, str):
            raise InputError("one string in place of a list of captions: put it into a list")
        for i, caption in enumerate(captions):
            if not isinstance(caption, str):
                raise InputError(f"caption {i} is of type {type(caption).__name__}, not a string")
        embeddings = torch.empty(len(captions), self.encoder.linear.out_features)
        if not captions:
            return embeddings
        tokens = self.encoder.tokenizer(captions)
        order = filled_lengths(tokens).argsort(stable=True)  # captions of one length go together
        batches = order.split(batch_size)
        for rows in tqdm(batches, "encoding", disable=not progress or None):
            embeddings[rows] = self.encoder(tokens[rows])
        return embeddings

    def save(self, folder: Path | str) -> None:
        """Write the run to a folder, whole or not at all.

        Files: `config.json` (configuration, data set, vocabulary), `model.safetensors`,
        `history.csv`.

        Raises:
            InputError: the folder exists and is not empty.
        """
        folder = Path(folder)
        refuse_used_folder(folder)
        if folder.exists():
            folder.rmdir()
        vocabulary = getattr(getattr(self.encoder, "tokenizer", None), "vocabulary", None)
        about = {
            "format": RUN_FORMAT,
            "config": asdict(self.config),
            "dataset": self.dataset,
            "embedding_dim": self.encoder.linear.out_features,
            "vocabulary": vocabulary,
        }
        with written_whole(folder) as path:
            path.mkdir()
            (path / "config.json").write_text(json.dumps(about, indent=1, ensure_ascii=False))
            save_file(self.encoder.state_dict(), path / "model.safetensors")
            self.history.to_csv(path / "history.csv", index=False)

    @classmethod
    def load(cls, folder: Path | str) -> "Run":
        """Read a run that `save` wrote.

        Raises:
            InputError: the folder is no run, or its files are damaged or of a newer format.
        """
        folder = Path(folder)
        if not (folder / "config.json").is_file():
            raise InputError(
                f"{folder} is not a run: it has no config.json; make one with dse train"
            )
        try:
            about = json.loads((folder / "config.json").read_text())
            config = TrainingConfig(**about["config"])
            state = load_file(folder / "model.safetensors")
            history = pd.read_csv(folder / "history.csv")
            if about["format"] > RUN_FORMAT:
                raise InputError(f"{folder} has format {about['format']}: update dse to read it")
            encoder = build_text_encoder(
                config.text_encoder,
                about["embedding_dim"],
                vocabulary=about["vocabulary"],
                word_vectors=state.get("word_vectors"),
                num_attributes=state["linear.weight"].shape[1],
            )
            encoder.load_state_dict(state)
        except InputError:
            raise
        except Exception as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise InputError(f"{folder} is a damaged run ({reason}): train it again") from error
        return cls(encoder.eval(), config, about["dataset"], history)


def refuse_used_folder(folder: Path) -> None:
    """Raise an `InputError` if a run could not be written to `folder` without a loss."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(f"{folder} exists already: give another folder, or remove it first")


def train(
    data: DescribedImages,
    config: TrainingConfig,
    out: Path | str | None = None,
    progress: bool = True,
    watch: Callable[[int, Run], None] | None = None,
) -> Run:
    """Train a text encoder so that captions score high with pictures of their class.

    The image features are frozen and used as they are; only the text encoder learns. The same data,
    configuration and versions give the same bits on a CPU.

    Args:
        data: with features; training uses its `config.split` classes alone.
        config: how to train.
        out: a new folder for the run; None keeps it in memory.
        progress: show a bar.
        watch: called after every step with the number of steps taken and the run as it stands, to
            follow a figure while training.

    Returns:
        The trained `Run`.

    Raises:
        InputError: data without features, a folder in use, or a configuration that the data
            cannot serve.

    Source: paper, section 3 and 5; the authors' `train_sje_tcnn.lua`. Chapter: 3.
    """
    if data.features is None:
        raise InputError(f"{data.name} has no image features: use load_dataset, or dse features")
    if out is not None:
        refuse_used_folder(Path(out))
    classes = data.subset(config.split)
    generator = torch.Generator().manual_seed(config.seed)
    sampler = MinibatchSampler(classes, config.batch_size, config.captions_per_image)
    encoder = _build_encoder(config, classes, generator)
    descriptions = _descriptions(encoder, classes)
    dataset = {
        "name": data.name,
        "root": None if data.root is None else str(data.root),
        "image_encoder": data.image_encoder,
        "views": classes.features.shape[1],
        "float16": classes.features.dtype == torch.float16,
    }
    run = Run(encoder, config, dataset, pd.DataFrame())
    run.history = _optimise(
        run, classes.features, descriptions, sampler, generator, progress, watch
    )
    run.encoder.eval()
    if out is not None:
        run.save(out)
    return run


def _build_encoder(
    config: TrainingConfig, classes: DescribedImages, generator: torch.Generator
) -> nn.Module:
    needs = {}
    captions = [caption for own in classes.captions for caption in own]
    if config.text_encoder in WORD_ENCODERS:
        needs["vocabulary"] = classes.vocabulary or build_vocabulary(captions)
    if config.text_encoder == "word2vec":
        needs["word_vectors"] = train_word_vectors(captions, needs["vocabulary"], config.seed)
    if config.text_encoder == "attributes":
        if classes.class_attributes is None:
            raise InputError(f"{classes.name} has no class attributes: choose another text encoder")
        needs["num_attributes"] = classes.class_attributes.shape[1]
    dim = classes.features.shape[2]
    return build_text_encoder(config.text_encoder, dim, **needs, generator=generator)


def _descriptions(encoder: nn.Module, classes: DescribedImages) -> torch.Tensor:
    """What the encoder reads for each caption: its tokens, or the attributes of its class."""
    if isinstance(encoder, ClassAttributes):
        counts = torch.tensor([len(own) for own in classes.captions])
        return classes.class_attributes[classes.labels.repeat_interleave(counts)]
    return encoder.tokenizer([caption for own in classes.captions for caption in own])


def _optimise(
    run: Run,
    features: torch.Tensor,
    descriptions: torch.Tensor,
    sampler: MinibatchSampler,
    generator: torch.Generator,
    progress: bool,
    watch: Callable[[int, Run], None] | None,
) -> pd.DataFrame:
    """Take `config.steps` steps of RMSprop and return the history."""
    encoder, config = run.encoder, run.config
    optimiser = RMSprop(encoder.parameters(), lr=config.learning_rate)
    schedule = torch.optim.lr_scheduler.StepLR(
        optimiser, step_size=len(sampler.images_per_class), gamma=config.lr_decay
    )
    history = torch.empty(config.steps, len(HISTORY_COLUMNS))
    encoder.train()
    with trange(config.steps, desc=config.text_encoder, disable=not progress or None) as bar:
        for step in bar:
            batch = sampler.draw(generator)
            images = features[batch.images, batch.views].float()
            texts = encoder(descriptions[batch.captions])
            loss = joint_embedding_loss(images, texts, objective=config.objective)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            history[step, 0] = loss.detach()
            history[step, 1] = _batch_accuracy(images, texts.detach())
            history[step, 2] = schedule.get_last_lr()[0]
            schedule.step()
            if step % 50 == 49:
                recent = history[step - 49 : step + 1].mean(0)
                bar.set_postfix(loss=f"{recent[0]:.3f}", accuracy=f"{recent[1]:.2f}")
            if watch is not None:
                watch(step + 1, run)
    return pd.DataFrame(history.numpy(), columns=HISTORY_COLUMNS)


def _batch_accuracy(images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    """The share of images whose own text has the highest score."""
    best = (images @ texts.T).argmax(1)
    return (best == torch.arange(len(best))).float().mean()

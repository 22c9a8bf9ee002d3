"""Images ranked by a description, and descriptions by an image: the two ways round of one score."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch

from dse.images.encoders import ImageEncoder, load_image_encoder
from dse.images.image_folder import ImageFolder
from dse.runs import Run
from dse.search.exact import nearest
from dse.text.tokens import unknown_words, words
from dse.utils.errors import InputError


class Match(NamedTuple):
    """An image or a description, and its score with what was asked for."""

    item: Path | str
    score: float


def search_images(run: Run, description: str, images: ImageFolder, top: int = 12) -> list[Match]:
    """The images that match a description best: a score is the inner product (equation 2).

    Args:
        run: a trained text encoder.
        description: any text; what the run does not read of it, `reading_notes` says.
        images: see `read_image_folder`, with the encoder of `image_encoder_of`.
        top: how many, 1 or more.

    Returns:
        At most `top` images, best first; of equal scores the first in the folder's order.

    Raises:
        InputError: an empty description, `top` below 1, features of another dimension.
    """
    refuse_empty(description)
    found = nearest(run.encode([description]), _fitting(run, images.features), top)
    return [
        Match(images.paths[i], score)
        for i, score in zip(found.indices[0].tolist(), found.scores[0].tolist(), strict=True)
    ]


def rank_descriptions(
    run: Run, feature: torch.Tensor, descriptions: Sequence[str], top: int = 10
) -> list[Match]:
    """The descriptions that match an image best.

    Args:
        run: a trained text encoder.
        feature: float32 (D,), of the image.
        descriptions: any texts.
        top: how many, 1 or more.

    Returns:
        At most `top` descriptions, best first; of equal scores the first in the list's order.

    Raises:
        InputError: `top` below 1, features of another dimension.
    """
    queries = _fitting(run, feature[None])
    found = nearest(queries, run.encode(list(descriptions), progress=True), top)
    return [
        Match(descriptions[i], score)
        for i, score in zip(found.indices[0].tolist(), found.scores[0].tolist(), strict=True)
    ]


def image_encoder_of(run: Run, name: str | None = None) -> ImageEncoder:
    """The frozen network whose features a run was trained on.

    Args:
        run: it remembers the network's name and precision.
        name: another network; None: the run's own.

    Raises:
        InputError: the run remembers none, or the features have another dimension.
    """
    own = run.dataset.get("image_encoder")
    if name is None and own in (None, "release"):
        raise InputError(
            "the run was trained on features that came without a network: name one that makes the "
            "same features with --image-encoder"
        )
    precision = run.dataset.get("feature_precision", "32-true")
    encoder = load_image_encoder(name or own, precision=precision)
    refuse_other_dimension(run, encoder.dim, encoder.name)
    return encoder


def _fitting(run: Run, features: torch.Tensor) -> torch.Tensor:
    refuse_other_dimension(run, features.shape[1], "these images")
    return features


def refuse_other_dimension(run: Run, dim: int, owner: str) -> None:
    """Raise an `InputError` if features have another dimension than the run's embeddings."""
    expected = run.encoder.linear.out_features
    if dim != expected:
        raise InputError(
            f"the run embeds in {expected} dimensions, and the features of {owner} have {dim}: use "
            "the image encoder that it was trained on"
        )


def refuse_empty(description: str) -> None:
    """Raise an `InputError` if a description holds nothing."""
    if not description.strip():
        raise InputError("the description is empty: say what the image shows")


def reading_notes(run: Run, description: str) -> list[str]:
    """What a run does not read of a description, one sentence each; none if it reads everything.

    Example:
        >>> import dse
        >>> from dse.text import build_text_encoder
        >>> encoder = build_text_encoder("bag-of-words", 8, vocabulary=["a", "bird", "red"])
        >>> run = Run(encoder, dse.TrainingConfig("bag-of-words"), {}, None)
        >>> reading_notes(run, "a red bird"), reading_notes(run, "a crimson bird")
        ([], ['not read, as no training caption has it: crimson'])
    """
    if not re.search("[a-z]", description.lower()):
        return ["the description has no letter from a to z: the order of the results means nothing"]
    notes = []
    tokenizer = run.encoder.tokenizer
    vocabulary = getattr(tokenizer, "vocabulary", None)
    if vocabulary is not None:
        unknown = list(unknown_words([description], vocabulary))
        if len(unknown) == len(set(words(description))):
            return [
                f"no training caption has any of these words: {', '.join(unknown)}; the order of "
                "the results means nothing"
            ]
        if unknown:
            notes.append(f"not read, as no training caption has it: {', '.join(unknown)}")
    length = getattr(tokenizer, "length", None)  # a frozen sentence encoder has none
    if length is not None:
        unit = "characters" if vocabulary is None else "words"
        held = len(description) if vocabulary is None else len(words(description))
        if held > length:
            notes.append(f"only the first {length} of {held} {unit} are read")
    return notes

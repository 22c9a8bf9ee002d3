"""Text encoders: captions in, embeddings out. One registry of their names.

An encoder is a `torch.nn.Module` with two parts: `encoder.tokenizer(captions)` gives a tensor of
integers, `encoder(tokens)` the embeddings.
"""

from collections.abc import Sequence

import torch
from torch import nn

from dse.errors import InputError
from dse.text.averages import BagOfWords, MeanWordVector
from dse.text.cnn import CharCNN
from dse.text.cnn_rnn import CharCNNRNN

INITIAL_RANGE = 0.08
"""All learned parameters start uniformly in ± this range, biases too (the authors' code)."""

CHARACTER_ENCODERS = {"char-cnn": CharCNN, "char-cnn-rnn": CharCNNRNN}
WORD_ENCODERS = {"bag-of-words": BagOfWords, "word2vec": MeanWordVector}
TEXT_ENCODERS = (*WORD_ENCODERS, *CHARACTER_ENCODERS)
"""Every name that `build_text_encoder` knows."""


def build_text_encoder(
    name: str,
    embedding_dim: int = 1024,
    *,
    vocabulary: Sequence[str] | None = None,
    word_vectors: torch.Tensor | None = None,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Build a text encoder by name, its parameters drawn uniformly from ±0.08.

    Args:
        name: one of `TEXT_ENCODERS`.
        embedding_dim: D, the dimension of the image features.
        vocabulary: the words of the training captions; for encoders that read words.
        word_vectors: float32 (V, d), frozen; for `word2vec`.
        generator: the source of the initial parameters; torch's own if None.

    Raises:
        InputError: unknown name, or an encoder of words without a vocabulary or its vectors.

    Source: the authors' code for the initial range. Chapters: 3, 4 and 5.

    Example:
        >>> encoder = build_text_encoder("char-cnn-rnn", 1024)
        >>> encoder(encoder.tokenizer(["a small bird with a red crown"])).shape
        torch.Size([1, 1024])
    """
    if name not in TEXT_ENCODERS:
        raise InputError(f"unknown text encoder {name!r}: choose one of {', '.join(TEXT_ENCODERS)}")
    if name in WORD_ENCODERS and vocabulary is None:
        raise InputError(f"{name} needs a vocabulary: the words of the training captions")
    if name == "word2vec" and word_vectors is None:
        raise InputError("word2vec needs word vectors: see train_word_vectors")
    if name in CHARACTER_ENCODERS:
        encoder = CHARACTER_ENCODERS[name](embedding_dim)
    elif name == "word2vec":
        encoder = MeanWordVector(vocabulary, word_vectors, embedding_dim)
    else:
        encoder = BagOfWords(vocabulary, embedding_dim)
    for parameter in encoder.parameters():
        nn.init.uniform_(parameter, -INITIAL_RANGE, INITIAL_RANGE, generator=generator)
    return encoder

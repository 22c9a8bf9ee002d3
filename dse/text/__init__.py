"""Text encoders: captions in, embeddings out. One registry of their names.

An encoder is a `torch.nn.Module` with two parts: `encoder.tokenizer(captions)` gives a tensor of
integers, `encoder(tokens)` the embeddings. `attributes` alone reads no captions: it embeds the
attributes of a class.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

from dse.text.averages import BagOfWords, ClassAttributes, MeanWordVector
from dse.text.cnn import CharCNN, WordCNN
from dse.text.cnn_rnn import CharCNNRNN, WordCNNRNN
from dse.text.lstm import CharLSTM, WordLSTM
from dse.text.transformer import ClipText, MiniLM, SentenceVectors, WordTransformer
from dse.utils.errors import InputError

INITIAL_RANGE = 0.08
"""All learned parameters start uniformly in ± this range, biases too (the authors' code)."""

CHARACTER_ENCODERS = {
    "char-cnn": CharCNN,
    "char-lstm": CharLSTM,
    "char-cnn-rnn": CharCNNRNN,
    "char-cnn-rnn-long": partial(CharCNNRNN, long=True),
    "char-cnn-rnn-icml-birds": partial(CharCNNRNN, units=512, long=True, gated=True),
    "char-cnn-rnn-icml-flowers": partial(CharCNNRNN, units=512),
}
WORD_ENCODERS = {
    "word2vec": MeanWordVector,
    "bag-of-words": BagOfWords,
    "word-cnn": WordCNN,
    "word-lstm": WordLSTM,
    "word-cnn-rnn": WordCNNRNN,
    "word-transformer": WordTransformer,
}
FROZEN_ENCODERS = {"sentence-vectors": MiniLM, "clip-text": ClipText}
TEXT_ENCODERS = ("attributes", *WORD_ENCODERS, *CHARACTER_ENCODERS, *FROZEN_ENCODERS)
"""Every name that `build_text_encoder` knows."""


def build_text_encoder(
    name: str,
    embedding_dim: int = 1024,
    *,
    vocabulary: Sequence[str] | None = None,
    word_vectors: torch.Tensor | None = None,
    num_attributes: int | None = None,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Build a text encoder by name, its parameters drawn uniformly from ±0.08.

    Args:
        name: one of `TEXT_ENCODERS`: the paper's nine; three of the char-CNN-RNN's kin (`-long`
            takes 18 recurrent steps, `-icml-birds` and `-icml-flowers` are the networks of the
            authors' text-to-image work); and three of a later time: `word-transformer`, and a
            learned layer on a frozen network, `sentence-vectors` (MiniLM) or `clip-text` (CLIP).
        embedding_dim: D, the dimension of the image features.
        vocabulary: the words of the training captions; for encoders that read words.
        word_vectors: float32 (V, d), frozen; for `word2vec`.
        num_attributes: of a class; for `attributes`.
        generator: the source of the initial parameters; torch's own if None.

    Raises:
        InputError: unknown name, or an encoder without what it needs.

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
    if name == "attributes" and num_attributes is None:
        raise InputError("attributes needs the number of a class's attributes")
    if name == "attributes":
        encoder = ClassAttributes(num_attributes, embedding_dim)
    elif name == "word2vec":
        encoder = MeanWordVector(vocabulary, word_vectors, embedding_dim)
    elif name in WORD_ENCODERS:
        encoder = WORD_ENCODERS[name](vocabulary, embedding_dim)
    elif name in FROZEN_ENCODERS:
        encoder = SentenceVectors(FROZEN_ENCODERS[name](), embedding_dim)
    else:
        encoder = CHARACTER_ENCODERS[name](embedding_dim)
    for parameter in encoder.parameters():
        nn.init.uniform_(parameter, -INITIAL_RANGE, INITIAL_RANGE, generator=generator)
    return encoder

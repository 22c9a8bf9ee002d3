"""Text encoders: captions in, embeddings out. One open registry of their names.

An encoder is a `torch.nn.Module` with two parts: `encoder.tokenizer(captions)` gives a tensor on
the CPU, `encoder(tokens)` the embeddings, on whatever device both are. Its last layer is
`encoder.linear`, an `nn.Linear`. `attributes` alone reads no captions: it embeds a class by its
attributes.
"""

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import nn

from dse.text.averages import BagOfBigrams, BagOfWords, ClassAttributes, MeanWordVector
from dse.text.cnn import CharCNN, WordCNN
from dse.text.cnn_rnn import CharCNNRNN, WordCNNRNN
from dse.text.lstm import CharLSTM, WordLSTM
from dse.text.transformer import ClipText, MiniLM, SentenceVectors, WordTransformer
from dse.utils.errors import InputError

INITIAL_RANGE = 0.08
"""All learned parameters start uniformly in ± this range, biases too (the authors' code)."""

NEEDS = {
    "vocabulary": "the words of the training captions",
    "bigrams": "pairs of neighbouring words, see build_bigrams",
    "word_vectors": "one vector a word, see train_word_vectors",
    "num_attributes": "how many attributes a class has",
}
"""What an encoder may ask for, by the name of the argument of `build_text_encoder`."""


class TextEncoder(NamedTuple):
    """An entry of the registry.

    Attributes:
        build: gives the module, from the arguments named in `needs` and `embedding_dim`; and from
            `units`, where the encoder has a number of hidden units to choose.
        needs: of `NEEDS`.
    """

    build: Callable[..., nn.Module]
    needs: tuple[str, ...]


TEXT_ENCODERS: dict[str, TextEncoder] = {}
"""Every name that `build_text_encoder` knows."""


def register_text_encoder(
    name: str, build: Callable[..., nn.Module], needs: Sequence[str] = ()
) -> None:
    """Make an encoder of your own known by name, to `build_text_encoder` and all that trains.

    The module that `build` gives must have

    - `tokenizer`: a callable, n captions -> a tensor (n, L) on the CPU, 0 past a caption's end;
    - `forward`: rows of that tensor, on the module's device -> embeddings (n, D), there;
    - `linear`: its last layer, an `nn.Linear` with a bias, D = `embedding_dim` outputs;
    - `tokenizer.vocabulary` and `tokenizer.bigrams`: the lists that were given, where `needs` names
      them, and a buffer `word_vectors` likewise. A run keeps them and builds the encoder from them;
    - `fit_inputs(tokens)`, if it likes: it is called before training, with all training captions.

    Its parameters are drawn anew, those of a LayerNorm or a BatchNorm too, unless they are frozen
    (`requires_grad_(False)`): those stay as `build` gives them.

    Args:
        name: not taken yet.
        build: gives the module, as described for `TextEncoder`.
        needs: what `build` needs besides `embedding_dim`: `vocabulary` (then it reads words),
            `bigrams`, `word_vectors`.

    Raises:
        InputError: the name is taken, or `needs` names something unknown.

    Chapter: 5, CNN-RNN.

    Example:
        >>> class FirstWord(nn.Module):
        ...     def __init__(self, vocabulary, embedding_dim):
        ...         super().__init__()
        ...         self.tokenizer = WordTokenizer(vocabulary)
        ...         self.words = nn.Embedding(len(vocabulary) + 1, 16, padding_idx=0)
        ...         self.linear = nn.Linear(16, embedding_dim)
        ...     def forward(self, tokens):
        ...         return self.linear(self.words(tokens[:, 0]))
        >>> from dse.text.tokens import WordTokenizer
        >>> register_text_encoder("first-word", FirstWord, needs=["vocabulary"])
        >>> encoder = build_text_encoder("first-word", 8, vocabulary=["a", "bird"])
        >>> encoder(encoder.tokenizer(["bird"])).shape
        torch.Size([1, 8])
        >>> del TEXT_ENCODERS["first-word"]
    """
    if name in TEXT_ENCODERS:
        raise InputError(f"text encoder {name!r} exists already: choose another name")
    known = [need for need in NEEDS if need != "num_attributes"]  # `attributes` alone has those
    unknown = set(needs) - set(known)
    if unknown:
        raise InputError(f"unknown need {min(unknown)!r}: choose from {', '.join(known)}")
    TEXT_ENCODERS[name] = TextEncoder(build, tuple(needs))


def build_text_encoder(
    name: str,
    embedding_dim: int = 1024,
    *,
    vocabulary: Sequence[str] | None = None,
    bigrams: Sequence[str] | None = None,
    word_vectors: torch.Tensor | None = None,
    num_attributes: int | None = None,
    units: int | None = None,
    generator: torch.Generator | None = None,
) -> nn.Module:
    """Build a text encoder by name, its learned parameters drawn uniformly from ±0.08.

    Args:
        name: one of `TEXT_ENCODERS`: the paper's nine; three relatives of the char-CNN-RNN (`-long`
            takes 18 recurrent steps, `-icml-birds` and `-icml-flowers` are the networks of the
            authors' text-to-image work); five beyond the paper: `bag-of-bigrams`,
            `word2vec-standardised`, `word-transformer`, and a learned layer on a frozen network,
            `sentence-vectors` (MiniLM) or `clip-text` (CLIP); and yours.
        embedding_dim: D, the dimension of the image features.
        vocabulary: the words of the training captions; for encoders that read words.
        bigrams: pairs of words, `red crown`; for `bag-of-bigrams`.
        word_vectors: float32 (V, d), frozen; for `word2vec`.
        num_attributes: of a class; for `attributes`.
        units: hidden units, for the LSTMs, the char-CNN-RNN and the Transformer; None: their own.
        generator: the source of the initial parameters; torch's own if None.

    Raises:
        InputError: unknown name, an encoder without what it needs, units where it has none, or one
            of yours that does not hold what it was built from.

    Source: the authors' code for the initial range. Chapters: 3, 4 and 5.

    Example:
        >>> encoder = build_text_encoder("char-cnn-rnn", 1024)
        >>> encoder(encoder.tokenizer(["a small bird with a red crown"])).shape
        torch.Size([1, 1024])
    """
    if name not in TEXT_ENCODERS:
        raise InputError(f"unknown text encoder {name!r}: choose one of {', '.join(TEXT_ENCODERS)}")
    build, needs = TEXT_ENCODERS[name]
    given = {
        "vocabulary": vocabulary,
        "bigrams": bigrams,
        "word_vectors": word_vectors,
        "num_attributes": num_attributes,
    }
    for need in needs:
        if given[need] is None:
            raise InputError(f"{name} needs {need}: {NEEDS[need]}")
    arguments = {need: given[need] for need in needs}
    if units is not None:
        if "units" not in inspect.signature(build).parameters:
            raise InputError(f"{name} has no hidden units to choose: leave units out")
        arguments["units"] = units
    encoder = build(embedding_dim=embedding_dim, **arguments)
    _refuse_unlike(name, encoder, arguments)
    initialize(encoder, generator)
    return encoder


def _refuse_unlike(name: str, encoder: nn.Module, given: dict[str, object]) -> None:
    """Raise an `InputError` if a run could not keep what the encoder was built from."""
    tokenizer = getattr(encoder, "tokenizer", None)
    for need in ("vocabulary", "bigrams"):
        if need in given and getattr(tokenizer, need, None) != list(given[need]):
            raise InputError(
                f"{name} was given {need} and its tokenizer holds others or none: set "
                f"tokenizer.{need} to the list, so that a run can be read back"
            )
    if "word_vectors" in given and "word_vectors" not in encoder.state_dict():
        raise InputError(
            f"{name} was given word_vectors and holds none: register a buffer of that name, so "
            "that a run can be read back"
        )


@torch.no_grad()
def initialize(encoder: nn.Module, generator: torch.Generator | None = None) -> None:
    """Draw every parameter uniformly from ±0.08; what stands for no token stays zero.

    Frozen parameters stay as they are.
    """
    for parameter in encoder.parameters():
        if parameter.requires_grad:
            nn.init.uniform_(parameter, -INITIAL_RANGE, INITIAL_RANGE, generator=generator)
    for layer in encoder.modules():
        padded = getattr(layer, "padding_idx", None) is not None  # an Embedding or EmbeddingBag
        if padded and layer.weight.requires_grad:
            layer.weight[layer.padding_idx] = 0


def _sentence_vectors(embedding_dim: int) -> nn.Module:
    return SentenceVectors(MiniLM(), embedding_dim)


def _clip_text(embedding_dim: int) -> nn.Module:
    return SentenceVectors(ClipText(), embedding_dim)


TEXT_ENCODERS["attributes"] = TextEncoder(ClassAttributes, ("num_attributes",))
register_text_encoder("word2vec", MeanWordVector, ["vocabulary", "word_vectors"])
register_text_encoder(
    "word2vec-standardised",
    partial(MeanWordVector, standardised=True),
    ["vocabulary", "word_vectors"],
)
register_text_encoder("bag-of-words", BagOfWords, ["vocabulary"])
register_text_encoder("bag-of-bigrams", BagOfBigrams, ["vocabulary", "bigrams"])
register_text_encoder("char-cnn", CharCNN)
register_text_encoder("char-lstm", CharLSTM)
register_text_encoder("char-cnn-rnn", CharCNNRNN)
register_text_encoder("word-cnn", WordCNN, ["vocabulary"])
register_text_encoder("word-lstm", WordLSTM, ["vocabulary"])
register_text_encoder("word-cnn-rnn", WordCNNRNN, ["vocabulary"])
register_text_encoder("char-cnn-rnn-long", partial(CharCNNRNN, long=True))
register_text_encoder(
    "char-cnn-rnn-icml-birds", partial(CharCNNRNN, units=512, long=True, gated=True)
)
register_text_encoder("char-cnn-rnn-icml-flowers", partial(CharCNNRNN, units=512))
register_text_encoder("word-transformer", WordTransformer, ["vocabulary"])
register_text_encoder("sentence-vectors", _sentence_vectors)
register_text_encoder("clip-text", _clip_text)

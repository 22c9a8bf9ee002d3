"""Scores as exact sums: for encoders whose last layer is linear in a mean or a sum over tokens.

The embedding of a caption is W m + b, and its score with an image's feature v is
<W m + b, v> = <m, W'v> + <b, v>. If m is the mean of T states, the score is the sum of T numbers
<h_t, W'v> / T, and of a constant. `W'v` is called the direction.
"""

from typing import NamedTuple

import torch
from torch import nn

from dse.text.averages import BagOfBigrams, BagOfWords, MeanWordVector
from dse.text.cnn import receptive_fields
from dse.text.cnn_rnn import CharCNNRNN, WordCNNRNN
from dse.text.layers import Standardisation, text_lengths
from dse.text.lstm import MeanLSTM


class Summand(NamedTuple):
    """A number that a score is the sum of, and the tokens first, ..., last - 1 that it comes from.

    Of a recurrent step these are the tokens of its own window: all before them reach it, too.
    """

    first: int
    last: int
    evidence: float


@torch.no_grad()
def exact_summands(
    encoder: nn.Module, tokens: torch.Tensor, feature: torch.Tensor
) -> list[Summand] | None:
    """What each part of one caption adds to its score, without <b, v>.

    Args:
        encoder: in evaluation mode.
        tokens: of one caption, (1, L), on the encoder's device.
        feature: v, float64 (D,), on the CPU.

    Returns:
        One a time step of a CNN-RNN or an LSTM, one a known word of an average, and one a known
        pair of words; None for an encoder that is no mean or sum over tokens.

    Source: paper, section 4.1 (the mean of the hidden states). Chapter: 5, CNN-RNN.

    Example:
        >>> encoder = BagOfWords(["bird", "red"], embedding_dim=1)
        >>> encoder.linear.embedding.weight = nn.Parameter(torch.tensor([[0.0], [0.5], [2.0]]))
        >>> for part in exact_summands(encoder, torch.tensor([[2, 1, 2]]), torch.tensor([1.0])):
        ...     print(tuple(part))
        (0, 1, 2.0)
        (1, 2, 0.5)
    """
    for kinds, summands in (
        ((CharCNNRNN, WordCNNRNN), _of_a_cnn_rnn),
        (MeanLSTM, _of_an_lstm),
        (BagOfWords, _of_words),
        (BagOfBigrams, _of_words_and_pairs),
        (MeanWordVector, _of_word_vectors),
    ):
        if isinstance(encoder, kinds):
            feature = feature.double()
            direction = encoder.linear.weight.cpu().double().T @ feature
            return summands(encoder, tokens, direction, feature)
    return None


@torch.no_grad()
def exact_constant(encoder: nn.Module, feature: torch.Tensor) -> float:
    """What belongs to no part of a caption: <b, v>, less what standardised means take off."""
    constant = float(encoder.linear.bias.cpu().double() @ feature)
    if isinstance(encoder, MeanWordVector) and isinstance(encoder.standardise, Standardisation):
        shift = (encoder.standardise.mean / encoder.standardise.std).cpu().double()
        constant -= float(shift @ (encoder.linear.weight.cpu().double().T @ feature))
    return constant


def _of_a_cnn_rnn(encoder, tokens, direction, feature) -> list[Summand]:
    """Step t reads the columns before it, and from the caption a window of its own."""
    columns = encoder.convolutions(tokens)
    states = encoder.rnn.hidden_states(columns.transpose(1, 2))[0].cpu().double()  # (T, units)
    *_, field = receptive_fields(encoder.convolutions, tokens.shape[1])
    evidence = (states @ direction / len(states)).tolist()
    return [
        Summand(field.stride * t, field.stride * t + field.size, e) for t, e in enumerate(evidence)
    ]


def _of_an_lstm(encoder, tokens, direction, feature) -> list[Summand]:
    inputs = encoder.from_token(tokens).unbind(2)[: int(text_lengths(tokens))]
    h = c = tokens.new_zeros(1, encoder.units, dtype=encoder.linear.weight.dtype)
    summands = []
    for t, x in enumerate(inputs):
        h, c = encoder.step(x, h, c)
        evidence = float(h[0].cpu().double() @ direction) / len(inputs)
        summands.append(Summand(t, t + 1, evidence))
    return summands


def _of_words(encoder, tokens, direction, feature) -> list[Summand]:
    """A word counts once, where it first stands."""
    numbers = tokens[0, : encoder.tokenizer.length].tolist()
    return [
        Summand(i, i + 1, float(direction[n - 1]))
        for i, n in enumerate(numbers)
        if n and n not in numbers[:i]
    ]


def _of_words_and_pairs(encoder, tokens, direction, feature) -> list[Summand]:
    rows = encoder.pairs.weight.cpu().double()
    pairs = tokens[0, encoder.tokenizer.length :].tolist()
    return _of_words(encoder, tokens, direction, feature) + [
        Summand(i, i + 2, float(rows[n] @ feature)) for i, n in enumerate(pairs) if n
    ]


def _of_word_vectors(encoder, tokens, direction, feature) -> list[Summand]:
    vectors = encoder.word_vectors.cpu().double()
    if isinstance(encoder.standardise, Standardisation):
        vectors = vectors / encoder.standardise.std.cpu().double()
    of_word = (vectors @ direction).tolist()
    known = [(i, n) for i, n in enumerate(tokens[0].tolist()) if n]
    return [Summand(i, i + 1, of_word[n - 1] / len(known)) for i, n in known]

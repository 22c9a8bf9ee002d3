"""The CNNs: convolutions over a caption's characters or words, then two linear layers."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import nn

from dse.text.layers import OneHot, TokenConv1d
from dse.text.packing import convolve, stages
from dse.text.tokens import CharacterTokenizer, WordTokenizer


def threshold() -> nn.Threshold:
    """The authors' rectifier: what does not exceed 0.000001 becomes 0."""
    return nn.Threshold(1e-6, 0.0)


class CharCNN(nn.Module):
    """The char-CNN. 3,220,224 parameters at D = 1,024.

    Args:
        embedding_dim: D, the dimension of the image features.

    Attributes:
        packing: take the fast path on the CPU, see `dse.text.packing`; the numbers are the same.

    Shape: tokens uint8 (B, 201) -> embeddings float32 (B, D).

    Source: paper, section 4; layers from the authors' `DocumentCNNShort.lua`. Chapter: 4, char-CNN.

    Example:
        >>> encoder = CharCNN()
        >>> encoder(encoder.tokenizer(["a small red bird"])).shape
        torch.Size([1, 1024])
    """

    packing = True

    def __init__(self, embedding_dim: int = 1024):
        super().__init__()
        self.tokenizer = CharacterTokenizer()
        self.convolutions = nn.Sequential(
            OneHot(self.tokenizer.size),  # (B, 70, 201)
            nn.Conv1d(70, 256, kernel_size=4),
            threshold(),
            nn.MaxPool1d(3),  # (B, 256, 66)
            nn.Conv1d(256, 256, kernel_size=4),
            threshold(),
            nn.MaxPool1d(3),  # (B, 256, 21)
            nn.Conv1d(256, 256, kernel_size=4),
            threshold(),
            nn.MaxPool1d(3),  # (B, 256, 6)
        )
        self.hidden = nn.Linear(6 * 256, 1024)
        self.linear = nn.Linear(1024, embedding_dim)  # nothing stands between the two

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = convolve(self.convolutions, tokens, self.packing)  # self.convolutions(tokens)
        x = x.transpose(1, 2).flatten(1)  # (B, 6 * 256), column after column
        return self.linear(self.hidden(x))


class WordCNN(nn.Module):
    """The word-CNN: it pools once. 768 V + 2,755,328 parameters at D = 1,024.

    Args:
        vocabulary: V words of the training captions.
        embedding_dim: D, the dimension of the image features.

    Attributes:
        packing: take the fast path on the CPU, see `dse.text.packing`; the numbers are the same.

    Shape: tokens int32 (B, 30) -> embeddings float32 (B, D).

    Source: paper, section 4; layers from the authors' `DocumentCNNWord.lua`. Chapter: 4, char-CNN.

    Example:
        >>> encoder = WordCNN(["a", "bird", "red"])
        >>> encoder(encoder.tokenizer(["a small red bird"])).shape
        torch.Size([1, 1024])
    """

    packing = True

    def __init__(self, vocabulary: Sequence[str], embedding_dim: int = 1024):
        super().__init__()
        self.tokenizer = WordTokenizer(vocabulary)
        self.convolutions = nn.Sequential(
            TokenConv1d(self.tokenizer.size, 256, kernel_size=3),  # nn.Conv1d on one-hot words
            threshold(),
            nn.MaxPool1d(3),  # (B, 256, 9)
            nn.Conv1d(256, 256, kernel_size=3),
            threshold(),  # (B, 256, 7)
            nn.Conv1d(256, 256, kernel_size=3),
            threshold(),  # (B, 256, 5)
        )
        self.hidden = nn.Linear(5 * 256, 1024)
        self.linear = nn.Linear(1024, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = convolve(self.convolutions, tokens, self.packing)
        x = x.transpose(1, 2).flatten(1)  # (B, 5 * 256)
        return self.linear(self.hidden(x))


class ReceptiveField(NamedTuple):
    """What the columns after a layer see: column p reads the `size` tokens from `stride` p on.

    Attributes:
        columns: how many there are.
        stride: tokens between the beginnings of two neighbours' fields.
        size: tokens that a column depends on.
    """

    columns: int
    stride: int
    size: int


def receptive_fields(convolutions: nn.Sequential, length: int) -> list[ReceptiveField]:
    """The receptive fields of the tokens themselves and after each convolution with its pooling.

    Args:
        convolutions: of a CNN or a CNN-RNN.
        length: tokens of a caption, `encoder.tokenizer.length`.

    Chapter: 4, char-CNN.

    Example:
        >>> for field in receptive_fields(CharCNN().convolutions, length=201):
        ...     print(tuple(field))
        (201, 1, 1)
        (66, 3, 6)
        (21, 9, 21)
        (6, 27, 66)
    """
    fields = [ReceptiveField(length, 1, 1)]
    for convolution, _, (pool_size, pool_stride) in stages(convolutions):
        columns, stride, size = fields[-1]
        window = convolution.kernel_size[0] + pool_size - 1
        fields.append(
            ReceptiveField(
                (columns - window) // pool_stride + 1,
                stride * pool_stride,
                size + stride * (window - 1),
            )
        )
    return fields

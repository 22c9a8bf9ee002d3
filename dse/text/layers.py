"""What the networks need besides torch's layers: one-hot columns, and look-ups in their place."""

import torch
from torch import nn
from torch.nn import functional as F

SPARSE_FROM = 1000
"""Tokens from which on gradients of look-ups are sparse: an alphabet's are dense."""


class OneHot(nn.Module):
    """Token numbers to one-hot columns; token 0, which stands for nothing, is a column of zeros.

    Args:
        size: V, different tokens, numbered from 1.

    Shape: int (B, L) -> float32 (B, V, L).

    Source: paper, section 4.1; the authors' `MultimodalMinibatchLoaderCaption.lua`. Chapter: 4.

    Example:
        >>> OneHot(3)(torch.tensor([[2, 0]]))[0].T.tolist()
        [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    """

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("columns", torch.eye(size + 1)[:, 1:], persistent=False)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return F.embedding(tokens.long(), self.columns).transpose(1, 2)


class TokenConv1d(nn.Module):
    """`nn.Conv1d` over one-hot columns, as look-ups: for vocabularies, whose columns are long.

    A word has `kernel_size` columns of the weight, one for each place in the window, side by side
    in its row of an `nn.Embedding`. Row 0 stays zero. With `kernel_size` 1 it is a linear layer.

    Args:
        size: V, different tokens, numbered from 1; token 0 is a column of zeros.
        out_channels: C, the filters.
        kernel_size: tokens in a window.

    Shape: int (B, L) -> float32 (B, C, L - kernel_size + 1).

    Chapter: 4, char-CNN.

    Example:
        >>> TokenConv1d(5000, 512, kernel_size=3)(torch.zeros(2, 30, dtype=torch.int32)).shape
        torch.Size([2, 512, 28])
    """

    def __init__(self, size: int, out_channels: int, kernel_size: int):
        super().__init__()
        self.out_channels, self.kernel_size = out_channels, (kernel_size,)
        self.embedding = nn.Embedding(
            size + 1, kernel_size * out_channels, padding_idx=0, sparse=size >= SPARSE_FROM
        )
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        (kernel_size,) = self.kernel_size
        columns = self.embedding(tokens.long()).unflatten(2, (kernel_size, self.out_channels))
        length = tokens.shape[1] - kernel_size + 1
        x = sum(columns[:, place : place + length, place] for place in range(kernel_size))
        return (x + self.bias).transpose(1, 2)


class TokenLinear(nn.Module):
    """`nn.Linear` on the set of tokens of a text, as look-ups: 1 for a token present, else 0.

    Args:
        in_features: V, different tokens, numbered from 1; token 0 stands for nothing.
        out_features: D, the outputs.

    Attributes:
        weight: (D, V), as that of `nn.Linear`; a view of the table in `embedding`.

    Shape: int (B, L) -> float32 (B, D).

    Chapter: 3, word2vec baseline.

    Example:
        >>> layer = TokenLinear(5000, 4)
        >>> one, other = layer(torch.tensor([[7, 2, 2], [2, 7, 0]]))
        >>> torch.equal(one, other)
        True
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.embedding = nn.EmbeddingBag(
            in_features + 1,
            out_features,
            mode="sum",
            padding_idx=0,
            sparse=in_features >= SPARSE_FROM,
        )
        self.bias = nn.Parameter(torch.zeros(out_features))

    @property
    def weight(self) -> torch.Tensor:
        return self.embedding.weight[1:].T

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens.long().sort(dim=1).values
        repeated = tokens[:, 1:] == tokens[:, :-1]
        tokens[:, 1:].masked_fill_(repeated, 0)
        return self.embedding(tokens) + self.bias


class Standardisation(nn.Module):
    """Each number of a vector less its mean, over its standard deviation, on the training captions.

    Vectors of language models share a few large numbers that say little about the caption. A linear
    layer could learn to scale them itself, but not in as many steps. A number that is the same in
    all captions becomes 0.

    Args:
        size: d, numbers in a vector.

    Shape: float32 (B, d) -> (B, d).

    Chapter: 5, CNN-RNN.

    Example:
        >>> standardise = Standardisation(2)
        >>> standardise.fit(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))
        >>> standardise(torch.tensor([[2.0, 5.0], [4.0, 5.0]])).tolist()
        [[0.0, 0.0], [2.0, 0.0]]
    """

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("std", torch.ones(size))

    def fit(self, vectors: torch.Tensor) -> None:
        """Take mean and standard deviation from vectors (n, d)."""
        vectors = vectors.cpu().double()  # which not every device has
        self.mean.copy_(vectors.mean(0))
        std = vectors.std(0, correction=0)
        self.std.copy_(torch.where(std > 0, std, 1))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return (vectors - self.mean) / self.std


def use_dense_gradients(encoder: nn.Module) -> None:
    """Make all gradients of an encoder dense: only a single CPU gains from sparse ones."""
    for layer in encoder.modules():
        if isinstance(layer, nn.Embedding | nn.EmbeddingBag):
            layer.sparse = False


def text_lengths(tokens: torch.Tensor) -> torch.Tensor:
    """How many tokens of each text there are before only zeros follow: (B, L) -> int64 (B,).

    Example:
        >>> text_lengths(torch.tensor([[3, 0, 5, 0], [0, 0, 0, 0]])).tolist()
        [3, 0]
    """
    places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
    return ((tokens != 0) * places).amax(1)

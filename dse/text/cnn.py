"""Convolutions over a caption's characters or words, and the two CNNs.

Two savings leave every number as it is. The first convolution reads one-hot columns, so it is a
sum of looked-up weights: no one-hot tensor is built. And past a caption's end every layer's output
is one constant column: it is computed once. So the columns of all captions of a batch lie one
after the other, as many of each as it needs, and every layer is one matrix product.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from dse.text.tokens import CharacterTokenizer, WordTokenizer

DENSE_UP_TO = 1000
"""Tokens up to which gradients of look-ups are dense: an alphabet's are, a vocabulary's are not."""


def threshold(x: torch.Tensor) -> torch.Tensor:
    """The authors' rectifier, `nn.Threshold()`: what does not exceed 1e-6 becomes 0."""
    return F.threshold(x, 1e-6, 0.0)


class OneHotConvolution(nn.Module):
    """A convolution over one-hot columns, which are never built.

    Its output is the bias and the sum of `kernel` columns of the weight, looked up by token and by
    place in the window. Token 0 is a column of zeros and adds nothing.

    Args:
        size: V, different tokens; they are numbered from 1.
        channels: outputs.
        kernel: tokens in a window.

    The weight is a matrix (kernel x V, channels). Its gradient is sparse where V is large, so that
    only the rows of words that occur are computed.

    Shape: windows int (M, kernel), on the CPU -> float32 (M, channels), where the weight is.

    Example:
        >>> convolution = OneHotConvolution(70, 5, kernel=4)
        >>> nothing = convolution(torch.zeros(2, 4, dtype=torch.int64))
        >>> torch.equal(nothing, convolution.bias.expand(2, 5))
        True
    """

    def __init__(self, size: int, channels: int, kernel: int):
        super().__init__()
        self.kernel, self.size = kernel, size
        self.sparse_gradient = size > DENSE_UP_TO
        self.weight = nn.Parameter(torch.zeros(kernel * size, channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        places = self.size * torch.arange(self.kernel)
        rows = (windows.long() - 1).clamp(min=0) + places
        device = self.weight.device
        sums = F.embedding_bag(
            rows.to(device, non_blocking=True),
            self.weight,
            mode="sum",
            per_sample_weights=(windows > 0).to(device, self.weight.dtype, non_blocking=True),
            sparse=self.sparse_gradient,
        )
        return sums + self.bias


def use_dense_gradients(encoder: nn.Module) -> None:
    """Have all gradients of an encoder dense: one CPU alone gains from sparse ones."""
    for part in encoder.modules():
        if isinstance(part, OneHotConvolution):
            part.sparse_gradient = False


class Convolutions(nn.Module):
    """Convolution, threshold, max-pooling, again and again: the trunk of the CNNs and CNN-RNNs.

    All have stride 1 and no padding. The first is a `OneHotConvolution`; the others are linear
    layers on windows, weight (channels, kernel x inputs), as in the authors' files.

    Args:
        tokenizer: says how many different tokens there are and how long a text is.
        channels: outputs of each convolution.
        kernels: columns that each convolution sees.
        pools: (kernel, stride) of the max-pooling after each convolution; (1, 1) is none.

    Attributes:
        lengths: columns of the text, and after each layer.
        fields: (stride, size) for each of `lengths`, in tokens: column p depends on the `size`
            tokens from token `stride * p` on.

    Shape: tokens int (B, length), on the CPU -> float32 (B, steps, channels[-1]).

    Source: the authors' `HybridCNN.lua`, `DocumentCNNShort.lua` and kin. Chapter: 4, char-CNN.

    Example:
        >>> pools = ((3, 3), (3, 3), (3, 2))
        >>> trunk = Convolutions(CharacterTokenizer(), (384, 512, 256), (4, 4, 4), pools)
        >>> trunk.lengths, trunk.fields
        ([201, 66, 21, 8], [(1, 1), (3, 6), (9, 21), (18, 66)])
        >>> trunk(trunk.tokenizer(["a small red bird"])).shape
        torch.Size([1, 8, 256])
    """

    def __init__(
        self,
        tokenizer: CharacterTokenizer | WordTokenizer,
        channels: Sequence[int],
        kernels: Sequence[int],
        pools: Sequence[tuple[int, int]],
    ):
        super().__init__()
        self.tokenizer = tokenizer
        self.kernels, self.pools = tuple(kernels), tuple(pools)
        self.convolutions = nn.ModuleList(
            [OneHotConvolution(tokenizer.size, channels[0], kernels[0])]
        )
        for n_in, n_out, kernel in zip(channels, channels[1:], kernels[1:], strict=False):
            self.convolutions.append(nn.Linear(kernel * n_in, n_out))
        self.lengths, self.fields = [tokenizer.length], [(1, 1)]
        for kernel, (pool, stride) in zip(kernels, pools, strict=True):
            self.lengths.append((self.lengths[-1] - kernel + 1 - pool) // stride + 1)
            step, size = self.fields[-1]
            self.fields.append((step * stride, size + step * (kernel - 1 + pool - 1)))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        # What is looked up where is worked out on the CPU, so that a GPU never has to be asked.
        length, device = self.lengths[0], self.convolutions[0].weight.device
        x = tokens.flatten()
        starts = length * torch.arange(len(tokens))
        # The first empty column of a text stands for all that follow.
        held = (filled_lengths(tokens) + 1).clamp(max=length)
        layers = zip(self.convolutions, self.kernels, self.pools, self.lengths[1:], strict=True)
        for convolution, kernel, (pool, stride), full in layers:
            # Column p of the output is constant once its first input column, stride * p, is.
            needed = (-(-(held - 1) // stride)).clamp(max=full - 1) + 1
            owner, column = _columns(needed)
            window = torch.arange(pool)[:, None] + torch.arange(kernel)
            taps = torch.minimum(
                stride * column[:, None, None] + window, held[owner, None, None] - 1
            )
            rows = starts[owner, None, None] + taps
            if isinstance(convolution, OneHotConvolution):
                x = convolution(x[rows].flatten(0, 1))
            else:
                rows = rows.to(device, non_blocking=True)
                x = convolution(F.embedding(rows, x).view(rows.shape[0] * pool, -1))
            x = x.view(-1, pool, x.shape[-1]).amax(1) if pool > 1 else x
            x = threshold(x)  # monotone: the maxima are the same before and after it
            held, starts = needed, needed.cumsum(0) - needed
        last = torch.minimum(torch.arange(self.lengths[-1]), held[:, None] - 1)
        return F.embedding((starts[:, None] + last).to(device, non_blocking=True), x)


def filled_lengths(tokens: torch.Tensor) -> torch.Tensor:
    """How many tokens of each text there are before only zeros follow: (B, length) -> int64 (B,).

    Example:
        >>> filled_lengths(torch.tensor([[3, 0, 5, 0], [0, 0, 0, 0]])).tolist()
        [3, 0]
    """
    places = torch.arange(1, tokens.shape[1] + 1)
    return ((tokens != 0) * places).amax(1)


def _columns(counts: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The text and the place of each of `counts` columns: [2, 1] -> [0, 0, 1], [0, 1, 0]."""
    owner = torch.arange(len(counts)).repeat_interleave(counts)
    first = counts.cumsum(0) - counts
    return owner, torch.arange(len(owner)) - first[owner]


class CharCNN(nn.Module):
    """The char-CNN: three convolutions over characters, then two linear layers.

    201 x 70 -> 66 x 256 -> 21 x 256 -> 6 x 256 = 1,536 -> 1,024 -> D, with nothing between the two
    linear layers. 3,220,224 parameters at D = 1,024.

    Args:
        embedding_dim: D, the dimension of the image features.

    Shape: tokens uint8 (B, 201) -> embeddings float32 (B, D).

    Source: paper, section 4; layers from the authors' `DocumentCNNShort.lua`. Chapter: 4, char-CNN.

    Example:
        >>> sum(p.numel() for p in CharCNN().parameters())
        3220224
    """

    def __init__(self, embedding_dim: int = 1024):
        super().__init__()
        pools = ((3, 3), (3, 3), (3, 3))
        self.trunk = Convolutions(CharacterTokenizer(), (256, 256, 256), (4, 4, 4), pools)
        self.tokenizer = self.trunk.tokenizer
        self.hidden = nn.Linear(256 * self.trunk.lengths[-1], 1024)
        self.linear = nn.Linear(1024, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.linear(self.hidden(self.trunk(tokens).flatten(1)))


class WordCNN(nn.Module):
    """The word-CNN: three convolutions over words, then two linear layers.

    30 x V -> 9 x 256 -> 7 x 256 -> 5 x 256 = 1,280 -> 1,024 -> D. It pools once, after the first
    convolution. 768 V + 2,755,328 parameters at D = 1,024.

    Args:
        vocabulary: V words of the training captions.
        embedding_dim: D, the dimension of the image features.

    Shape: tokens int (B, 30) -> embeddings float32 (B, D).

    Source: paper, section 4; layers from the authors' `DocumentCNNWord.lua`. Chapter: 4, char-CNN.

    Example:
        >>> sum(p.numel() for p in WordCNN(["a", "bird"]).parameters()) - 768 * 2
        2755328
    """

    def __init__(self, vocabulary: Sequence[str], embedding_dim: int = 1024):
        super().__init__()
        pools = ((3, 3), (1, 1), (1, 1))
        self.trunk = Convolutions(WordTokenizer(vocabulary), (256, 256, 256), (3, 3, 3), pools)
        self.tokenizer = self.trunk.tokenizer
        self.hidden = nn.Linear(256 * self.trunk.lengths[-1], 1024)
        self.linear = nn.Linear(1024, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.linear(self.hidden(self.trunk(tokens).flatten(1)))

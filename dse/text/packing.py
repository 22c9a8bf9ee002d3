"""The fast path of the convolutions: only the columns before a caption's end are computed.

Past its end a caption is all zeros, so each layer's output there is one constant column, the same
for every caption. `packed(layers, tokens)` therefore lays the columns of all captions of a batch
one after the other, as many of each as differ from the constant one, and runs each layer once on
the whole row. It equals `layers(tokens)` in value and gradient to rounding; nothing else depends on
it. On a GPU, where asking for lengths costs more than it saves, encoders take the plain form.
"""

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from dse.text.layers import TokenConv1d, text_lengths

if TYPE_CHECKING:
    from dse.text.lstm import MeanLSTM


def convolve(layers: nn.Sequential, tokens: torch.Tensor, packing: bool) -> torch.Tensor:
    """`layers(tokens)`, by the fast path where it is wanted and the tokens are on the CPU."""
    return packed(layers, tokens) if packing and tokens.device.type == "cpu" else layers(tokens)


def packed(layers: nn.Sequential, tokens: torch.Tensor) -> torch.Tensor:
    """`layers(tokens)` without the columns past the captions' ends.

    Args:
        layers: a `OneHot` with an `nn.Conv1d`, or a `TokenConv1d`; then `nn.Threshold`,
            `nn.MaxPool1d` and `nn.Conv1d`, all of stride 1 but for the pooling, without padding.
        tokens: int (B, L), on the CPU.

    Returns:
        float32 (B, C, steps).

    Chapter: 4, char-CNN.

    Example:
        >>> from dse.text.layers import OneHot
        >>> layers = nn.Sequential(OneHot(70), nn.Conv1d(70, 5, 4), nn.MaxPool1d(3))
        >>> tokens = torch.tensor([[7, 0, 3] + 198 * [0], 201 * [9]])
        >>> bool((packed(layers, tokens) - layers(tokens)).abs().max() < 1e-6)
        True
    """
    # The last text is empty: its one column at each layer is the constant one.
    tokens = F.pad(tokens, (0, 0, 0, 1))
    own = text_lengths(tokens).clone()
    own[-1] = 1
    full = tokens.shape[1]
    starts = full * torch.arange(len(tokens))
    x = tokens.flatten()
    for convolution, activation, pool in stages(layers):
        size, stride = pool
        window = size + convolution.kernel_size[0] - 1  # columns that a pooled one depends on
        full = (full - window) // stride + 1
        next_own = (-(-own // stride)).clamp(max=full)
        # A multiple of the stride each, so that no window that counts begins between two texts.
        widths = torch.where(next_own > 0, (next_own - 1) * stride + window, 0)
        widths = -(-widths // stride) * stride
        text, place = positions(widths)
        source = torch.where(place < own[text], starts[text] + place, starts[-1])
        # Threshold and bias are monotone, so the maxima are the same before and after them.
        x = activation(convolve_and_pool(convolution, pool, x, source))
        own, starts = next_own, (widths.cumsum(0) - widths) // stride
    steps = torch.arange(full)
    source = torch.where(steps < own[:-1, None], starts[:-1, None] + steps, starts[-1])
    return F.embedding(source, x).transpose(1, 2)


def stages(layers: nn.Sequential) -> list[tuple[nn.Module, nn.Module, tuple[int, int]]]:
    """Each convolution of a network with its activation and the (size, stride) of its pooling."""
    found: list[list] = []
    for layer in layers:
        if isinstance(layer, nn.Conv1d | TokenConv1d):
            found.append([layer, nn.Identity(), (1, 1)])
        elif isinstance(layer, nn.MaxPool1d):
            found[-1][2] = (layer.kernel_size, layer.stride)
        elif isinstance(layer, nn.Threshold):
            found[-1][1] = layer
    return [tuple(stage) for stage in found]


def positions(widths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The text, and the place in it, of each column of a row of texts.

    Example:
        >>> [part.tolist() for part in positions(torch.tensor([2, 0, 3]))]
        [[0, 0, 2, 2, 2], [0, 1, 0, 1, 2]]
    """
    text = torch.arange(len(widths)).repeat_interleave(widths)
    return text, torch.arange(len(text)) - (widths.cumsum(0) - widths)[text]


def convolve_and_pool(
    convolution: nn.Module, pool: tuple[int, int], x: torch.Tensor, source: torch.Tensor
) -> torch.Tensor:
    """Run one layer on the row that `source` gathers from x: tokens (m,) or columns (m, C).

    Returns:
        (n, C), one row a pooled column.
    """
    if isinstance(convolution, TokenConv1d):
        return pool_rows(convolution(x[source][None])[0].T, pool)
    if x.dim() == 1:
        return pool_rows(look_up(convolution, x[source]), pool) + convolution.bias
    columns = F.embedding(source, x).T[None]
    return F.max_pool1d(convolution(columns), *pool)[0].T


def pool_rows(x: torch.Tensor, pool: tuple[int, int]) -> torch.Tensor:
    """`max_pool1d` along the first dimension: (n, C) -> (m, C)."""
    size, stride = pool
    if size == stride:  # the usual case, and faster so
        return x[: len(x) // size * size].view(-1, size, x.shape[1]).amax(1)
    return x.unfold(0, size, stride).amax(2)


def look_up(convolution: nn.Conv1d, tokens: torch.Tensor) -> torch.Tensor:
    """The convolution of one-hot columns, without its bias: (n,) -> (n - kernel_size + 1, C).

    It is the sum of the weight's columns that the tokens name; token 0 names none.
    """
    out_channels, size, kernel_size = convolution.weight.shape
    columns = convolution.weight.permute(2, 1, 0).reshape(kernel_size * size, out_channels)
    windows = tokens.long().unfold(0, kernel_size, 1)
    rows = (windows - 1).clamp(min=0) + size * torch.arange(kernel_size)
    present = (windows > 0).to(columns.dtype)
    return F.embedding_bag(rows, columns, mode="sum", per_sample_weights=present)


def packed_mean_state(lstm: "MeanLSTM", tokens: torch.Tensor) -> torch.Tensor:
    """`lstm.mean_state(tokens)` without the steps past the captions' ends: (B, L) -> (B, H)."""
    lengths = text_lengths(tokens)
    texts = pack_padded_sequence(
        tokens, lengths.clamp(min=1), batch_first=True, enforce_sorted=False
    )
    inputs = lstm.from_token(texts.data[None])[0].T  # all first tokens, then all second ones, ...
    h = c = inputs.new_zeros(len(tokens), lstm.units)
    states = []
    for x in inputs.split(texts.batch_sizes.tolist()):
        h, c = lstm.step(x, h[: len(x)], c[: len(x)])  # the longest texts stand first
        states.append(h)
    states = PackedSequence(torch.cat(states), *texts[1:])
    padded, _ = pad_packed_sequence(states, batch_first=True)
    return padded.sum(1) * (lengths > 0)[:, None] / lengths.clamp(min=1)[:, None]

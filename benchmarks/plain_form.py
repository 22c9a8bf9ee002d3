"""The networks as one would write them without any care for speed."""

import copy

from torch import nn

from dse.text.layers import OneHot, TokenConv1d


def one_hot_form(encoder: nn.Module) -> nn.Module:
    """The same network from torch's own layers alone, on dense one-hot columns."""
    plain = copy.deepcopy(encoder)
    plain.packing = False
    if isinstance(plain.convolutions[0], TokenConv1d):
        look_up, size = plain.convolutions[0], plain.tokenizer.size
        convolution = nn.Conv1d(size, look_up.out_channels, look_up.kernel_size)
        rows = look_up.embedding.weight[1:].unflatten(1, (*look_up.kernel_size, -1))
        convolution.weight.data.copy_(rows.permute(2, 0, 1))
        convolution.bias.data.copy_(look_up.bias)
        plain.convolutions = nn.Sequential(OneHot(size), convolution, *plain.convolutions[1:])
    return plain

"""Convolutions over a caption's characters, and the char-CNN.

Two savings leave every number as it is. The first convolution reads one-hot columns, so it is a
sum of looked-up weight columns: no one-hot tensor is built. And past the end of the longest caption
of a batch every layer's output is one constant column: it is computed once and repeated.
"""

import torch
from torch import nn
from torch.nn import functional as F

from dse.text.tokens import CharacterTokenizer


def threshold(x: torch.Tensor) -> torch.Tensor:
    """The authors' rectifier, `nn.Threshold()`: what does not exceed 1e-6 becomes 0."""
    return F.threshold(x, 1e-6, 0.0)


class CharacterConvolutions(nn.Module):
    """Convolution, threshold, max-pooling, again and again: the trunk of both character networks.

    Args:
        channels: outputs of each convolution; all have kernel 4, stride 1 and no padding.
        pools: (kernel, stride) of the max-pooling after each convolution.

    Shape: tokens uint8 (B, 201) -> float32 (B, channels[-1], steps).

    Source: the authors' `HybridCNN.lua` and `DocumentCNNShort.lua`. Chapter: 4, char-CNN.

    Example:
        >>> trunk = CharacterConvolutions((384, 512, 256), ((3, 3), (3, 3), (3, 2)))
        >>> trunk.lengths
        [201, 66, 21, 8]
        >>> trunk(CharacterTokenizer()(["a small red bird"])).shape
        torch.Size([1, 256, 8])
    """

    kernel = 4

    def __init__(self, channels: tuple[int, ...], pools: tuple[tuple[int, int], ...]):
        super().__init__()
        self.tokenizer = CharacterTokenizer()
        self.pools = pools
        self.convolutions = nn.ModuleList(
            nn.Conv1d(n_in, n_out, self.kernel)
            for n_in, n_out in zip((self.tokenizer.size, *channels), channels, strict=False)
        )
        self.lengths = [self.tokenizer.length]
        for pool, stride in pools:
            self.lengths.append((self.lengths[-1] - self.kernel + 1 - pool) // stride + 1)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        longest = int(tokens.count_nonzero(1).max())
        x = tokens[:, : longest + 1]  # the last column is empty and stands for all that follow
        for i, (convolution, (pool, stride)) in enumerate(
            zip(self.convolutions, self.pools, strict=True)
        ):
            # Column p of the output is constant once its first input column, stride * p, is.
            last = min(-(-(x.shape[-1] - 1) // stride), self.lengths[i + 1] - 1)
            x = _extend(x, stride * last + pool + self.kernel - 1)
            x = _convolve_characters(x, convolution) if i == 0 else convolution(x)
            x = threshold(F.max_pool1d(x, pool, stride))  # the threshold is monotone: same maxima
        return _extend(x, self.lengths[-1])


def _extend(x: torch.Tensor, length: int) -> torch.Tensor:
    """Cut the last dimension to `length`, or repeat its last entry up to `length`."""
    missing = length - x.shape[-1]
    if missing <= 0:
        return x[..., :length]
    return torch.cat([x, x[..., -1:].expand(*x.shape[:-1], missing)], dim=-1)


def _convolve_characters(tokens: torch.Tensor, convolution: nn.Conv1d) -> torch.Tensor:
    """`convolution` of the one-hot columns of `tokens`, which are never built.

    Each output column is the sum of `kernel` columns of the weight, looked up by character and by
    place in the window; character 0 looks up zeros.
    """
    kernel, size = convolution.kernel_size[0], convolution.in_channels
    table = F.pad(convolution.weight.permute(2, 1, 0), (0, 0, 1, 0)).flatten(0, 1)
    windows = tokens.long().unfold(1, kernel, 1)
    rows = windows + (1 + size) * torch.arange(kernel, device=tokens.device)
    sums = F.embedding_bag(rows.flatten(0, 1), table, mode="sum") + convolution.bias
    return sums.view(*windows.shape[:2], -1).transpose(1, 2)


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
        self.trunk = CharacterConvolutions((256, 256, 256), ((3, 3), (3, 3), (3, 3)))
        self.tokenizer = self.trunk.tokenizer
        self.hidden = nn.Linear(256 * self.trunk.lengths[-1], 1024)
        self.linear = nn.Linear(1024, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.linear(self.hidden(self.trunk(tokens).flatten(1)))

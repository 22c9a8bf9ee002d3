"""The CNN-RNNs: convolutions find patterns, a recurrence reads them in order."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional as F

from dse.text.cnn import threshold
from dse.text.layers import OneHot, TokenConv1d
from dse.text.packing import convolve
from dse.text.tokens import CharacterTokenizer, WordTokenizer


class CharCNNRNN(nn.Module):
    """The char-CNN-RNN, the paper's main network. 1,814,144 parameters at D = 1,024.

    Args:
        embedding_dim: D, the dimension of the image features.
        units: of the last convolution and of the recurrence. The paper's network has 256; those
            of the authors' text-to-image work (ICML 2016) have 512.
        long: leave the last pooling out, so that the recurrence takes 18 steps in place of 8.
        gated: a `MeanGRU` in place of the `MeanReLURNN`.

    Attributes:
        packing: take the fast path on the CPU, see `dse.text.packing`; the numbers are the same.

    Shape: tokens uint8 (B, 201) -> embeddings float32 (B, D).

    Source: paper, section 4.1; layers from the authors' `HybridCNN.lua` and `HybridCNNLong.lua`.
    Chapter: 5, CNN-RNN.

    Example:
        >>> encoder = CharCNNRNN()
        >>> encoder(encoder.tokenizer(["a small red bird"])).shape
        torch.Size([1, 1024])
    """

    packing = True

    def __init__(
        self,
        embedding_dim: int = 1024,
        *,
        units: int = 256,
        long: bool = False,
        gated: bool = False,
    ):
        super().__init__()
        self.tokenizer = CharacterTokenizer()
        self.convolutions = nn.Sequential(
            OneHot(self.tokenizer.size),  # (B, 70, 201)
            nn.Conv1d(70, 384, kernel_size=4),
            threshold(),
            nn.MaxPool1d(3),  # (B, 384, 66)
            nn.Conv1d(384, 512, kernel_size=4),
            threshold(),
            nn.MaxPool1d(3),  # (B, 512, 21)
            nn.Conv1d(512, units, kernel_size=4),
            threshold(),  # (B, 256, 18)
            nn.Identity() if long else nn.MaxPool1d(3, stride=2),  # (B, 256, 8)
        )
        self.rnn = MeanGRU(units) if gated else MeanReLURNN(units)
        self.linear = nn.Linear(units, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = convolve(self.convolutions, tokens, self.packing)  # self.convolutions(tokens)
        h = self.rnn(x.transpose(1, 2))  # (B, 8, 256) -> (B, 256)
        return self.linear(h)


class WordCNNRNN(nn.Module):
    """The word-CNN-RNN: it pools once. 1536 V + 2,100,736 parameters at D = 1,024.

    Args:
        vocabulary: V words of the training captions.
        embedding_dim: D, the dimension of the image features.

    Attributes:
        packing: take the fast path on the CPU, see `dse.text.packing`; the numbers are the same.

    Shape: tokens int32 (B, 30) -> embeddings float32 (B, D).

    Source: paper, section 4.1; layers from the authors' `HybridCNNWord.lua`. Chapter: 5, CNN-RNN.

    Example:
        >>> encoder = WordCNNRNN(["a", "bird", "red"])
        >>> encoder(encoder.tokenizer(["a small red bird"])).shape
        torch.Size([1, 1024])
    """

    packing = True

    def __init__(self, vocabulary: Sequence[str], embedding_dim: int = 1024):
        super().__init__()
        self.tokenizer = WordTokenizer(vocabulary)
        self.convolutions = nn.Sequential(
            TokenConv1d(self.tokenizer.size, 512, kernel_size=3),  # nn.Conv1d on one-hot words
            threshold(),  # (B, 512, 28)
            nn.Conv1d(512, 512, kernel_size=2),
            threshold(),
            nn.MaxPool1d(3),  # (B, 512, 9)
            nn.Conv1d(512, 512, kernel_size=2),
            threshold(),  # (B, 512, 8)
        )
        self.rnn = MeanReLURNN(512)
        self.linear = nn.Linear(512, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = convolve(self.convolutions, tokens, self.packing)
        h = self.rnn(x.transpose(1, 2))  # (B, 8, 512) -> (B, 512)
        return self.linear(h)


class MeanReLURNN(nn.Module):
    """A recurrent network with ReLU units whose output is the mean of its hidden states.

    Step by step, and then mean(h_t)::

        h_1 = relu(W_x x_1 + b_x)
        h_t = relu(W_x x_t + b_x + W_h h_{t-1} + b_h)

    The first step has no recurrent bias b_h: `torch.nn.RNN` would add it, and differ.

    Args:
        size: dimension of the inputs and of the hidden states.

    Shape: float32 (B, steps, size) -> (B, size).

    Source: paper, section 4.1; the authors' `FixedRNN.lua`. Chapter: 5, CNN-RNN.

    Example:
        >>> rnn = MeanReLURNN(1)
        >>> for parameter in rnn.parameters():
        ...     _ = torch.nn.init.ones_(parameter)
        >>> rnn(torch.tensor([[[1.0], [0.0]]])).item()  # h_1 = 1 + 1, h_2 = 0 + 1 + 2 + 1
        3.0
    """

    def __init__(self, size: int):
        super().__init__()
        self.from_input = nn.Linear(size, size)
        self.from_hidden = nn.Linear(size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.hidden_states(x).mean(1)

    def hidden_states(self, x: torch.Tensor) -> torch.Tensor:
        """Every hidden state, (B, steps, size)."""
        first, *rest = self.from_input(x).unbind(1)
        states = [F.relu(first)]
        for projected in rest:
            states.append(F.relu(projected + self.from_hidden(states[-1])))
        return torch.stack(states, dim=1)


class MeanGRU(nn.Module):
    """The authors' gated recurrence; its output is the mean of its hidden states.

    With sigmoid gates z and r of `x_t` and `h_{t-1}`::

        h_1 = tanh(W x_1 + b)
        c_t = tanh(W x_t + b + U (r * h_{t-1}) + d)
        h_t = z * c_t + (1 - z) * h_{t-1}

    z weights the *new* state, and r is applied before U: `torch.nn.GRU` does both the other way.

    Args:
        size: dimension of the inputs and of the hidden states.

    Shape: float32 (B, steps, size) -> (B, size).

    Source: the authors' `FixedGRU.lua`. Chapter: 5, CNN-RNN.
    """

    def __init__(self, size: int):
        super().__init__()
        self.from_input = nn.Linear(size, size)
        self.from_hidden = nn.Linear(size, size)
        self.update_from_input = nn.Linear(size, size)
        self.update_from_hidden = nn.Linear(size, size)
        self.reset_from_input = nn.Linear(size, size)
        self.reset_from_hidden = nn.Linear(size, size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.hidden_states(x).mean(1)

    def hidden_states(self, x: torch.Tensor) -> torch.Tensor:
        """Every hidden state, (B, steps, size)."""
        projected = self.from_input(x).unbind(1)
        for_update = self.update_from_input(x).unbind(1)
        for_reset = self.reset_from_input(x).unbind(1)
        states = [torch.tanh(projected[0])]
        for t in range(1, len(projected)):
            h = states[-1]
            update = torch.sigmoid(for_update[t] + self.update_from_hidden(h))
            reset = torch.sigmoid(for_reset[t] + self.reset_from_hidden(h))
            candidate = torch.tanh(projected[t] + self.from_hidden(reset * h))
            states.append(update * candidate + (1 - update) * h)
        return torch.stack(states, dim=1)

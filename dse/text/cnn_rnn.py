"""The char-CNN-RNN: convolutions find letter patterns, a recurrence reads them in order."""

import torch
from torch import nn
from torch.nn import functional as F

from dse.text.cnn import CharacterConvolutions


class MeanReLURNN(nn.Module):
    """A recurrent network with ReLU units whose output is the mean of its hidden states.

    h_1 = relu(W_x x_1 + b_x);  h_t = relu(W_x x_t + b_x + W_h h_{t-1} + b_h);  output mean(h_t).

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


class CharCNNRNN(nn.Module):
    """The char-CNN-RNN: three convolutions over characters, eight recurrent steps, a linear layer.

    201 x 70 -> 66 x 384 -> 21 x 512 -> 8 x 256 -> mean of 8 hidden states of 256 -> D.
    1,814,144 parameters at D = 1,024.

    Args:
        embedding_dim: D, the dimension of the image features.

    Shape: tokens uint8 (B, 201) -> embeddings float32 (B, D).

    Source: paper, section 4.1; layers from the authors' `HybridCNN.lua`. Chapter: 5, CNN-RNN.

    Example:
        >>> sum(p.numel() for p in CharCNNRNN().parameters())
        1814144
    """

    def __init__(self, embedding_dim: int = 1024):
        super().__init__()
        self.trunk = CharacterConvolutions((384, 512, 256), ((3, 3), (3, 3), (3, 2)))
        self.tokenizer = self.trunk.tokenizer
        self.rnn = MeanReLURNN(256)
        self.linear = nn.Linear(256, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.linear(self.rnn(self.trunk(tokens).transpose(1, 2)))

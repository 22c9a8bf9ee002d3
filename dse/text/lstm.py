"""The LSTMs: a whole caption, one character or one word after the other."""

from collections.abc import Sequence

import torch
from torch import nn

from dse.text.layers import TokenConv1d, text_lengths
from dse.text.packing import packed_mean_state
from dse.text.tokens import CharacterTokenizer, WordTokenizer

UNITS = 256
"""Hidden units. The paper gives no number: chosen on CUB's validation classes by the word-LSTM."""


class MeanLSTM(nn.Module):
    """One layer of long short-term memory; its output is the mean of its hidden states.

    The mean runs over the tokens that a caption has. A token 0 within a caption, an unknown word,
    is a step with an input of zeros. A caption without a token has the mean 0.

    Args:
        tokenizer: says how many different tokens there are.
        embedding_dim: D, the dimension of the image features.
        units: H, hidden units.

    Attributes:
        packing: skip the steps past the captions' ends on the CPU; the numbers are the same.

    Shape: tokens int (B, L) -> embeddings float32 (B, D).

    Source: paper, section 4.2; the gates' order from the authors' `LSTM.lua`. Chapter: 5, CNN-RNN.
    """

    packing = True

    def __init__(
        self,
        tokenizer: CharacterTokenizer | WordTokenizer,
        embedding_dim: int = 1024,
        units: int = UNITS,
    ):
        super().__init__()
        self.tokenizer, self.units = tokenizer, units
        self.from_token = TokenConv1d(tokenizer.size, 4 * units, kernel_size=1)
        self.from_hidden = nn.Linear(units, 4 * units)
        self.linear = nn.Linear(units, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        if self.packing and tokens.device.type == "cpu":
            return self.linear(packed_mean_state(self, tokens))
        return self.linear(self.mean_state(tokens))

    def mean_state(self, tokens: torch.Tensor) -> torch.Tensor:
        """The mean hidden state of each caption: (B, L) -> (B, H)."""
        lengths = text_lengths(tokens)[:, None]
        inputs = self.from_token(tokens)  # (B, 4H, L)
        h = c = total = inputs.new_zeros(len(tokens), self.units)
        for t, x in enumerate(inputs.unbind(2)):
            h, c = self.step(x, h, c)
            total = total + h * (t < lengths)
        return total / lengths.clamp(min=1)

    def step(
        self, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The next hidden state and cell, from (B, 4H) of a token and (B, H) of each before."""
        f, i, o, g = (x + self.from_hidden(h)).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class CharLSTM(MeanLSTM):
    """A `MeanLSTM` over the characters of a caption, at most 201.

    Example:
        >>> encoder = CharLSTM(embedding_dim=4)
        >>> encoder(encoder.tokenizer(["a small red bird", ""])).shape
        torch.Size([2, 4])
    """

    def __init__(self, embedding_dim: int = 1024, units: int = UNITS):
        super().__init__(CharacterTokenizer(), embedding_dim, units)


class WordLSTM(MeanLSTM):
    """A `MeanLSTM` over the words of a caption, at most 30.

    Example:
        >>> encoder = WordLSTM(["a", "bird", "red"], embedding_dim=4)
        >>> encoder(encoder.tokenizer(["a red bird"])).shape
        torch.Size([1, 4])
    """

    def __init__(self, vocabulary: Sequence[str], embedding_dim: int = 1024, units: int = UNITS):
        super().__init__(WordTokenizer(vocabulary), embedding_dim, units)

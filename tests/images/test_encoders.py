"""Frozen encoders: the right transform, the right features, nothing that learns."""

import pytest
import torch
from PIL import Image
from torch import nn

from dse.images import encoders as module
from dse.images.encoders import IMAGE_ENCODERS, LIBRARIES, load_image_encoder, remove_classifier
from dse.images.folding import fold_batch_norms
from dse.utils.errors import InputError


def test_the_fieldguide_encoder_is_frozen_and_has_1024_features():
    encoder = load_image_encoder("fieldguide")
    pixels = encoder.pixels(Image.new("RGB", (128, 128), (90, 120, 60)))
    features = encoder.encode(pixels)
    assert features.shape == (1, 1024)
    assert (features >= 0).all() and features.max() > 0
    assert not encoder.network.training
    assert not any(p.requires_grad for p in encoder.network.parameters())
    assert torch.equal(features, encoder.encode(pixels))
    assert encoder.pixels(Image.new("RGB", (90, 70)), views=10).shape[0] == 10


def test_efficientnet_lite0_is_what_was_published():
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra [efficientnet] is missing")
    encoder = load_image_encoder("efficientnet-lite0")
    assert (encoder.dim, encoder.image_size) == (1280, 224)
    assert (set(encoder.mean), set(encoder.std)) == ({127.0}, {128.0})
    assert encoder.encode(encoder.pixels(Image.new("RGB", (50, 80)))).shape == (1, 1280)


@pytest.fixture
def random_weights(monkeypatch):
    """torchvision's networks as they are built, without a download."""
    models = pytest.importorskip("torchvision.models", reason="torchvision is missing")
    build = models.get_model

    def without_download(name, weights):
        assert weights is models.get_model_weights(name).DEFAULT
        torch.manual_seed(0)
        options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
        return build(name, weights=None, **options)

    monkeypatch.setattr(models, "get_model", without_download)


@pytest.mark.filterwarnings("ignore:The default weight initialization of GoogleNet")
@pytest.mark.parametrize(("name", "dim"), [("googlenet", 1024), ("torchvision/resnet18", 512)])
def test_torchvisions_networks_lose_their_classifier_and_keep_their_transform(
    random_weights, name, dim
):
    encoder = load_image_encoder(name)
    assert (encoder.dim, encoder.image_size) == (dim, 224)
    assert encoder.mean == pytest.approx([123.675, 116.28, 103.53])
    assert encoder.std == pytest.approx([58.395, 57.12, 57.375])
    assert encoder.resampling == Image.Resampling.BILINEAR
    assert encoder.encode(encoder.pixels(Image.new("RGB", (60, 40)))).shape == (1, dim)


def test_timms_networks_lose_their_classifier_and_keep_their_transform(monkeypatch):
    timm = pytest.importorskip("timm", reason="timm is missing")
    build = timm.create_model
    monkeypatch.setattr(
        timm, "create_model", lambda name, pretrained, **options: build(name, **options)
    )
    encoder = load_image_encoder("timm/resnet18.a1_in1k")
    assert (encoder.dim, encoder.image_size) == (512, 224)
    assert encoder.mean == pytest.approx([123.675, 116.28, 103.53])
    assert encoder.encode(encoder.pixels(Image.new("RGB", (60, 40)))).shape == (1, 512)


@pytest.mark.parametrize("name", ["torchvision/none", "torchvision/", "timm/none", "vgg", ""])
def test_an_unknown_encoder_is_refused(name):
    if name.startswith(("torchvision/n", "timm")):
        pytest.importorskip(name.split("/")[0], reason="the extra is missing")
    with pytest.raises(InputError, match=f"unknown image encoder '{name}'"):
        load_image_encoder(name)


def test_the_refusal_names_what_is_known():
    with pytest.raises(InputError) as error:
        load_image_encoder("vgg")
    assert all(name in str(error.value) for name in (*IMAGE_ENCODERS, *LIBRARIES))


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("efficientnet-lite0", "efficientnet_lite_pytorch", "efficientnet"),
        ("googlenet", "torchvision", "torchvision"),
        ("timm/resnet18", "timm", "timm"),
    ],
)
def test_a_missing_extra_says_what_to_install(monkeypatch, name, package, extra):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(InputError, match=rf'pip install "dse\[{extra}\] @ '):
        load_image_encoder(name)


def test_weights_that_cannot_be_downloaded_say_what_to_do():
    def no_internet():
        raise OSError("name or service not known")

    with pytest.raises(InputError, match=r"weights of googlenet cannot be had .*lite0"):
        module._downloaded("googlenet", no_internet)


def test_a_network_without_a_linear_layer_is_refused():
    with pytest.raises(InputError, match="toy does not end in a linear layer"):
        remove_classifier("toy", nn.Sequential(nn.Conv2d(3, 4, 1)))


class Branching(nn.Module):
    """Two convolutions and three norms: one foldable, one after a sum, one before a convolution."""

    def __init__(self):
        super().__init__()
        self.first_norm = nn.BatchNorm2d(3)
        self.convolution = nn.Conv2d(3, 5, 3, bias=False)
        self.norm = nn.BatchNorm2d(5)
        self.shortcut = nn.Conv2d(3, 5, 3)
        self.last_norm = nn.BatchNorm2d(5)

    def forward(self, x):
        x = self.first_norm(x)
        return self.last_norm(self.norm(self.convolution(x)) + self.shortcut(x)).mean((2, 3))


def test_folding_keeps_the_function_and_takes_only_what_follows_a_convolution():
    torch.manual_seed(0)
    network = Branching().eval().requires_grad_(False)
    for norm in (network.first_norm, network.norm, network.last_norm):
        for values in (norm.weight, norm.bias, norm.running_mean):
            values.normal_()
        norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 3, 8, 8)
    expected = network(x)
    torch.testing.assert_close(fold_batch_norms(network, 8)(x), expected, atol=1e-5, rtol=0)
    assert isinstance(network.norm, nn.Identity)
    assert isinstance(network.first_norm, nn.BatchNorm2d)
    assert isinstance(network.last_norm, nn.BatchNorm2d)

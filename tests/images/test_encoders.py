"""Frozen encoders: the right transform, the right features, nothing that learns."""

import copy
from dataclasses import replace

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models

from dse.images import encoders as module
from dse.images.efficientnet import EfficientNetLite0
from dse.images.encoders import IMAGE_ENCODERS, LIBRARIES, load_image_encoder, remove_classifier
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
    with pytest.raises(InputError, match="3"):
        encoder.pixels(Image.new("RGB", (90, 70)), views=3)


def test_features_can_be_changed_in_place_and_learned_from():
    encoder = load_image_encoder("fieldguide")
    features = encoder.encode(some_pixels())
    features /= features.norm()
    nn.Linear(1024, 1)(features).sum().backward()


def test_efficientnet_lite0_is_what_was_published():
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra [efficientnet] is missing")
    encoder = load_image_encoder("efficientnet-lite0")
    assert (encoder.dim, encoder.image_size) == (1280, 224)
    assert (set(encoder.mean), set(encoder.std)) == ({127.0}, {128.0})
    assert encoder.encode(encoder.pixels(Image.new("RGB", (50, 80)))).shape == (1, 1280)


def with_random_norms(network: nn.Module) -> nn.Module:
    """A new network's batch norms do almost nothing: let them scale and shift."""
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, 0, 0.3)
    return network.eval()


@pytest.fixture
def built(monkeypatch):
    """The networks of torchvision and timm with random weights; copies of what was built."""
    untouched = []

    def remember(network: nn.Module) -> nn.Module:
        untouched.append(copy.deepcopy(with_random_norms(network)))
        return network

    build = models.get_model

    def torchvision_model(name, weights):
        assert weights is models.get_model_weights(name).DEFAULT
        torch.manual_seed(0)
        options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
        return remember(build(name, weights=None, **options))

    monkeypatch.setattr(models, "get_model", torchvision_model)
    try:
        import timm
    except ImportError:
        return untouched
    create = timm.create_model

    def timm_model(name, pretrained, **options):
        torch.manual_seed(0)
        return remember(create(name, **options))

    monkeypatch.setattr(timm, "create_model", timm_model)
    return untouched


def relative_difference(features: torch.Tensor, expected: torch.Tensor) -> float:
    assert features.shape == expected.shape
    assert expected.norm() > 0
    return float((features - expected).norm() / expected.norm())


def some_pixels(size: int = 96) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (2, 3, size, size), dtype=torch.uint8, generator=generator)


@pytest.mark.filterwarnings("ignore:The default weight initialization of GoogleNet")
@pytest.mark.parametrize(
    ("name", "dim"),
    [
        ("googlenet", 1024),
        ("torchvision/resnet18", 512),
        ("torchvision/densenet121", 1024),
        ("torchvision/mobilenet_v3_small", 1024),
        ("torchvision/regnet_y_400mf", 440),
    ],
)
def test_torchvisions_features_are_what_goes_into_the_last_linear_layer(built, name, dim):
    encoder = load_image_encoder(name)
    assert (encoder.dim, encoder.image_size) == (dim, 224)
    assert encoder.mean == pytest.approx([123.675, 116.28, 103.53])
    assert encoder.std == pytest.approx([58.395, 57.12, 57.375])
    assert encoder.resampling == Image.Resampling.BILINEAR
    (untouched,) = built
    inputs = []
    *_, classifier = (m for m in untouched.modules() if isinstance(m, nn.Linear))
    classifier.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    pixels = some_pixels()  # these networks take any size
    with torch.no_grad():
        untouched(encoder.normalise(pixels))
    assert relative_difference(encoder.encode(pixels), inputs[0]) < 1e-5


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        ("resnet18.a1_in1k", 512),
        ("efficientnet_lite0", 1280),
        ("mobilenetv3_small_050", 1024),
        ("densenet121", 1024),
        ("regnety_002", 368),
        ("convnext_atto", 320),
    ],
)
def test_timms_features_are_those_of_the_untouched_network(built, name, dim):
    pytest.importorskip("timm", reason="timm is missing")
    encoder = load_image_encoder(f"timm/{name}")
    assert encoder.dim == dim
    if name.startswith("resnet18"):
        assert encoder.image_size == 224
        assert encoder.mean == pytest.approx([123.675, 116.28, 103.53])
    pixels = some_pixels()
    with torch.no_grad():
        expected = built[0](encoder.normalise(pixels))
    assert relative_difference(encoder.encode(pixels), expected) < 1e-5


def test_efficientnet_lite0_keeps_its_features_without_its_batch_norms():
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra [efficientnet] is missing")
    encoder = load_image_encoder("efficientnet-lite0")
    assert not any(isinstance(module, nn.BatchNorm2d) for module in encoder.network.modules())
    assert not any(p.requires_grad for p in encoder.network.parameters())
    pixels = some_pixels(224)
    with torch.no_grad():
        expected = EfficientNetLite0.pretrained()(encoder.normalise(pixels))
    assert relative_difference(encoder.encode(pixels), expected) < 1e-5


def test_an_encoder_normalises_as_its_weights_expect(mean_colour):
    encoder = replace(mean_colour, mean=(10.0, 20.0, 30.0), std=(1.0, 2.0, 4.0))
    pixels = some_pixels(8)
    before = pixels.clone()
    expected = (pixels.double() - torch.tensor([10, 20, 30]).view(3, 1, 1)) / torch.tensor(
        [1, 2, 4]
    ).view(3, 1, 1)
    torch.testing.assert_close(encoder.normalise(pixels).double(), expected, rtol=1e-6, atol=0)
    assert torch.equal(pixels, before)


def test_every_tensor_is_made_on_the_device_of_the_network():
    meta = torch.device("meta")  # a tensor left on the CPU raises an error
    encoder = load_image_encoder("fieldguide", meta)
    assert encoder.device == meta
    pixels = some_pixels(96).to("meta")
    assert encoder.network(encoder.normalise(pixels)).shape == (2, 1024)


def test_an_encoder_moves_as_a_module_does():
    encoder = load_image_encoder("fieldguide")
    assert encoder.device == torch.device("cpu")
    assert encoder.to("meta") is encoder
    assert encoder.device == torch.device("meta")


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="nowhere") as error:
        load_image_encoder("fieldguide", "nowhere")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("precision", ["16-mixed", "bf16-mixed"])
def test_mixed_precision_rounds_and_returns_float32(precision):
    exact = load_image_encoder("fieldguide")
    encoder = load_image_encoder("fieldguide", precision=precision)
    pixels = some_pixels(96)
    features, expected = encoder.encode(pixels), exact.encode(pixels)
    assert (features.dtype, features.device.type) == (torch.float32, "cpu")
    assert 1e-6 < relative_difference(features, expected) < 0.05
    assert encoder.describe() == {**exact.describe(), "precision": precision}
    assert "precision" not in exact.describe()  # caches of version 3 keep their keys


@pytest.mark.parametrize("precision", ["64-true", "16", ""])
def test_an_unknown_precision_is_refused(precision):
    with pytest.raises(InputError, match=f"precision '{precision}'") as error:
        load_image_encoder("fieldguide", precision=precision)
    assert "\n" not in str(error.value)


def test_an_encoder_is_described_in_one_short_line():
    encoder = load_image_encoder("fieldguide")
    assert len(repr(encoder)) < 300
    assert "fieldguide" in repr(encoder)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
def test_a_gpu_gives_the_features_of_the_cpu(built):
    for name in ("fieldguide", "torchvision/resnet18"):
        encoder = load_image_encoder(name)
        pixels = some_pixels(encoder.image_size)
        expected = encoder.encode(pixels)
        features = encoder.to("cuda").encode(pixels)
        assert (features.dtype, features.device.type) == (torch.float32, "cpu")
        assert relative_difference(features, expected) < 0.01  # TF32 has 11 significant bits


@pytest.mark.parametrize("name", ["torchvision/none", "torchvision/", "timm/none", "vgg", ""])
def test_an_unknown_encoder_is_refused(name):
    if name.startswith("timm"):
        pytest.importorskip("timm", reason="the extra is missing")
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
        ("timm/resnet18", "timm", "timm"),
    ],
)
def test_a_missing_extra_says_what_to_install(monkeypatch, name, package, extra):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(InputError, match=rf"\[{extra}\]"):
        load_image_encoder(name)


def test_weights_that_cannot_be_downloaded_say_what_to_do():
    def no_internet():
        raise OSError("name or service not known")

    with pytest.raises(InputError, match=r"weights of googlenet .*lite0"):
        module._downloaded("googlenet", no_internet)


def test_a_network_without_a_linear_layer_is_refused():
    with pytest.raises(InputError, match="toy does not end in a linear layer"):
        remove_classifier("toy", nn.Sequential(nn.Conv2d(3, 4, 1)))

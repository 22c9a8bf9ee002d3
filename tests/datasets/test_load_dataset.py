"""load_dataset: features of the encoder, precision and device that are asked for, and one line."""

import logging

import pytest
import torch

from dse.datasets import default_image_encoder, load_dataset
from dse.utils.errors import InputError


@pytest.mark.parametrize(("name", "encoder"), [("fieldguide", "fieldguide"), ("cub", "googlenet")])
def test_the_encoder_unless_told(name, encoder):
    assert default_image_encoder(name) == encoder


def load(root, **options):
    return load_dataset("cub", root, image_encoder="fieldguide", progress=False, **options)


def test_views_to_train_on_and_whole_images_to_evaluate_on(tiny_cub, own_cache):
    one, ten = load(tiny_cub), load(tiny_cub, views=10)
    assert (one.features.shape, ten.features.shape) == ((8, 1, 1024), (8, 10, 1024))
    assert one.test_features is None
    assert torch.equal(ten.test_features, one.features[:, 0])
    assert ten.image_encoder == "fieldguide"


def test_each_precision_has_features_of_its_own(tiny_cub, own_cache):
    exact, mixed = load(tiny_cub), load(tiny_cub, precision="bf16-mixed")
    assert mixed.features.dtype == torch.float32
    assert not torch.equal(exact.features, mixed.features)
    torch.testing.assert_close(exact.features, mixed.features, rtol=0.1, atol=0.1)
    assert torch.equal(exact.features, load(tiny_cub).features)


def test_an_unknown_precision_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(InputError, match="64-true"):
        load_dataset("cub", tmp_path / "absent", precision="64-true")


def test_other_numbers_of_views_are_refused_before_anything_is_read(tmp_path):
    with pytest.raises(InputError, match="views"):
        load_dataset("cub", tmp_path / "absent", views=5)


def test_a_device_is_named_only_where_features_are_extracted(tiny_cub, own_cache, caplog):
    caplog.set_level(logging.INFO, "dse")
    with pytest.raises(InputError, match="nowhere") as error:
        load(tiny_cub, device="nowhere")
    assert "\n" not in str(error.value)
    load(tiny_cub, device="cpu")
    assert "device: CPU" in caplog.text
    caplog.clear()
    load(tiny_cub, device="nowhere")
    assert not caplog.text


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA GPU here")
def test_a_gpu_extracts_what_a_cpu_does(tiny_cub, own_cache, monkeypatch, caplog):
    expected = load(tiny_cub, device="cpu").features
    monkeypatch.setenv("DSE_CACHE", str(own_cache / "of the GPU"))
    caplog.set_level(logging.INFO, "dse")
    features = load(tiny_cub).features
    assert torch.cuda.get_device_name() in caplog.text
    assert (features - expected).norm() < 0.01 * expected.norm()

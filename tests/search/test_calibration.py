"""Confidences against what was right: counted by hand, and recovered where they are known."""

import pytest
import torch

from dse.search.calibration import Calibration, calibration, fit_temperature, fitted_calibration
from dse.utils.errors import InputError


def drawn(temperature, images=4000, classes=5):
    """Scores whose softmax over `temperature` is the probability of the label."""
    generator = torch.Generator().manual_seed(0)
    scores = 3 * torch.randn(images, classes, generator=generator)
    chosen = torch.multinomial((scores / temperature).softmax(1), 1, generator=generator)
    return scores, chosen.flatten()


def test_the_error_by_hand():
    measured = Calibration(
        1.0, torch.tensor([0.75, 0.75, 0.75, 0.25, 1.0]), torch.tensor([1, 1, 0, 1, 1]).bool()
    )
    assert measured.bins == [
        {"images": 1, "confidence": 0.25, "accuracy": 1.0},
        {"images": 3, "confidence": 0.75, "accuracy": pytest.approx(2 / 3)},
        {"images": 1, "confidence": 1.0, "accuracy": 1.0},
    ]
    assert measured.error == pytest.approx((1 * 0.75 + 3 * (0.75 - 2 / 3) + 0) / 5)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_a_known_temperature_is_found_and_calibrates(temperature):
    scores, labels = drawn(temperature)
    assert fit_temperature(scores, labels) == pytest.approx(temperature, rel=0.1)
    fitted = fitted_calibration(scores, labels)
    assert fitted.temperature == pytest.approx(temperature, rel=0.1)
    assert fitted.error < 0.03
    if temperature != 1.0:
        assert calibration(scores, labels, 1.0).error > 2 * fitted.error


def test_a_temperature_is_measured_on_the_half_that_it_was_not_fitted_on():
    """One half all right, the other all wrong: fitted on itself, each would seem calibrated."""
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    first = order.tensor_split(2)[0]
    scores = torch.tensor([[4.0, 0.0]]).repeat(40, 1)
    labels = torch.ones(40, dtype=torch.int64)
    labels[first] = 0
    fitted = fitted_calibration(scores, labels)
    assert fitted.confidence[first] == pytest.approx(torch.full((20,), 0.5), abs=0.01)
    assert fitted.error > 0.4


def test_one_image_cannot_be_halved():
    with pytest.raises(InputError, match="two"):
        fitted_calibration(torch.zeros(1, 3), torch.tensor([0]))

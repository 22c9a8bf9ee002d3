"""How far scores can be read as probabilities: measured on images whose class is known.

The loss asks that the right class scores higher than the others by a margin. Nothing in it makes
a score a probability. A softmax of the scores over a temperature has the form of one; whether it is
one is a question of counting.
"""

from dataclasses import dataclass

import torch
from scipy.optimize import minimize_scalar
from torch.nn import functional as F

from dse.utils.errors import InputError

BINS = 10
"""Bins of equal width over the confidence, 0 to 1."""
LOG_TEMPERATURES = (-7.0, 7.0)
"""The range that a temperature is searched in, natural logarithms."""


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """How often a stated confidence was right, for n images.

    Attributes:
        temperature: what the scores were divided by before the softmax; the mean of two halves if
            it was fitted.
        confidence: float32 (n,), the softmax probability of the predicted class.
        hits: bool (n,), whether that class was right.
    """

    temperature: float
    confidence: torch.Tensor
    hits: torch.Tensor

    @property
    def bins(self) -> list[dict]:
        """`images`, mean `confidence` and `accuracy`, 0 to 1, of each bin that holds an image."""
        number = (self.confidence * BINS).long().clamp(max=BINS - 1)
        rows = []
        for b in number.unique().tolist():
            own = number == b
            rows.append(
                {
                    "images": int(own.sum()),
                    "confidence": float(self.confidence[own].double().mean()),
                    "accuracy": float(self.hits[own].double().mean()),
                }
            )
        return rows

    @property
    def error(self) -> float:
        """How far confidence is from accuracy on average, 0 to 1 (expected calibration error).

        Source: Naeini et al. 2015; Guo et al. 2017. The fewer images, the larger it is by chance.
        """
        gaps = (row["images"] * abs(row["confidence"] - row["accuracy"]) for row in self.bins)
        return sum(gaps) / len(self.hits)


def calibration(scores: torch.Tensor, labels: torch.Tensor, temperature: float) -> Calibration:
    """The confidences that a temperature gives, against what was right.

    Args:
        scores: float32 (n, C).
        labels: int64 (n,), 0 to C - 1.
        temperature: above 0.

    Example:
        >>> scores = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
        >>> calibration(scores, torch.tensor([0, 1]), temperature=1.0).error  # half were right
        0.0
    """
    confidence, predicted = (scores / temperature).softmax(1).max(1)
    return Calibration(temperature, confidence, predicted == labels)


def fitted_calibration(scores: torch.Tensor, labels: torch.Tensor) -> Calibration:
    """The best that one temperature can do on images that it was not fitted on.

    The images are divided in two halves at random, with seed 0. The temperature of one half is
    fitted on the other.

    Args:
        scores: float32 (n, C), n at least 2.
        labels: int64 (n,), 0 to C - 1.

    Raises:
        InputError: fewer than two images.
    """
    if len(labels) < 2:
        raise InputError("a calibration needs two or more images whose class is known")
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    halves = order.tensor_split(2)
    temperatures, confidence = [], torch.empty(len(labels))
    for own, other in (halves, halves[::-1]):
        temperatures.append(fit_temperature(scores[other], labels[other]))
        confidence[own] = calibration(scores[own], labels[own], temperatures[-1]).confidence
    return Calibration(sum(temperatures) / 2, confidence, scores.argmax(1) == labels)


def fit_temperature(scores: torch.Tensor, labels: torch.Tensor) -> float:
    """The temperature under which the right classes have the highest likelihood.

    Args:
        scores: float32 (n, C).
        labels: int64 (n,), 0 to C - 1.

    Returns:
        Between 0.0009 and 1,097; one of the two ends if all images, or none, are right.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks".
    """

    def loss(log_temperature: float) -> float:
        return F.cross_entropy(scores.double() / torch.tensor(log_temperature).exp(), labels).item()

    found = minimize_scalar(loss, bounds=LOG_TEMPERATURES, method="bounded")
    return float(torch.tensor(found.x).exp())

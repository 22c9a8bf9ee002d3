"""The structured joint embedding loss, symmetric (DS-SJE) and asymmetric (DA-SJE), and its kin."""

import torch
from torch.nn import functional as F

from dse.utils.errors import InputError

OBJECTIVES = ("ds", "da")
LOSSES = ("sum", "max", "weighted", "contrastive")
MARGIN = 1.0
"""What a wrong class costs: the 0-1 loss of equations 6 and 7."""


def joint_embedding_loss(
    image_embeddings: torch.Tensor,
    text_embeddings: torch.Tensor,
    *,
    objective: str = "ds",
    loss: str = "sum",
    temperature: float = 1.0,
) -> torch.Tensor:
    """How far a batch is from scoring every matching pair above every other, by a margin.

    With scores `S_ij = <image i, text j>`, a batch of B pairs of distinct classes and the hinges
    `h_ij = max(0, 1 + S_ij - S_ii)`, j ≠ i, an image i costs

    - `sum`: `(1 / B) Σ_j h_ij`. The authors' form, with the diagonal left out but counted in B.
    - `max`: `max_j h_ij`, the worst class of the batch alone. Equation 6, with one sample in place
      of each expectation.
    - `weighted`: `(1 + 1/2 + ... + 1/r) / r Σ_j h_ij`, where r hinges are above 0. Between the two:
      the fewer classes stand above the right one, the more each counts.
    - `contrastive`: `log Σ_j exp(S_ij / temperature) - S_ii / temperature`, where j = i takes part.
      The cross-entropy of naming the right text, as CLIP has it, on the same inner products.

    The loss is the mean over images (`da`: each image ranks the texts), plus, in the symmetric form
    (`ds`: each text ranks the images, too), the same with the roles swapped.

    Args:
        image_embeddings: float (B, D); row i belongs to row i of the texts.
        text_embeddings: float (B, D); all rows are of distinct classes.
        objective: `ds` or `da`.
        loss: one of `LOSSES`.
        temperature: above 0; what `contrastive` divides scores by.

    Returns:
        A scalar, 0 or more.

    Raises:
        InputError: unknown objective or loss, a temperature that is not above 0, or shapes that
            differ.

    Source: paper, equations 5-7; the authors' `JointEmbeddingLoss.lua`; Usunier et al. 2009 and
    Akata et al. 2013 for the weights; Radford et al. 2021 for the contrastive loss. Chapter: 3.

    Example:
        >>> images = torch.tensor([[2.0, 0.0], [0.0, 0.5]])
        >>> texts = torch.eye(2)  # scores: [[2, 0], [0, 0.5]]; only the margin of row 2 is missed
        >>> joint_embedding_loss(images, texts, objective="da").item()
        0.125
        >>> joint_embedding_loss(images, texts, objective="ds").item()
        0.25
        >>> joint_embedding_loss(images, texts, objective="da", loss="max").item()
        0.25
    """
    if objective not in OBJECTIVES:
        raise InputError(f"unknown objective {objective!r}: choose one of {', '.join(OBJECTIVES)}")
    if loss not in LOSSES:
        raise InputError(f"unknown loss {loss!r}: choose one of {', '.join(LOSSES)}")
    if not temperature > 0:
        raise InputError(f"temperature is {temperature}: it must be above 0")
    if image_embeddings.ndim != 2 or image_embeddings.shape != text_embeddings.shape:
        raise InputError(
            f"image embeddings {tuple(image_embeddings.shape)} and text embeddings "
            f"{tuple(text_embeddings.shape)} must have one shape (B, D)"
        )
    scores = image_embeddings @ text_embeddings.T
    directions = [scores, scores.T] if objective == "ds" else [scores]
    return sum(_mean_cost(direction, loss, temperature) for direction in directions)


def _mean_cost(scores: torch.Tensor, loss: str, temperature: float) -> torch.Tensor:
    """The mean over rows i of what row i costs whose right column is i."""
    if loss == "contrastive":
        return F.cross_entropy(
            scores / temperature, torch.arange(len(scores), device=scores.device)
        )
    hinges = F.relu(MARGIN + scores - scores.diagonal().unsqueeze(1))
    if loss == "sum":
        return (hinges.sum() - hinges.diagonal().sum()) / len(scores) ** 2
    hinges = hinges - hinges.diagonal().diag()
    if loss == "max":
        return hinges.amax(1).mean()
    ranks = (hinges.detach() > 0).sum(1)
    numbers = torch.arange(1, len(scores) + 1, device=scores.device, dtype=scores.dtype)
    harmonic = numbers.reciprocal().cumsum(0)
    weights = harmonic[ranks.clamp(min=1) - 1] / ranks.clamp(min=1)
    return (weights * hinges.sum(1)).mean()

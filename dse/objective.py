"""The structured joint embedding loss, symmetric (DS-SJE) and asymmetric (DA-SJE)."""

import torch
from torch.nn import functional as F

from dse.errors import InputError

OBJECTIVES = ("ds", "da")
MARGIN = 1.0
"""What a wrong class costs: the 0-1 loss of equations 6 and 7."""


def joint_embedding_loss(
    image_embeddings: torch.Tensor, text_embeddings: torch.Tensor, *, objective: str = "ds"
) -> torch.Tensor:
    """How far a batch is from scoring every matching pair above every other, by a margin.

    With scores S_ij = <image i, text j> and a batch of B pairs of distinct classes:

    - `da`: (1 / B²) Σ_i Σ_{j≠i} max(0, 1 + S_ij - S_ii). Each image ranks the texts.
    - `ds`: the same, plus the sum with the roles swapped. Each text ranks the images, too.

    This is the authors' form: hinges summed over the other classes (equations 6 and 7 take their
    maximum), one sample in place of each expectation, the diagonal left out of the sum but counted
    in B².

    Args:
        image_embeddings: float (B, D); row i belongs to row i of the texts.
        text_embeddings: float (B, D); all rows are of distinct classes.
        objective: `ds` or `da`.

    Returns:
        A scalar, 0 or more.

    Raises:
        InputError: unknown objective, or shapes that differ.

    Source: paper, equations 5-7; the authors' `JointEmbeddingLoss.lua`. Chapter: 3.

    Example:
        >>> images = torch.tensor([[2.0, 0.0], [0.0, 0.5]])
        >>> texts = torch.eye(2)  # scores: [[2, 0], [0, 0.5]]; only the margin of row 2 is missed
        >>> joint_embedding_loss(images, texts, objective="da").item()
        0.125
        >>> joint_embedding_loss(images, texts, objective="ds").item()
        0.25
    """
    if objective not in OBJECTIVES:
        raise InputError(f"unknown objective {objective!r}: choose one of {', '.join(OBJECTIVES)}")
    if image_embeddings.ndim != 2 or image_embeddings.shape != text_embeddings.shape:
        raise InputError(
            f"image embeddings {tuple(image_embeddings.shape)} and text embeddings "
            f"{tuple(text_embeddings.shape)} must have one shape (B, D)"
        )
    scores = image_embeddings @ text_embeddings.T
    loss = _hinges(scores)
    if objective == "ds":
        loss = loss + _hinges(scores.T)
    return loss / len(scores) ** 2


def _hinges(scores: torch.Tensor) -> torch.Tensor:
    """The sum over rows i and columns j ≠ i of max(0, 1 + S_ij - S_ii)."""
    matching = scores.diagonal().unsqueeze(1)
    hinges = F.relu(MARGIN + scores - matching)
    return hinges.sum() - hinges.diagonal().sum()

"""What happened at each step of a training run."""

import math

import pandas as pd
import torch

from dse.run_files import HISTORY_COLUMNS
from dse.utils.errors import InputError

BLOCK = 50
"""Steps after which figures are copied from the device, shown and checked."""
LARGEST_START = 1e6
"""Above this the first loss says that features or attributes are no features or attributes."""
EXPLODED = 3.0
"""Times the first loss at which training is given up, a factor of the authors' code."""
SETTLING = 500
"""Steps in which the loss may leap and come back."""


class History:
    """Loss, accuracy in the batch and learning rate of each step.

    Figures stay on the device until `flush`, so that a GPU is not asked after every step.

    Args:
        rows: float32 (n, 3), of the steps taken before.
    """

    def __init__(self, rows: torch.Tensor | None = None):
        self.blocks = [torch.empty(0, len(HISTORY_COLUMNS)) if rows is None else rows]
        self.pending: list[tuple[torch.Tensor, torch.Tensor, float]] = []

    def add(self, loss: torch.Tensor, accuracy: torch.Tensor, learning_rate: float) -> None:
        """Note the figures of one step, still on their device."""
        self.pending.append((loss.detach(), accuracy.detach(), learning_rate))

    def flush(self) -> torch.Tensor:
        """Copy what is pending to the CPU, and return these rows, float32 (n, 3).

        Raises:
            InputError: the loss has exploded, or was no sensible number from the start.
        """
        losses, accuracies, rates = zip(*self.pending, strict=True)
        figures = torch.stack([torch.stack(losses), torch.stack(accuracies)]).float().cpu()
        block = torch.cat([figures, torch.tensor([rates])]).T
        self.blocks.append(block)
        self.pending.clear()
        refuse_explosion(self.rows()[:, 0])
        return block

    def rows(self) -> torch.Tensor:
        """All rows that have been flushed, float32 (n, 3)."""
        self.blocks = [torch.cat(self.blocks)]
        return self.blocks[0]

    def frame(self) -> pd.DataFrame:
        """The same as a data frame."""
        return pd.DataFrame(self.rows().numpy().copy(), columns=HISTORY_COLUMNS)


def refuse_explosion(losses: torch.Tensor) -> None:
    """Raise an `InputError` if the mean of the last losses is far too large, or not a number.

    The first steps of RMSprop are large: the loss may leap to many times its first value, and come
    back. Only a loss that stays there has exploded.
    """
    first, recent = losses[0].item(), losses[-BLOCK:].mean().item()
    if not first <= LARGEST_START:
        raise InputError(
            f"the loss is {first:.3g} at the first step: the features or the class attributes hold "
            "numbers that are far too large, or none; verify the data with dse data"
        )
    if len(losses) <= SETTLING and math.isfinite(recent):
        return
    if not recent <= EXPLODED * first:
        raise InputError(
            f"the loss explodes: {first:.3f} at first, and a mean of {recent:.3f} over the steps "
            f"up to {len(losses)}; lower the learning rate"
        )

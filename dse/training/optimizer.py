"""RMSprop, as the paper's authors use it, for gradients of which most rows are zero."""

from collections.abc import Iterable

import torch
from torch import nn


class RMSprop(torch.optim.Optimizer):
    """RMSprop without momentum: the arithmetic of `torch.optim.RMSprop`, bit for bit.

    `v <- smoothing * v + (1 - smoothing) * g * g`, then `p <- p - lr * g / (sqrt(v) + eps)`.

    A word that is not in the minibatch has a gradient of zero: of its row, v only shrinks and p
    stays. So where a gradient is sparse, only its rows are computed in full.

    Args:
        parameters: to learn.
        lr: learning rate.
        smoothing: of the mean of squared gradients.
        eps: added to its root.

    Source: Tieleman and Hinton 2012; the authors' `optim.rmsprop`. Chapter: 3.

    Example:
        >>> p = nn.Parameter(torch.tensor([1.0]))
        >>> p.grad = torch.tensor([2.0])
        >>> RMSprop([p], lr=0.1).step()
        >>> round(p.item(), 3)  # v is 0.04, so the step is 0.1 * 2 / 0.2
        0.0
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        smoothing: float = 0.99,
        eps: float = 1e-8,
    ):
        super().__init__(parameters, {"lr": lr, "smoothing": smoothing, "eps": eps})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            lr, smoothing, eps = group["lr"], group["smoothing"], group["eps"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["mean_square"] = torch.zeros_like(p)
                mean_square = state["mean_square"].mul_(smoothing)
                if p.grad.is_sparse:
                    gradient = p.grad.coalesce()
                    rows, g = gradient.indices()[0], gradient.values()
                    v = mean_square[rows].addcmul_(g, g, value=1 - smoothing)
                    mean_square[rows] = v
                    p[rows] = p[rows].addcdiv_(g, v.sqrt_().add_(eps), value=-lr)
                else:
                    mean_square.addcmul_(p.grad, p.grad, value=1 - smoothing)
                    p.addcdiv_(p.grad, mean_square.sqrt().add_(eps), value=-lr)

    def move_state(self) -> None:
        """Move what has been learned of each parameter to where the parameter is."""
        for p, state in self.state.items():
            state["mean_square"] = state["mean_square"].to(p.device)

"""RMSprop: torch's own, bit for bit, with dense gradients and with sparse ones."""

import pytest
import torch
from torch import nn

from dse.training.optimizer import RMSprop


def gradients(steps=5):
    """Gradients of a matrix, most rows of which are zero."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        dense = torch.zeros(50, 3)
        rows = torch.randperm(50, generator=generator)[:7]
        dense[rows] = torch.randn(7, 3, generator=generator)
        yield dense


def after(make_optimizer, make_gradient):
    parameter = nn.Parameter(torch.linspace(-1, 1, 150).view(50, 3))
    optimizer = make_optimizer([parameter])
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    for dense in gradients():
        parameter.grad = make_gradient(dense)
        optimizer.step()
        schedule.step()
    return parameter.detach()


def theirs(parameters):
    return torch.optim.RMSprop(parameters, lr=0.01, alpha=0.99, eps=1e-8)


def ours(parameters):
    return RMSprop(parameters, lr=0.01)


def test_dense_gradients_give_torchs_bits():
    assert torch.equal(after(ours, lambda g: g), after(theirs, lambda g: g))


def sparse(dense, times):
    """A gradient that names each row so many times, as equal words of a minibatch do."""
    rows = dense.abs().sum(1).nonzero()[:, 0].repeat(times)
    values = dense[rows] / times
    return torch.sparse_coo_tensor(rows[None], values, dense.shape, check_invariants=True)


@pytest.mark.parametrize("times", [1, 2, 4])
def test_sparse_gradients_give_the_same_bits(times):
    assert torch.equal(after(ours, lambda g: sparse(g, times)), after(theirs, lambda g: g))


def test_a_parameter_without_a_gradient_stays():
    parameter = nn.Parameter(torch.ones(2))
    RMSprop([parameter], lr=1.0).step()
    assert torch.equal(parameter.detach(), torch.ones(2))

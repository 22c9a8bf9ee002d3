"""Batch normalisation folded into the convolution before it: the same network, one step less."""

import torch
from torch import nn


def fold_batch_norms(network: nn.Module, image_size: int) -> nn.Module:
    """Fold every batch norm that directly follows a convolution, in place.

    In evaluation mode a batch norm is a scale and a shift for each channel. The convolution can do
    both with its own weights and bias, so a pass over every feature map is saved.

    Args:
        network: in evaluation mode; float32 (B, 3, S, S) -> (B, D).
        image_size: S.

    Example:
        >>> network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()
        >>> fold_batch_norms(network, 8)[1]
        Identity()
    """
    for convolution, name in _followers(network, image_size):
        norm = network.get_submodule(name)
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        bias = torch.zeros_like(scale) if convolution.bias is None else convolution.bias
        convolution.weight = nn.Parameter(convolution.weight * scale.view(-1, 1, 1, 1), False)
        convolution.bias = nn.Parameter((bias - norm.running_mean) * scale + norm.bias, False)
        network.set_submodule(name, nn.Identity())
    return network


@torch.no_grad()
def _followers(network: nn.Module, image_size: int) -> list[tuple[nn.Conv2d, str]]:
    """(convolution, name of the batch norm that reads its output), found by running the network."""
    made_by: dict[int, nn.Conv2d] = {}
    outputs, pairs, handles = [], [], []

    def after_convolution(module: nn.Conv2d, _, output: torch.Tensor) -> None:
        outputs.append(output)  # kept alive, so that no other tensor gets its identity
        made_by[id(output)] = module

    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            handles.append(module.register_forward_hook(after_convolution))
        elif isinstance(module, nn.BatchNorm2d):

            def before_norm(_, inputs: tuple[torch.Tensor], name: str = name) -> None:
                if id(inputs[0]) in made_by:
                    pairs.append((made_by[id(inputs[0])], name))

            handles.append(module.register_forward_pre_hook(before_norm))
    network(torch.zeros(1, 3, image_size, image_size))
    for handle in handles:
        handle.remove()
    return pairs

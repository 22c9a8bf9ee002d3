"""One device or many: how processes start, and how they share a minibatch."""

import os

import torch
from lightning_fabric import Fabric

from dse.utils.errors import InputError, first_line


def start_devices(devices: int, nodes: int, precision: str, batch_size: int) -> Fabric:
    """Find the GPU, or the CPU where there is none; start the other processes if there are to be.

    Args:
        devices: GPUs of a machine, or processes where it has none.
        nodes: machines with so many devices each.
        precision: a name that Lightning Fabric knows.
        batch_size: what the devices will share.

    Raises:
        InputError: a batch that cannot be shared out evenly, another number of processes than
            `torchrun` has started, or what Fabric cannot do here.

    Chapter: 5, CNN-RNN.
    """
    if min(devices, nodes) < 1 or batch_size % (devices * nodes):
        raise InputError(
            f"a batch of {batch_size} cannot be shared out evenly over {devices} devices of "
            f"{nodes} nodes: choose a batch size that is a multiple of them"
        )
    several = devices * nodes > 1
    started = os.environ["WORLD_SIZE"] if "TORCHELASTIC_RUN_ID" in os.environ else None
    if started not in (None, str(devices * nodes)) or (nodes > 1 and started is None):
        raise InputError(
            f"{devices} devices of {nodes} nodes, but torchrun has started {started or 'no'} "
            "processes: start one for each device of each node"
        )
    try:
        fabric = Fabric(
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            strategy="ddp" if several else "auto",
            devices=devices,
            num_nodes=nodes,
            precision=precision,
        )
        if several:
            fabric.launch()
    except Exception as error:
        raise InputError(
            f"{devices} devices of {nodes} nodes with precision {precision!r} cannot be had here "
            f"({first_line(error)})"
        ) from error
    return fabric


def is_first_process() -> bool:
    """Whether this process speaks for all that train together."""
    distributed = torch.distributed
    return not (distributed.is_available() and distributed.is_initialized()) or (
        distributed.get_rank() == 0
    )


def gather(fabric: Fabric, own: torch.Tensor) -> torch.Tensor:
    """The rows of all processes, in their order, with a gradient through our own.

    The loss of all pairs is then computed by every process. The gradients of the processes sum to
    the gradient of one process that has all rows.

    Args:
        fabric: of the processes.
        own: (b, D), as many rows in every process.

    Returns:
        (world size x b, D).
    """
    if fabric.world_size == 1:
        return own
    shares = [torch.empty_like(own) for _ in range(fabric.world_size)]
    torch.distributed.all_gather(shares, own.detach().contiguous())
    shares[fabric.global_rank] = own
    return torch.cat(shares)

"""One device or many: how processes start, and how they share a minibatch."""

import logging
import os
from dataclasses import replace
from datetime import timedelta

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy

from dse.config import TrainingConfig
from dse.utils.devices import pick_device
from dse.utils.errors import InputError, first_line

logger = logging.getLogger(__name__)

TIMEOUT = timedelta(days=1)
"""How long processes wait for each other. One of them may extract features for hours."""


def start_devices(
    devices: int = 1,
    nodes: int = 1,
    precision: str = "32-true",
    device: torch.device | str | None = None,
) -> Fabric:
    """Pick the device, and start the other processes if there are to be several.

    Call it before data are read. Then let one process prepare them and the others wait:
    `with fabric.rank_zero_first(): data = load_dataset(...)`.

    Args:
        devices: GPUs of a machine, or processes where it has none.
        nodes: machines with so many devices each.
        precision: as of a `TrainingConfig`; a CPU computes in `bf16-mixed` for `16-mixed`.
        device: `cpu`, `cuda`, `cuda:1`, `mps`; None: the best one here.

    Raises:
        InputError: another number of processes than `torchrun` has started, or what Fabric cannot
            do here.

    Chapter: 5, CNN-RNN.

    Example:
        >>> start_devices(device="cpu").world_size
        1
    """
    if min(devices, nodes) < 1:
        raise InputError(f"{devices} devices of {nodes} nodes: there must be 1 or more of each")
    several = devices * nodes > 1
    started = os.environ["WORLD_SIZE"] if "TORCHELASTIC_RUN_ID" in os.environ else None
    if started not in (None, str(devices * nodes)) or (nodes > 1 and started is None):
        raise InputError(
            f"{devices} devices of {nodes} nodes, but torchrun has started {started or 'no'} "
            "processes: start one for each device of each node"
        )
    device = pick_device(device)
    cores = max(2, os.cpu_count() or 2)
    if device.type == "cpu" and devices > cores:
        raise InputError(f"{devices} processes on {cores} cores: choose {cores} devices, or fewer")
    if (device.type, precision) == ("cpu", "16-mixed"):
        precision = "bf16-mixed"  # as Fabric would, with a warning
    try:
        fabric = Fabric(
            accelerator=device.type,
            strategy=DDPStrategy(timeout=TIMEOUT) if several else "auto",
            devices=devices if several or device.index is None else [device.index],
            num_nodes=nodes,
            precision=_precision_of_fabric(precision),
        )
        if several:
            fabric.launch()
    except Exception as error:
        raise InputError(
            f"{devices} devices ({device.type}) of {nodes} nodes with precision {precision!r} "
            f"cannot be used here ({first_line(error)}): choose fewer devices, another device or "
            "another precision"
        ) from error
    return fabric


def with_true_precision(config: TrainingConfig, fabric: Fabric) -> TrainingConfig:
    """The configuration with the precision that its devices compute in, which the run will name.

    Raises:
        InputError: they were started for another one.
    """
    computed = fabric.strategy.precision.precision
    if (config.precision, computed) == ("16-mixed", "bf16-mixed") and fabric.device.type == "cpu":
        logger.info("precision: bf16-mixed in place of 16-mixed, which a CPU does not have")
        return replace(config, precision=computed)
    if computed != _precision_of_fabric(config.precision):
        raise InputError(
            f"the configuration asks for precision {config.precision!r}, and its devices were "
            f"started with {computed!r}: give start_devices the precision of the configuration"
        )
    return config


def _precision_of_fabric(precision: str) -> str:
    """`train` makes the weights float64 itself: Fabric would round what an encoder returns."""
    return "32-true" if precision == "64-true" else precision


def refuse_uneven_shares(batch_size: int, processes: int) -> None:
    """Raise an `InputError` if a batch cannot be shared out evenly."""
    if batch_size % processes:
        raise InputError(
            f"a batch of {batch_size} cannot be shared out evenly over {processes} devices: choose "
            "a batch size that is a multiple of them"
        )


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

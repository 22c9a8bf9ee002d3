"""The device to compute on: one place picks it, every command honours it."""

import logging

import torch

from dse.utils.errors import InputError, first_line

logger = logging.getLogger(__name__)

TYPES = ("cpu", "cuda", "mps")
"""What a name may ask for; torch knows others, which `dse` was never run on."""


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """The device that is asked for, or the best one here, and a log line that says which.

    Args:
        name: `cpu`, `cuda`, `cuda:1`, `mps`; None: a CUDA GPU if there is one, else an Apple GPU,
            else the CPU. A `torch.device` may be of any type.

    Raises:
        InputError: no such device here.

    Example:
        >>> pick_device("cpu")
        device(type='cpu')
    """
    picked = isinstance(name, torch.device)
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "cpu"
        if name == "cpu" and torch.backends.mps.is_available():
            name = "mps"
    if not picked and name.partition(":")[0] not in TYPES:
        raise InputError(f"unknown device {name!r}: choose {', '.join(TYPES)}, or leave it out")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch has no one kind for this
        raise InputError(
            f"device {str(name)!r} cannot be used here ({first_line(error)}): "
            "choose cpu, or leave --device out"
        ) from None
    if not picked:
        logger.info("device: %s", describe_device(device))
    return device


def describe_device(device: torch.device) -> str:
    """The device's name as a person knows it.

    Example:
        >>> describe_device(torch.device("mps"))
        'Apple GPU'
    """
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return {"mps": "Apple GPU", "cpu": f"CPU, {torch.get_num_threads()} threads"}.get(
        device.type, str(device)
    )

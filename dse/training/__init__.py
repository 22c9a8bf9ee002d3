"""Training: the loop, its optimizer, its checkpoints, the devices it runs on, what it shows."""

from dse.training.devices import start_devices
from dse.training.loop import train

__all__ = ["start_devices", "train"]

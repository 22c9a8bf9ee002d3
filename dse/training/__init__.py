"""Training: the loop, its optimizer, its checkpoints, the devices it runs on, what it shows."""

from dse.training.loop import train

__all__ = ["train"]

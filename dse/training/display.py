"""What a person sees of a training run: a bar, and TensorBoard's logs."""

from pathlib import Path

import torch

from dse.config import TrainingConfig
from dse.run_files import HISTORY_COLUMNS
from dse.utils.errors import missing_extra
from dse.utils.progress import progress_bar


class TrainingDisplay:
    """Shows loss, accuracy and steps a second while training; a context manager.

    Args:
        config: of the run.
        step: steps taken before.
        progress: show a bar.
        tensorboard: a folder for TensorBoard's logs, or None.

    Raises:
        InputError: logs are wanted, and TensorBoard is not installed.
    """

    def __init__(
        self, config: TrainingConfig, step: int, progress: bool, tensorboard: Path | str | None
    ):
        self.logs = None if tensorboard is None else _summary_writer(tensorboard, step)
        self.bar = progress_bar(
            desc=config.text_encoder,
            total=config.steps,
            initial=step,
            unit="step",
            progress=progress,
        )
        self.shown = {}

    def __enter__(self) -> "TrainingDisplay":
        return self

    def __exit__(self, *_) -> None:
        self.bar.close()
        if self.logs is not None:
            self.logs.close()

    def block(self, step: int, rows: torch.Tensor) -> None:
        """Show the rows of the history that end with `step`, float32 (n, 3)."""
        loss, accuracy, _ = rows.mean(0).tolist()
        self._show(loss=f"{loss:.3f}", accuracy=f"{accuracy:.2f}")
        self.bar.update(len(rows))
        if self.logs is not None:
            for k, row in enumerate(rows.tolist(), start=step - len(rows) + 1):
                for name, value in zip(HISTORY_COLUMNS, row, strict=True):
                    self.logs.add_scalar(name, value, k)

    def validation(self, row: dict) -> None:
        """Show a row of `Run.validation`: `step`, `top1` and `ap50`."""
        self._show(val=f"{100 * row['top1']:.1f}%")
        if self.logs is not None:
            self.logs.add_scalar("val/top1", row["top1"], row["step"])
            self.logs.add_scalar("val/ap50", row["ap50"], row["step"])

    def _show(self, **figures: str) -> None:
        self.shown.update(figures)
        self.bar.set_postfix(self.shown)


def _summary_writer(folder: Path | str, step: int):
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise missing_extra("TensorBoard's log", "tensorboard") from None
    # A killed run may have logged steps beyond its last checkpoint: they are purged.
    return SummaryWriter(folder, purge_step=step + 1 if step else None)

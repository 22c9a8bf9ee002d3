"""What a person sees of a grid of runs: a line for each that ended, and a bar."""

from collections.abc import Collection

from tqdm.auto import tqdm

from dse.utils.progress import is_wanted, progress_bar

NAMES_SHOWN = 3


class GridDisplay:
    """A line on stdout for every run that ended, and below it a bar; a context manager.

    Args:
        names: of all runs.
        skipped: how many of them were done before.
        progress: False shows nothing; nor does `$TQDM_DISABLE`.
    """

    def __init__(self, names: Collection[str], skipped: int, progress: bool):
        self.shown = is_wanted(progress)
        self.width = max(map(len, names), default=0)
        self.failed = 0
        self.bar = progress_bar(
            desc="runs",
            total=len(names),
            initial=skipped,
            unit="run",
            progress=progress,
        )

    def __enter__(self) -> "GridDisplay":
        return self

    def __exit__(self, *_) -> None:
        self.bar.close()

    def running(self, names: Collection[str]) -> None:
        """Show which runs are going on; call it often, so that the clock moves."""
        shown = ", ".join(list(names)[:NAMES_SHOWN])
        more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
        failed = f", {self.failed} failed" if self.failed else ""
        self.bar.set_postfix_str(f"running {shown}{more}{failed}")

    def ended(self, name: str, state: str, minutes: float | None, remark: str) -> None:
        """Add the line of a run, and count it."""
        self.failed += state == "failed"
        self.line(name, state, minutes, remark)
        self.bar.update()

    def line(self, name: str, state: str, minutes: float | None, remark: str) -> None:
        """Add a line about a run."""
        if self.shown:
            clock = "" if minutes is None else f"{minutes:.1f} min"
            tqdm.write(f"{name:{self.width}}  {state:6}  {clock:>10}  {remark}")

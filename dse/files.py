"""Where caches lie, and how a file or a folder is written whole or not at all."""

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """The folder for everything that `dse` can make again: `$DSE_CACHE`, or `~/.cache/dse`."""
    return Path(os.environ.get("DSE_CACHE") or Path.home() / ".cache" / "dse")


@contextmanager
def written_whole(target: Path):
    """Yield a temporary path beside `target`; move it onto `target` if the block succeeds.

    The block makes a file or a folder at the path that it is given. If it fails or is killed,
    `target` is left as it was, so a half-written thing is never taken for a finished one.
    A folder that another process finished first is kept, and ours is dropped.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with written_whole(folder / "answer.txt") as path:
        ...     _ = path.write_text("42")
        >>> (folder / "answer.txt").read_text(), len(list(folder.iterdir()))
        ('42', 1)
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    workspace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    path = workspace / target.name
    try:
        yield path
        if path.is_dir() and target.exists():
            return
        os.replace(path, target)
    finally:
        shutil.rmtree(workspace, ignore_errors=True)

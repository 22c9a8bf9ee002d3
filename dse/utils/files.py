"""Where caches lie, how files are written whole or not at all, and what is remembered of them."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


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


def remembered(kind: str, paths: Sequence[Path], compute: Callable[[Path], Any]) -> list:
    """`compute(path)` for each file, computed again only for files that have changed.

    A file has changed if its size or its time of change has. Values are kept as JSON in
    `$DSE_CACHE`; None is not kept.

    Args:
        kind: what the values are, a word; values of one kind come from one `compute`.
        paths: files.
        compute: gives a value that JSON can hold; it says itself if a file is not there.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> _ = path.write_text("a red bird")
        >>> remembered("letters", [path], lambda path: len(path.read_text()))
        [10]
    """
    if not paths:
        return []
    names = [os.path.abspath(path) for path in paths]
    place = hashlib.sha256(os.path.commonpath(list(map(os.path.dirname, names))).encode())
    memory = cache_dir() / kind / f"{place.hexdigest()[:16]}.json"
    known = _read_json(memory)
    stamps = [_stamp(path) for path in paths]
    fresh = [known.get(name, [None])[0] == stamp for name, stamp in zip(names, stamps, strict=True)]
    changed = [i for i in range(len(paths)) if not fresh[i]]
    if not changed:
        return [known[name][1] for name in names]
    with ThreadPoolExecutor() as threads:
        values = list(threads.map(compute, [paths[i] for i in changed]))
    for i, value in zip(changed, values, strict=True):
        known[names[i]] = [stamps[i], value]
    with suppress(OSError), written_whole(memory) as partial:  # it serves without a memory, too
        kept = {name: entry for name, entry in known.items() if entry[1] is not None}
        partial.write_text(json.dumps(kept))
    return [known[name][1] for name in names]


def _stamp(path: Path) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "not there"
    return f"{status.st_size} {status.st_mtime_ns}"


def _read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

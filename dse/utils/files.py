"""Where caches are kept, and how files are written so that no partial output is ever read."""

import errno
import glob
import math
import os
import platform
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from dse.utils.errors import InputError

with suppress(ImportError):  # Windows has none
    import fcntl

LARGEST_TEXT = 100_000_000
"""Bytes of a file that is read as text, unless told otherwise."""


def cache_dir() -> Path:
    """The folder for everything that `dse` can make again: `$DSE_CACHE`, or `~/.cache/dse`."""
    return Path(os.environ.get("DSE_CACHE") or Path.home() / ".cache" / "dse")


def is_there(path: Path) -> bool:
    """Whether anything has this name, be it a broken link: what cannot be read is not absent."""
    return os.path.lexists(path)


def read_utf8(path: Path, remedy: str = "name another file", largest: int = LARGEST_TEXT) -> str:
    """The text of a UTF-8 file, without a byte order mark; every line ends in `\\n`.

    `\\r\\n` and a lone `\\r` end a line, too.

    Args, Raises: as for `read_bytes`; also an `InputError` for the first line that is not UTF-8.
    """
    content = read_bytes(path, remedy, largest)
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = len(error.object[: error.start + 1].splitlines())
        raise InputError(f"{path}, line {line}: not UTF-8 text: save the file as UTF-8") from None


def read_lines(path: Path, remedy: str = "name another file") -> list[str]:
    """The lines of a `read_utf8`, without their ends."""
    return read_utf8(path, remedy).removesuffix("\n").split("\n")


def read_bytes(path: Path, remedy: str, largest: int = 1 << 30) -> bytes:
    """The content of a file.

    Args:
        path: of the file.
        remedy: what to do where it cannot be read.
        largest: bytes that it may have.

    Raises:
        InputError: no such file, no file but a folder or a device, or one that is too large.
    """
    refuse_no_file(path, remedy, largest)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {remedy}") from None


def refuse_no_file(path: Path, remedy: str, largest: float = math.inf) -> None:
    """Raise the `InputError` of `read_bytes`, before something else opens the file.

    To open a pipe is to wait for it, and a device has no end.
    """
    try:
        status = path.stat()
    except OSError as error:
        if not is_there(path):
            raise InputError(f"{path} is missing: {remedy}") from None
        raise InputError(f"{path} cannot be read ({error.strerror}): {remedy}") from None
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path} is no file: {remedy}")
    if status.st_size > largest:
        raise InputError(f"{path} has more than {largest:,} bytes: {remedy}")


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def written_whole(target: Path | str) -> Iterator[Path]:
    """Yield a temporary path near `target`, and move it to `target` when the block succeeds.

    The block makes a file or a folder at the path that it is given. If it fails or is killed,
    `target` stays as it was, and the partial output will be ignored. When `written_whole` returns,
    everything is on the disk, also if the machine is switched off. If another process has made the
    same folder in the meantime, that one is kept.

    Raises:
        OSError: about `target`, with a remedy in its `strerror`: it cannot be written, the disk is
            full, or a folder would have to replace a file, or a file a folder.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with written_whole(folder / "answer.txt") as path:
        ...     _ = path.write_text("42", encoding="utf-8")
        >>> (folder / "answer.txt").read_text(encoding="utf-8"), len(list(folder.iterdir()))
        ('42', 1)
    """
    target = Path(target)
    with _errors_about(target), workspace_beside(target) as workspace:
        path = workspace / target.name
        yield path
        _sync_tree(path)
        try:
            os.replace(path, target)
        except OSError:
            if target.exists() and path.is_dir() != target.is_dir():
                remedy = f"{'folder' if target.is_dir() else 'file'} in the way: move it away"
                raise FileExistsError(errno.EEXIST, remedy, str(target)) from None
            if not target.is_dir():
                raise
        _sync(target.parent)


@contextmanager
def _errors_about(target: Path) -> Iterator[None]:
    """Errors of writing name `target`, not a temporary file or none, and say what to do."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = error.errno if isinstance(error, OSError) else _number_of(error)
        name = getattr(error, "filename", None)
        hidden = f"{target.absolute().parent}{os.sep}."
        temporary = name is None or os.path.abspath(name).startswith(hidden)
        # Others are about what the block reads, or name the target already.
        if number is None or not (temporary or Path(name) in target.parents):
            raise
        remedy = "choose another place"
        if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            remedy = f"free some space, or {remedy}"
        place = str(target) if temporary else name
        raise OSError(number, f"{os.strerror(number)}: {remedy}", place) from error


def _number_of(error: SafetensorError) -> int | None:
    """The system's number of an error that safetensors passes on as words."""
    found = re.search(r"\(os error (\d+)\)|Os { code: (\d+),", str(error))  # today's, 0.4's
    return int(found[1] or found[2]) if found else None


@contextmanager
def workspace_beside(target: Path) -> Iterator[Path]:
    """Yield an empty hidden folder beside `target`, and remove it with all that is in it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(target)
    workspace, lock = _new_workspace(target)
    try:
        yield workspace
    finally:
        shutil.rmtree(workspace, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _new_workspace(target: Path) -> tuple[Path, int | None]:
    """An empty hidden folder beside `target`, and the lock on it, if the system has locks.

    Until it is locked, another process may take it for abandoned and remove it: then a new one.
    """
    while True:
        prefix = f".{target.name}."
        workspace = Path(tempfile.mkdtemp(prefix=prefix, suffix=".dse", dir=target.parent))
        lock = _lock(workspace, wait=True)
        if workspace.exists():
            return workspace, lock
        if lock is not None:
            os.close(lock)


def remove_abandoned(target: Path) -> None:
    """Remove the workspaces of `target` whose process was killed.

    A process holds a lock on its workspace, and the system lifts the lock when the process ends.
    Windows cannot lock folders, so there the workspaces of killed processes stay.
    """
    for old in target.parent.glob(f".{glob.escape(target.name)}.????????.dse"):
        lock = _lock(old)
        if lock is not None:
            shutil.rmtree(old, ignore_errors=True)
            os.close(lock)


@contextmanager
def only_process(target: Path) -> Iterator[None]:
    """Keep other processes off `target` while the block writes it, by a lock `target` + `.lock`.

    The system lifts the lock of a process that is killed; its file is then taken over.

    Raises:
        InputError: another process holds the lock; who, where and since when.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    file = _lock_file(target)
    holder, lock = "", FileLock(file)
    with suppress(OSError):  # read first: older versions of filelock empty the file
        holder = file.read_text(encoding="utf-8", errors="replace")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError(
            f"{target} is being written by {holder or 'another process'}: wait for it, or name "
            "another place"
        ) from None
    try:
        with suppress(OSError):  # Windows lets nobody write a file that is locked
            since = datetime.now().astimezone().isoformat(" ", "seconds")
            holder = f"process {os.getpid()} on {platform.node()} since {since}"
            file.write_text(holder, encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            file.unlink()
        lock.release()


def remove_abandoned_lock(target: Path) -> None:
    """Remove the lock of `only_process` on `target` if its process was killed at its very end."""
    file = _lock_file(target)
    with suppress(OSError):  # held by another process, or on a disk that cannot be written to
        if file.exists():
            with FileLock(file).acquire(timeout=0):
                file.unlink()


def _lock_file(target: Path) -> Path:
    return target.with_name(target.name + ".lock")


def _lock(folder: Path, wait: bool = False) -> int | None:
    """A descriptor that keeps a folder locked until it is closed, or None.

    None means that the folder is gone, that another process holds the lock and we do not wait for
    it, or that the system or the disk has no locks.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _sync_tree(path: Path) -> None:
    """`_sync` a file, or a folder and all that is in it."""
    # FieldGuide's 6,000 images took 1 to 23 s one after the other, 0.7 s side by side.
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(_sync, [path, *path.rglob("*")]))


def _sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk and not only in memory."""
    is_folder = path.is_dir()
    # Windows cannot open folders, and some network disks cannot sync them.
    with suppress(OSError) if is_folder else nullcontext():
        descriptor = os.open(path, os.O_RDONLY if is_folder else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

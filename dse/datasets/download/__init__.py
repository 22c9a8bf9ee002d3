"""The public data sets, from their publishers to the layout that the readers know.

The layout::

    root/downloads/NAME.part  during the download
    root/downloads/NAME       until it is unpacked
    root/TARGET               what it becomes
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dse.datasets.download.archives import ARCHIVES, Archive, is_complete, md5_mismatch
from dse.datasets.download.transfer import TransferError, refuse_full_disk, transfer
from dse.datasets.download.unpacking import MAX_UNPACKED_BYTES, unpack
from dse.utils.errors import InputError
from dse.utils.files import (
    is_there,
    only_process,
    refuse_no_file,
    remove_abandoned,
    remove_abandoned_lock,
)


def download_dataset(
    name: str, root: Path | str | None = None, *, progress: bool = True
) -> list[Path]:
    """Fetch what is missing of a public data set, check it and unpack it.

    What is complete is left alone, without network access. An interrupted download is resumed. The
    images of CUB may be used for research and education, not commercially.

    Args:
        name: `cub` (1.2 GB and the captions) or `flowers` (0.4 GB and the captions).
        root: the folder that is to hold the published folders; `$DSE_ROOT` if None.
        progress: show bars.

    Returns:
        The folders and files that are new, none if all of them were there.

    Raises:
        InputError: an unknown name, no root, something else in a target's place, a full disk,
            another process that downloads to the same root, or an archive that cannot be fetched or
            is not the published one.

    Chapter: 1, data and splits.

    Example:
        >>> [archive.target for archive in ARCHIVES["cub"]]
        ['CUB_200_2011', 'cvpr2016_cub']
    """
    if name not in ARCHIVES:
        known = " or ".join(ARCHIVES)
        raise InputError(f"there is nothing to download for {name!r}: choose {known}")
    root = root or os.environ.get("DSE_ROOT")
    if not root:
        raise InputError(f"{name} needs --root DIR (or $DSE_ROOT): the folder to put it into")
    root = Path(root)
    with _disk_errors(root):
        missing = [archive for archive in ARCHIVES[name] if not is_complete(archive, root)]
        for archive in ARCHIVES[name]:  # a process may have been killed at its very end
            remove_abandoned(root / archive.target)
    return [fetch(archive, root, progress=progress) for archive in missing]


def fetch(
    archive: Archive,
    root: Path,
    *,
    progress: bool = True,
    timeout: float = 30.0,
    pause: float = 0.5,
) -> Path:
    """Fetch one archive and put it in place, unless it is there.

    A file of its name in `root/downloads/` is taken in place of a download: that is how an archive
    is used that only a browser can fetch. The file is removed when its content is in place, and
    also if it is the wrong one.

    Args:
        archive: what to fetch.
        root: the folder below which its target lies.
        progress: show bars.
        timeout: seconds without a byte after which the connection is tried again.
        pause: seconds before that, doubled each time.

    Returns:
        The target.

    Raises:
        InputError: as for `download_dataset`.
    """
    with _disk_errors(root):
        downloads = root / "downloads"
        remove_abandoned(root / archive.target)
        if is_complete(archive, root) and not _is_left(downloads, archive):
            remove_abandoned_lock(downloads)
            return root / archive.target
        with only_process(downloads):
            if not is_complete(archive, root):  # another process may have fetched it by now
                _fetch_missing(archive, root, progress, timeout, pause)
            (downloads / archive.file_name).unlink(missing_ok=True)
            with suppress(OSError):  # it may hold another download
                downloads.rmdir()
    return root / archive.target


def _is_left(downloads: Path, archive: Archive) -> bool:
    """Whether a process was killed between putting its content in place and clearing up."""
    if is_there(downloads / archive.file_name):
        return True
    return downloads.is_dir() and not any(downloads.iterdir())


def _fetch_missing(
    archive: Archive, root: Path, progress: bool, timeout: float, pause: float
) -> None:
    file = root / "downloads" / archive.file_name
    remedy = (
        f"run the command again, or open {archive.page} in a browser, save {file.name} as {file} "
        "and then run it"
    )
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        reserve = archive.unpacked_bytes
        try:
            transfer(archive.url, file, reserve, progress, timeout=timeout, pause=pause)
        except TransferError as error:
            raise InputError(f"{error}: {remedy}") from error
    refuse_full_disk(root, archive.unpacked_bytes)
    try:
        _put_in_place(file, archive, root, progress)
    except InputError as error:
        file.unlink()
        raise InputError(f"{error}; it was removed: {remedy}") from error


def _put_in_place(file: Path, archive: Archive, root: Path, progress: bool) -> None:
    refuse_no_file(file, "an archive is expected there", MAX_UNPACKED_BYTES)
    with file.open("rb") as stream:
        if stream.read(512).lstrip().startswith(b"<"):
            raise InputError(f"{file} is a web page in place of the archive")
    if wrong := md5_mismatch(file, archive):
        raise InputError(f"{file} {wrong}")
    if archive.is_packed:
        unpack(file, archive, root, progress)
    else:
        target = root / archive.target
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file, target)


@contextmanager
def _disk_errors(root: Path) -> Iterator[None]:
    """Turn an error of the disk into one line."""
    try:
        yield
    except OSError as error:
        place = error.filename or root
        raise InputError(
            f"{place} cannot be read or written ({error.strerror or error}): make room, see to "
            "its permissions, or choose another --root"
        ) from error

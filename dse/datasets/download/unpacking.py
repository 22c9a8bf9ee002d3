"""An archive becomes a folder, or an error of one line and no folder.

An archive comes from elsewhere and may hold names that lead out of its folder. `tarfile`'s filter
`data` keeps every member inside. Here members get their places in our layout, and are counted.
"""

import gzip
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from dse.datasets.download.archives import Archive
from dse.utils.errors import InputError
from dse.utils.files import written_whole
from dse.utils.progress import progress_bar

MAX_MEMBERS = 200_000
MAX_UNPACKED_BYTES = 20_000_000_000
LONGEST_NAME = 255
"""Bytes of a file's name, on most disks."""


def unpack(file: Path, archive: Archive, root: Path, progress: bool = True) -> Path:
    """Unpack a tar, compressed by gzip or not: its first bytes tell, not its name.

    Returns:
        The target. After an error it is as it was before.

    Raises:
        InputError: the archive is damaged, lacks something, or holds what it should not.

    Example:
        >>> import tempfile
        >>> root = Path(tempfile.mkdtemp())
        >>> _ = (root / "beak.txt").write_text("a short beak", encoding="utf-8")
        >>> with tarfile.open(root / "bird.tgz", "w:gz") as tar:
        ...     tar.add(root / "beak.txt", "bird/beak.txt")
        >>> archive = Archive("", "", "bird.tgz", "bird", required=("beak.txt",))
        >>> (unpack(root / "bird.tgz", archive, root) / "beak.txt").read_text(encoding="utf-8")
        'a short beak'
    """
    target = root / archive.target
    with written_whole(target) as folder:
        folder.mkdir()
        try:
            _unpack_members(file, archive, folder, progress)
        except InputError:
            raise
        except _DAMAGE as error:
            raise InputError(f"{file} is damaged, cut short or no archive ({error})") from error
        for name in archive.required:
            if not (folder / name).exists():
                raise InputError(f"{file} holds no {name}")
        for name in archive.beside:
            if (folder.parent / name).exists() and not (target.parent / name).exists():
                os.replace(folder.parent / name, target.parent / name)
    return target


_DAMAGE = (
    EOFError,
    gzip.BadGzipFile,
    tarfile.TarError,
    zlib.error,
    OverflowError,  # a size beyond all bounds
    ValueError,  # a name with a byte 0
    FileExistsError,  # a file and a folder of one name
    IsADirectoryError,
    NotADirectoryError,
)


def _unpack_members(file: Path, archive: Archive, folder: Path, progress: bool) -> None:
    count = size = 0
    with (
        _tar_stream(file) as stream,
        tarfile.open(fileobj=stream, mode="r|") as tar,
        progress_bar(desc=f"unpacking {file.name}", unit=" files", progress=progress) as bar,
    ):
        for member in tar:
            count, size = count + 1, size + member.size
            if count > MAX_MEMBERS or size > MAX_UNPACKED_BYTES:
                raise InputError(
                    f"{file} holds more than {MAX_MEMBERS} files or {MAX_UNPACKED_BYTES} bytes"
                )
            # No data set needs links, and before Python 3.11.13 they can deceive the filter.
            if not (member.isreg() or member.isdir()):
                raise InputError(f"{file} holds a link or a device, {member.name!r}")
            name = _place(member.name, file, archive, folder.name)
            if name is not None:
                member = member.replace(name=str(name), deep=False)
                tar.extract(member, folder.parent, filter="data")
                bar.update()
        # gzip's own checksum stands behind the last member: the only one if none is published.
        while archive.md5 is None and stream.read(1 << 20):
            pass


@contextmanager
def _tar_stream(file: Path) -> Iterator[IO[bytes]]:
    with file.open("rb") as stream:
        if stream.peek(2)[:2] != b"\x1f\x8b":
            yield stream
            return
        with gzip.open(stream) as unzipped:
            yield unzipped


def _place(name: str, file: Path, archive: Archive, top: str) -> PurePosixPath | None:
    """Where a member goes: below the folder `top` or beside it; None if it is not wanted."""
    path = PurePosixPath(name)
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise InputError(f"{file} holds a name of more than {LONGEST_NAME} bytes, {name[:60]!r}")
    if not path.parts or path.parts[0] == "__MACOSX" or path.name.startswith("._"):
        return None  # the archive's own root, and what macOS adds for itself
    if path.parts[0] == top or str(path) in archive.beside:
        return path
    if archive.flat:
        return top / path
    raise InputError(f"{file} holds {name!r}, which is not below {top}/")

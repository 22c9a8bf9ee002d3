"""The published archives of the data sets: where they are, and what they become."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from dse.utils.errors import InputError
from dse.utils.files import refuse_no_file


@dataclass(frozen=True)
class Archive:
    """One published file, and what it becomes.

    Attributes:
        url: where it is fetched.
        page: the address to open in a browser where that fails.
        file_name: its published name.
        target: what it becomes below the root: a folder, or the very file.
        md5: the published checksum; None where none is published.
        required: the members of the target without which it is not complete.
        beside: files that the archive holds beside its top folder, and that go beside the target.
        flat: its members may stand without a top folder; then they go into the target.
        unpacked_bytes: how large it is unpacked, rounded up.
    """

    url: str
    page: str
    file_name: str
    target: str
    md5: str | None = None
    required: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    flat: bool = False
    unpacked_bytes: int = 0

    @property
    def is_packed(self) -> bool:
        """Whether it has to be unpacked; else it is put in place as it is."""
        return PurePosixPath(self.target).name != self.file_name


_CALTECH = "https://data.caltech.edu/records/65de6-vp158"
_OXFORD = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/"


def _captions(folder: str, drive_id: str, resource_key: str, unpacked_bytes: int) -> Archive:
    """The authors' archive on Google Drive, for which no checksum is published.

    `confirm=t` answers Google's question about viruses. Copies differ on whether the members stand
    below a folder of the archive's name, so both are taken.
    """
    drive = "https://drive.usercontent.google.com/download"
    return Archive(
        url=f"{drive}?id={drive_id}&export=download&confirm=t&resourcekey={resource_key}",
        page=f"https://drive.google.com/file/d/{drive_id}/view?resourcekey={resource_key}",
        file_name=f"{folder}.tar.gz",
        target=folder,
        required=("text_c10", "testclasses.txt"),
        flat=True,
        unpacked_bytes=unpacked_bytes,
    )


ARCHIVES: dict[str, tuple[Archive, ...]] = {
    "cub": (
        Archive(
            url=f"{_CALTECH}/files/CUB_200_2011.tgz?download=1",
            page=_CALTECH,
            file_name="CUB_200_2011.tgz",
            target="CUB_200_2011",
            md5="97eceeb196236b17998738112f37df78",
            required=("images", "images.txt", "classes.txt", "image_class_labels.txt"),
            beside=("attributes.txt",),
            unpacked_bytes=1_500_000_000,
        ),
        _captions(
            folder="cvpr2016_cub",
            drive_id="0B0ywwgffWnLLZW9uVHNjb2JmNlE",
            resource_key="0-8y2UVmBHAlG26HafWYNoFQ",
            unpacked_bytes=3_000_000_000,
        ),
    ),
    "flowers": (
        Archive(
            url=f"{_OXFORD}102flowers.tgz",
            page=_OXFORD,
            file_name="102flowers.tgz",
            target="flowers-102/jpg",
            md5="52808999861908f626f3c1f4e79d11fa",
            required=("image_00001.jpg", "image_08189.jpg"),
            unpacked_bytes=400_000_000,
        ),
        Archive(
            url=f"{_OXFORD}imagelabels.mat",
            page=_OXFORD,
            file_name="imagelabels.mat",
            target="flowers-102/imagelabels.mat",
            md5="e0620be6f572b9609742df49c70aed4d",
        ),
        Archive(
            url=f"{_OXFORD}setid.mat",
            page=_OXFORD,
            file_name="setid.mat",
            target="flowers-102/setid.mat",
            md5="a5357ecc9cb78c4bef273ce3793fc85c",
        ),
        _captions(
            folder="cvpr2016_flowers",
            drive_id="0B0ywwgffWnLLcms2WWJQRFNSWXM",
            resource_key="0-Av8zFbeDDvNcF1sSjDR32w",
            unpacked_bytes=2_000_000_000,
        ),
    ),
}
"""What each data set is made of, in the order in which it is fetched."""


def is_complete(archive: Archive, root: Path) -> bool:
    """Whether the target is there already.

    Raises:
        InputError: something else is in its place, or only a part of it.
    """
    target = root / archive.target
    if not target.exists():
        return False
    if not archive.is_packed:
        if wrong := md5_mismatch(target, archive):
            raise InputError(f"{target} {wrong}: move it away and run the command again")
        return True
    missing = [name for name in archive.required if not (target / name).exists()]
    if missing:
        raise InputError(
            f"{target} exists but has no {missing[0]}: put it there, or move {target.name} away "
            "and run the command again"
        )
    return True


def md5_mismatch(file: Path, archive: Archive) -> str | None:
    """What is wrong with the checksum of a file, in words that name both; None if nothing is."""
    if archive.md5 is None:
        return None
    refuse_no_file(file, "the published file is expected there")
    with file.open("rb") as stream:
        # MD5 is what is published; it guards against accidents, not against forgery.
        found = hashlib.file_digest(stream, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
    if found == archive.md5:
        return None
    return f"is not the published file (its md5 is {found}, the published one is {archive.md5})"

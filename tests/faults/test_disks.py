"""On a disk that is full, or that cannot be written to, every command says so and loses nothing."""

import pytest

from faults.disks import DISKS, WRITERS, what_is_wrong


@pytest.mark.parametrize("kind", DISKS)
@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_says_so_and_leaves_nothing(name, kind, tmp_path):
    try:
        assert not what_is_wrong(name, kind, tmp_path)
    except PermissionError as error:
        pytest.skip(str(error))

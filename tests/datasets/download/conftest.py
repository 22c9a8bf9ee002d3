"""A publisher for one test, and what lies below a folder."""

import threading

import pytest

from publisher import Publisher


@pytest.fixture
def publisher():
    """A `Publisher` for one test."""
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.test_is_over.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def tree():
    """A function: every file below a folder, and its content."""
    return lambda root: {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }

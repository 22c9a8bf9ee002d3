"""Where the server listens, and one line for an address that cannot be had."""

import pytest

from dse import InputError
from dse.demo.server import address, listen


def test_a_free_port_of_this_computer():
    with listen("127.0.0.1", 0) as listener:
        host, port = listener.getsockname()
        assert host == "127.0.0.1"
        assert address(listener) == f"http://127.0.0.1:{port}/"
        with pytest.raises(InputError, match=f"port {port} of 127.0.0.1"):
            listen("127.0.0.1", port)


def test_a_browser_finds_a_server_that_listens_everywhere():
    with listen("0.0.0.0", 0) as listener:
        assert address(listener) == f"http://127.0.0.1:{listener.getsockname()[1]}/"


@pytest.mark.parametrize(
    ("host", "port"), [("127.0.0.1", 70_000), ("127.0.0.1", -1), ("192.0.2.1", 0), ("a" * 99, 0)]
)
def test_addresses_that_cannot_be_had(host, port):
    with pytest.raises(InputError, match="--port"):
        listen(host, port)

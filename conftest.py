"""No test talks to another computer: what tries to is refused, and its test fails.

The audit hook sees what this process opens by Python's own sockets, and cannot be taken away again.
"""

import ipaddress
import socket
import sys
from contextlib import suppress

import pytest

TALKS = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}
LOOKS_UP = {"socket.getaddrinfo": 0, "socket.gethostbyname": 0}
"""Which argument of an audit event is the address, or the host."""
ATTEMPTS = []
OWN = {socket.gethostname()}
"""This computer's name and addresses: Ray's parts talk to each other by them."""
with suppress(OSError):  # a name without an address
    OWN |= {str(found[4][0]) for found in socket.getaddrinfo(socket.gethostname(), None)}


def is_address(host: object) -> bool:
    """Whether a host is written as numbers."""
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else host)
    except ValueError:
        return False
    return True


def is_here(host: object) -> bool:
    """Whether a host is this computer; sockets of another kind than IP are."""
    host = host.decode() if isinstance(host, bytes) else host
    if not isinstance(host, str) or host in {"", "localhost", *OWN}:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse_other_computers(event: str, arguments: tuple) -> None:
    if event in LOOKS_UP:
        host = arguments[LOOKS_UP[event]]
        if is_address(host):  # nobody is asked
            return
    elif event in TALKS:
        address = arguments[TALKS[event]]
        host = address[0] if isinstance(address, tuple) else None
    else:
        return
    if not is_here(host):
        ATTEMPTS.append(f"{event} {host}")
        raise ConnectionRefusedError(f"a test may not talk to {host}")


sys.addaudithook(refuse_other_computers)


@pytest.fixture(autouse=True)
def other_computers():
    """What a test tried to reach: nothing, or it fails."""
    ATTEMPTS.clear()
    yield ATTEMPTS
    assert not ATTEMPTS

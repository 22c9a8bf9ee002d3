"""The server of the page: for this computer only, unless told otherwise."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

from dse.demo.gate import LOOPBACK, Gate
from dse.utils.errors import InputError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address of this computer.

    Args:
        host: a name or a number.
        port: 0: any that is free.

    Raises:
        InputError: the address is in use, not of this computer, or not allowed.
    """
    if not 0 <= port < 2**16:
        raise InputError(f"there is no port {port}: choose a --port from 0 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        reason = str(getattr(error, "strerror", None) or error).partition(" (while")[0]
        raise InputError(
            f"cannot listen on port {port} of {host} ({reason}): choose another --port or --host"
        ) from None


def address(listener: socket.socket) -> str:
    """Where a browser on this computer finds the page."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def serve(app: Callable, listener: socket.socket, uploads: Path) -> None:
    """Answer visitors until Ctrl-C, or a signal to terminate.

    Args:
        app: see `dse.demo.page.build_app`.
        listener: see `listen`.
        uploads: the folder that Gradio writes uploaded photographs to.

    Raises:
        KeyboardInterrupt: at the end, for either.
    """
    import uvicorn  # comes with the extra

    # Uvicorn ends, and then passes the signal on: by default the process would end at once.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    hosts = LOOPBACK if listener.getsockname()[0] in LOOPBACK else None
    gate = Gate(app, uploads, hosts)
    # A page that is still open holds a connection. It is cut at the end, which is no error.
    config = uvicorn.Config(gate, log_level="critical", timeout_graceful_shutdown=1)
    uvicorn.Server(config).run(sockets=[listener])

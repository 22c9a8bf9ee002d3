"""A headless Chromium for tests, driven over a pipe in its own protocol (CDP), without packages.

The system's chromium is used; where there is none, tests that ask for it are skipped.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

KEYS = {"Tab": 9, "Enter": 13, " ": 32}
SECONDS = 120
"""How long a page may take to answer before a test fails."""


def find_chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One process; each `open` gives a page of its own."""

    def __init__(self, profile: Path):
        self._to_read, self._to = os.pipe()
        self._from, self._from_write = os.pipe()
        ends = (self._to_read, self._from_write)
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        flags += ["--no-first-run", "--disable-background-networking", "--remote-debugging-pipe"]
        command = [find_chromium(), *flags, f"--user-data-dir={profile}", "about:blank"]
        # Chromium reads commands from descriptor 3 and answers on 4.
        script = f'exec "$0" "$@" 3<&{ends[0]} 4>&{ends[1]}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, *command], pass_fds=ends, stderr=subprocess.DEVNULL
        )
        for end in ends:
            os.close(end)
        self._buffer, self._number, self.events = b"", 0, []

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, session: str | None = None, **parameters) -> dict:
        """Send one command and return its result; events that come before it are kept."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict:
        while b"\0" not in self._buffer:
            if not select.select([self._from], [], [], SECONDS)[0]:
                raise TimeoutError("chromium does not answer")
            new = os.read(self._from, 1 << 20)
            if not new:
                raise RuntimeError("chromium has ended")
            self._buffer += new
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, address: str, **screen) -> "Page":
        return Page(self, address, **screen)


class Page:
    """A page in a tab of its own, of a width in CSS pixels."""

    def __init__(self, browser: Browser, address: str, width: int = 1000, dark: bool = False):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.call("Emulation.setEmulatedMedia", features=[theme, still])
        self.call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def close(self) -> None:
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.events.clear()

    def call(self, method: str, **parameters) -> dict:
        return self.browser.call(method, self.session, **parameters)

    def run(self, script: str):
        """The value of a JavaScript expression; a promise is waited for."""
        answer = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + SECONDS
        while not self.run(f"!!({condition})"):
            if time.monotonic() > end:
                raise TimeoutError(f"never true: {condition}")
            time.sleep(0.02)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        code = {"key": key, "windowsVirtualKeyCode": KEYS[key]}
        text = {"Enter": {"text": "\r"}, " ": {"text": " "}}.get(key, {})
        self.call("Input.dispatchKeyEvent", type="keyDown", **code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def names(self, role: str) -> list[str]:
        """What a screen reader calls the parts of a role, in the order of the page."""
        nodes = self.call("Accessibility.getFullAXTree")["nodes"]
        return [
            node["name"]["value"]
            for node in nodes
            if not node["ignored"] and node["role"]["value"] == role
        ]

    def requests(self) -> list[str]:
        """The addresses that the page asked for."""
        return [event["request"]["url"] for event in self._own("Network.requestWillBeSent")]

    def complaints(self) -> list[str]:
        """What stands in the console, and errors that nothing caught."""
        logged = [str(event["args"]) for event in self._own("Runtime.consoleAPICalled")]
        thrown = [str(event["exceptionDetails"]) for event in self._own("Runtime.exceptionThrown")]
        entries = [str(event["entry"]) for event in self._own("Log.entryAdded")]
        return logged + thrown + entries

    def _own(self, method: str) -> list[dict]:
        self.run("0")  # what happened before this answer has been read by then
        return [
            event["params"]
            for event in self.browser.events
            if event.get("method") == method and event.get("sessionId") == self.session
        ]

    def screenshot(self, file: Path) -> None:
        """A picture of the whole page."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(shot["data"]))

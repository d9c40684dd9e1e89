"""The system's Firefox, without a window, as tests drive it: WebDriver BiDi over its own socket."""

import base64
import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
import time

SECONDS = 90  # to start, and for each command
LISTENING = re.compile(r"WebDriver BiDi listening on (ws://\S+)")
QUIET = """user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.update.enabled", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
"""


def firefox_path():
    """Where the system's Firefox is; None without one."""
    named = os.environ.get("FIREFOX")
    return named or shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """One page in a Firefox with a profile of its own.

    References
    ----------
    W3C, WebDriver BiDi.
    """

    def __init__(self, folder):
        from websocket import create_connection

        profile = folder / "profile"
        profile.mkdir(parents=True)
        (profile / "user.js").write_text(QUIET, encoding="utf-8")
        command = [firefox_path(), "--headless", "--no-remote", "--profile", str(profile)]
        self._process = subprocess.Popen(
            [*command, "--remote-debugging-port", "0"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
            encoding="utf-8",
        )
        self._number = 0
        try:
            address = self._address()
            self._socket = create_connection(
                f"{address}/session", timeout=SECONDS, suppress_origin=True
            )
            self.ask("session.new", capabilities={})
            [tab] = self.ask("browsingContext.getTree")["contexts"]
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self._context = tab["context"]

    def ask(self, method, **params):
        """What a command of the protocol gives."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._number:
            pass  # an event
        assert answer["type"] == "success", answer
        return answer["result"]

    def goto(self, address):
        """Opens an address, and waits until it is loaded."""
        self.ask("browsingContext.navigate", context=self._context, url=address, wait="complete")

    def size(self, width, height):
        """Gives the page so many CSS pixels."""
        viewport = {"width": width, "height": height}
        self.ask("browsingContext.setViewport", context=self._context, viewport=viewport)

    def screenshot(self):
        """What is seen, as PNG."""
        answer = self.ask("browsingContext.captureScreenshot", context=self._context)
        return base64.b64decode(answer["data"])

    def evaluate(self, expression):
        """What an expression of the page gives, through JSON."""
        answer = self.ask(
            "script.evaluate",
            expression=f"JSON.stringify({expression} ?? null)",
            target={"context": self._context},
            awaitPromise=False,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def wait_for(self, expression, wanted):
        """Waits until an expression gives what is wanted, on whichever page that then is."""
        found, end = None, time.monotonic() + SECONDS
        while found != wanted and time.monotonic() < end:
            with contextlib.suppress(AssertionError):  # between two pages there is nothing to ask
                found = self.evaluate(expression)
            time.sleep(0.05)
        assert found == wanted, expression

    def click(self, selector):
        """Clicks the middle of an element."""
        place = 'scrollIntoView({ block: "center" })'
        self.evaluate(f"void document.querySelector({json.dumps(selector)}).{place}")
        element = self.ask(
            "browsingContext.locateNodes",
            context=self._context,
            locator={"type": "css", "value": selector},
        )["nodes"][0]
        origin = {"type": "element", "element": {"sharedId": element["sharedId"]}}
        self._act(
            "pointer",
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        )

    def keys(self, *values):
        """Presses keys, one after the other."""
        steps = [{"type": way, "value": value} for value in values for way in ("keyDown", "keyUp")]
        self._act("key", *steps)

    def _act(self, kind, *actions):
        source = {"type": kind, "id": kind, "actions": list(actions)}
        self.ask("input.performActions", context=self._context, actions=[source])

    def close(self):
        """Ends it."""
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stderr.close()

    def _address(self):
        """The socket that it names; what it says later is read and forgotten, lest it waits."""
        timer = threading.Timer(SECONDS, self._process.kill)
        timer.start()
        said = []
        for line in self._process.stderr:
            said.append(line)
            if found := LISTENING.search(line):
                timer.cancel()
                threading.Thread(target=self._process.stderr.read, daemon=True).start()
                return found[1]
        raise AssertionError(f"expected Firefox to listen, it said {''.join(said)}")

"""A real browser for tests: Chromium, driven by Playwright in an environment of its own."""

import io
import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.environments import environment

DRIVER = Path(__file__).with_name("driver.py")
SIZE = {"width": 1280, "height": 900}


class Browser:
    """Chromium, as long as the `with` lasts."""

    def __enter__(self) -> "Browser":
        self.process = subprocess.Popen(
            [environment("browser"), "-P", DRIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.count = 0
        return self

    def __exit__(self, *exception: object) -> None:
        self.process.communicate(timeout=30)

    def ask(self, do: str, number: int, **values: Any) -> Any:
        """Let the driver do something; AssertionError with what Playwright says if it cannot."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, "number": number, **values}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the driver ended with {self.process.wait()}"
        answer = json.loads(line)
        assert "error" not in answer, f"{do} {values}: {answer['error']}"
        return answer["value"]

    def open(self, path: Path, **context: Any) -> "Page":
        """Open a file in a window of its own; `context` as for Playwright's new_context."""
        self.count += 1
        url = path.resolve().as_uri()
        self.ask("open", self.count, url=url, context={"viewport": SIZE, **context})
        return Page(self, self.count)


class Page:
    """A page in a window of its own."""

    def __init__(self, browser: Browser, number: int) -> None:
        self.browser, self.number = browser, number

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        """Call a method of Playwright's page."""
        return self.browser.ask("call", self.number, name=name, args=args, options=options)

    def js(self, script: str, argument: Any = None) -> Any:
        """Return the value of an expression, or of a function of the argument."""
        return self.call("evaluate", script, argument)

    def move(self, x: float, y: float, steps: int = 1) -> None:
        """Move the mouse, and wait until the page has drawn."""
        self.call("mouse.move", x, y, steps=steps)
        self.draws()

    def drag(self, start: tuple[float, float], end: tuple[float, float], *, key: str = "") -> None:
        """Drag with the mouse, maybe while a key is held."""
        self.call("mouse.move", *start)
        if key:
            self.call("keyboard.down", key)
        self.call("mouse.down")
        self.call("mouse.move", *end, steps=5)
        self.call("mouse.up")
        if key:
            self.call("keyboard.up", key)
        self.draws()

    def press(self, *keys: str) -> None:
        """Press keys one after another."""
        for key in keys:
            self.call("keyboard.press", key)
        self.draws()

    def draws(self) -> None:
        """Wait for two frames."""
        self.js("new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))")

    def download(self, selector: str, path: Path) -> str:
        """Click on what starts a download; return the name that it suggests."""
        return str(self.browser.ask("download", self.number, selector=selector, path=str(path)))

    def cdp(self, method: str, **values: Any) -> Any:
        """Send a command of the DevTools protocol."""
        return self.browser.ask("cdp", self.number, method=method, values=values)

    def picture(self, name: str = "") -> np.ndarray:
        """Return what the window shows, (height, width, 3); with a name it is kept for people."""
        path = artifacts() / f"{name or 'last'}-{os.getpid()}.png"
        self.call("screenshot", path=str(path), full_page=bool(name))
        image = np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"), np.int16)
        path.replace(path.with_name(f"{name}.png")) if name else path.unlink()
        return image

    def close(self) -> dict[str, list[str]]:
        """Close the window; return the page's errors, and the addresses that it asked for."""
        said: dict[str, list[str]] = self.browser.ask("close", self.number)
        return said


def artifacts() -> Path:
    """Return the folder of pictures for people: HOMERUN_TEST_ARTIFACTS, or build/screenshots."""
    chosen = os.environ.get("HOMERUN_TEST_ARTIFACTS")
    root = Path(__file__).resolve().parent.parent.parent
    path = Path(chosen) if chosen else root / "build" / "screenshots"
    path.mkdir(parents=True, exist_ok=True)
    return path


def changed(one: np.ndarray, other: np.ndarray) -> int:
    """Return how many pixels differ so much that one sees it."""
    return int((np.abs(one - other).max(2) > 8).sum())


def until(condition: Callable[[], Any], *, within_s: float = 15) -> Any:
    """Return the first true value of a condition; AssertionError when it stays false."""
    end = time.monotonic() + within_s
    while True:
        value = condition()
        if value or time.monotonic() > end:
            assert value, f"not within {within_s} s"
            return value
        time.sleep(0.03)

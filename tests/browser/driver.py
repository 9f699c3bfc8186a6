"""Do in Chromium what tests ask for: a line of JSON comes in, a line of JSON goes out.

Runs with the Python of tests/locks/browser.txt. {"page": 1, "call": "mouse.move", "args": [3, 4]}
calls a method of a page of Playwright; `open`, `said`, `download`, `cdp` and `close` are its own.
"""

import json
import os
import shutil
import sys
from functools import reduce
from typing import Any

from playwright.sync_api import Browser, CDPSession, Dialog, Error, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LIMIT_MS = 20_000  # for what a page has to do


class Session:
    """Open pages by number, and what each of them said."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.pages: dict[int, Page] = {}
        self.said: dict[int, dict[str, list[str]]] = {}
        self.protocols: dict[int, CDPSession] = {}

    def open(self, number: int, url: str, context: dict[str, Any]) -> None:
        """Open a page in a context of its own."""
        page = self.browser.new_context(accept_downloads=True, **context).new_page()
        page.set_default_timeout(LIMIT_MS)
        said: dict[str, list[str]] = {"errors": [], "requests": []}
        page.on(
            "console",
            lambda text: said["errors"].append(text.text) if text.type == "error" else None,
        )
        page.on("pageerror", lambda error: said["errors"].append(str(error)))
        page.on("request", lambda request: said["requests"].append(request.url))

        def dismiss(dialog: Dialog) -> None:
            said["errors"].append(f"a dialog: {dialog.message}")
            dialog.dismiss()

        page.on("dialog", dismiss)
        self.pages[number], self.said[number] = page, said
        page.goto(url)

    def download(self, number: int, selector: str, path: str) -> str:
        """Click on what starts a download; return the name that it suggests."""
        with self.pages[number].expect_download() as waiting:
            self.pages[number].click(selector)
        waiting.value.save_as(path)
        name: str = waiting.value.suggested_filename
        return name

    def cdp(self, number: int, method: str, values: dict[str, Any]) -> Any:
        """Send a command of the DevTools protocol."""
        if number not in self.protocols:
            page = self.pages[number]
            self.protocols[number] = page.context.new_cdp_session(page)
        return self.protocols[number].send(method, values)

    def close(self, number: int) -> dict[str, list[str]]:
        """Close a page; return its errors, and the addresses that it asked for."""
        self.pages.pop(number).context.close()
        return self.said.pop(number)

    def call(self, number: int, name: str, args: list[Any], options: dict[str, Any]) -> Any:
        """Call a method of a page, such as mouse.move."""
        method = reduce(getattr, name.split("."), self.pages[number])
        try:
            value = method(*args, **options)
        except Error as error:
            if "context was destroyed" not in error.message:
                raise
            self.pages[number].wait_for_load_state()  # it has just loaded itself anew
            value = method(*args, **options)
        return value if isinstance(value, (str, int, float, list, dict, bool)) else None


def main() -> None:
    """Answer until nobody asks any more."""
    chromium = os.environ.get("HOMERUN_TEST_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        session = Session(browser)
        for line in sys.stdin:
            ask = json.loads(line)
            try:
                answer = {"value": getattr(session, ask.pop("do"))(**ask)}
            except Error as error:
                answer = {"error": error.message}
            print(json.dumps(answer), flush=True)
        browser.close()


if __name__ == "__main__":
    main()

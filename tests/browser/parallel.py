"""A page of parallel coordinates in a window, as a person finds it."""

import json
import math
from urllib.parse import unquote

import numpy as np

from tests.browser import until


class Chart:
    """What stands on the page, and what a mouse does there."""

    def __init__(self, page, df, path=None):
        self.page, self.df, self.path = page, df, path
        page.call("wait_for_selector", ".pc-count b", state="attached")
        page.draws()

    def text(self, selector):
        return self.page.js("(s) => document.querySelector(s).innerText", selector)

    def texts(self, selector):
        return self.page.js(
            "(s) => [...document.querySelectorAll(s)].map((e) => e.innerText)", selector
        )

    def count(self, selector):
        return self.page.js("(s) => document.querySelectorAll(s).length", selector)

    def axes(self):
        """Return the names of the axes from left to right."""
        return self.page.js("""[...document.querySelectorAll("[data-pc-axis]")]
            .map((axis) => [axis.getBoundingClientRect().x, axis.dataset.pcAxis])
            .sort((a, b) => a[0] - b[0]).map((pair) => pair[1])""")

    def box(self, name):
        """Return x, and the top and bottom of the line of an axis, in pixels of the window."""
        x, head, bottom = self.page.js(
            """(name) => {
            const axis = [...document.querySelectorAll("[data-pc-axis]")].find(
                (one) => one.dataset.pcAxis === name);
            const box = axis.getBoundingClientRect();
            return [box.x + box.width / 2,
                axis.querySelector(".pc-more").getBoundingClientRect().bottom, box.bottom];
        }""",
            name,
        )
        return x, head + 8, bottom

    def slot(self, name):
        """Return how far down runs without a value are."""
        return self.page.js(
            """(name) => {
            const box = document.querySelector(`[data-pc-axis="${name}"] .pc-none`)
                .getBoundingClientRect();
            return box.y + box.height / 2;
        }""",
            name,
        )

    def at(self, name, value):
        """Return the place of a value on an axis, from where its ticks stand."""
        ticks = self.page.js(
            """(name) => [...document.querySelectorAll("[data-pc-axis]")]
            .find((one) => one.dataset.pcAxis === name)
            .querySelectorAll(".pc-tick:not(.pc-none)").values()
            .map((tick) => [tick.innerText, tick.getBoundingClientRect().y
                + tick.getBoundingClientRect().height / 2]).toArray()""",
            name,
        )
        x = self.box(name)[0]
        if isinstance(value, str):
            return x, dict(ticks)[value]
        f = math.log if "log" in self.text(f"[data-pc-axis='{name}'] .pc-more") else float
        (a, y), (b, z) = [(f(float(text)), y) for text, y in (ticks[0], ticks[-1])]
        return x, y + (f(value) - a) / (b - a) * (z - y)

    def brush(self, name, low, high, *, key=""):
        """Brush from a value to another."""
        self.page.drag(self.at(name, low), self.at(name, high), key=key)

    def state(self):
        """Return what the address keeps."""
        return json.loads(unquote(until(lambda: self.page.js("location.hash.slice(1)"))))

    def kept(self, key, value):
        """Wait until the address keeps a value."""
        until(lambda: self.page.js("location.hash") and self.state()[key] == value)

    def ranges(self, name):
        """Return what is brushed on an axis of numbers."""
        brush = until(lambda: self.state()["brushes"].get(name))
        return brush["ranges"]

    def shown(self):
        """Return the numbers of the rows in the table, from top to bottom."""
        rows = []
        script = """(top) => {
            const table = document.querySelector(".pc-table");
            table.scrollTop = top;
            table.dispatchEvent(new Event("scroll"));
            return [[...table.querySelectorAll(".pc-row")].map((row) => Number(row.dataset.row)),
                table.scrollHeight - table.clientHeight];
        }"""
        top = 0
        while True:
            some, most = self.page.js(script, top)
            rows += [row for row in some if row not in rows]
            if top >= most:
                self.page.js(script, 0)
                return rows
            top += 200

    def shows(self, expected):
        """Wait until the table lists exactly these rows, whatever the order."""
        expected = sorted(expected)
        until(lambda: self.text(".pc-count b") == f"{len(expected):,}")
        until(lambda: sorted(self.shown()) == expected)

    def menu(self, name, item):
        """Choose from the menu of an axis."""
        self.page.call("click", f"[data-pc-axis='{name}'] .pc-more")
        self.page.call("click", f".pc-menu >> text={item}")
        self.page.draws()

    def tip(self):
        """Return the tooltip as {first line: "", name: value}; None while there is none."""
        if (
            self.page.js("getComputedStyle(document.querySelector('.pc-tip')).visibility")
            != "visible"
        ):
            return None
        title = self.text(".pc-tip b")
        cells = self.texts(".pc-tip td")
        return {"": title, **dict(zip(cells[::2], cells[1::2], strict=True))}

    def middle(self, one, other, row):
        """Return the middle of a run's line between two axes of numbers."""
        ends = [self.at(name, float(self.df[name].iloc[row])) for name in (one, other)]
        return tuple(np.mean(ends, axis=0))

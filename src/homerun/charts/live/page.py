"""Figures as data, and in places of a page that answer to the mouse and need nothing else."""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from homerun.charts import colors, modules
from homerun.charts.arrays import rounded
from homerun.charts.figure import Cells, Figure, Mark, Panel
from homerun.charts.live.hovers import hovers_of
from homerun.charts.pages import json_text
from homerun.charts.ticks import Side, edges, is_whole, span

START_ALL = """
for (const place of document.querySelectorAll('[data-homerun-figure]')) {
  figure(place, JSON.parse(place.querySelector('script').textContent))
}
"""


def data_of(figure: Figure) -> dict[str, Any]:
    """Return a figure as the JSON data that figure.js draws: its fields, without the defaults.

    Each mark says what it is under "mark"; what is not finite is None; the colours come along.
    """
    return {
        "version": 1,
        **_fields(replace(figure, panels=())),
        "panels": [_panel(figure, panel) for panel in figure.panels],
        "width": figure.width,
        "height": figure.height,
        "palette": {
            "categories": list(colors.CATEGORIES),
            "accent": colors.ACCENT,
            "ramp": list(colors.RAMP),
            "light": {**colors.LIGHT, **colors.quarters("light")},
            "dark": {**colors.DARK, **colors.quarters("dark")},
        },
    }


def fragment_of(figures: Iterable[Figure]) -> str:
    """Return figures for a page that has other things, too; the module comes after them, once."""
    return "\n".join([*(place_of(figure) for figure in figures), script_of()])


def place_of(figure: Figure, *, meanwhile: str = "") -> str:
    """Return a figure's place in a page that ends with `script_of()`.

    `meanwhile` is HTML (a static picture) that stands there until the script runs, if it does.
    """
    return (
        '<div data-homerun-figure><script type="application/json">'
        f"{json_text(data_of(figure))}</script>{meanwhile}</div>"
    )


def script_of() -> str:
    """Return style and script, which draws all figures of a page in their places."""
    script = f'<script type="module">{module_of()}{START_ALL}</script>'
    return f"<style>{style_of()}</style>\n{script}"


def module_of() -> str:
    """Return the module that draws figures, as text: its files are one where they are used."""
    return modules.joined(__package__, "figure.js")


def style_of() -> str:
    """Return the style of figures, which a page has once."""
    return modules.text_of(__package__, "figure.css")


def _panel(figure: Figure, panel: Panel) -> dict[str, Any]:
    return {
        **_fields(panel),
        "x": _axis(figure, panel, "x"),
        "y": _axis(figure, panel, "y"),
        "marks": [_mark(panel, mark) for mark in panel.marks],
    }


def _axis(figure: Figure, panel: Panel, side: Side) -> dict[str, Any]:
    axis = panel.x if side == "x" else panel.y
    found = {**_fields(axis), "ends": span(figure, panel, side)}
    if axis.scale == "category":
        return {**found, "categories": list(axis.categories)}
    return {**found, "is_whole": True} if is_whole(panel.marks, side) else found


def _mark(panel: Panel, mark: Mark) -> dict[str, Any]:
    """Return a mark that says on hover what it is, so that figure.js need not know."""
    name = type(mark).__name__.lower()
    if isinstance(mark, Cells):
        return {"mark": name, "label": mark.label, "better": mark.better, **_cells(panel, mark)}
    return {"mark": name, **_fields(mark), **hovers_of(panel, mark)}


def _cells(panel: Panel, cells: Cells) -> dict[str, Any]:
    """Return the cells that have a value, one after the other."""
    where = np.argwhere(np.isfinite(cells.value))
    across = edges(cells.x, is_log=panel.x.scale == "log")
    up = edges(cells.y, is_log=panel.y.scale == "log")
    values = cells.value[np.isfinite(cells.value)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    shares = (values - low) / ((high - low) or 1.0)
    rows = [[across[i], up[j], across[i + 1], up[j + 1]] for j, i in where]
    return {
        "edges": _numbers(np.array(rows).reshape(-1, 4)),
        "shares": [round(float(s), 4) for s in (1 - shares if cells.better == "low" else shares)],
        "ends": [low, high if high > low else low + 1],
        **hovers_of(panel, cells),
    }


def _fields(noun: Any) -> dict[str, Any]:
    """Return the fields of a noun that are not what they are by default."""
    values = {field.name: (getattr(noun, field.name), field.default) for field in fields(noun)}
    return {
        name: _plain(value)
        for name, (value, default) in values.items()
        if isinstance(value, np.ndarray) or value != default
    }


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _numbers(value)
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.item() if isinstance(value, np.generic) else value


def _numbers(values: np.ndarray) -> list[Any]:
    """Return numbers with seven significant digits, more than a screen can show."""
    if values.ndim > 1:
        return [_numbers(row) for row in values]
    short = rounded(values.astype(np.float64))
    return [
        None if not np.isfinite(v) else int(v) if v == int(v) and abs(v) < 2**53 else v
        for v in short.tolist()
    ]

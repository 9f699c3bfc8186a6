"""Figures of whole pages; much data is written once, with few digits, and compressed."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Any

import numpy as np

from homerun.charts import modules
from homerun.charts.figure import Figure
from homerun.charts.live.page import data_of, module_of, style_of
from homerun.charts.pages import compressed, json_text, page
from homerun.core import markup

_LONG = 24  # items of a list that is worth a place of its own
_FEW_DIGITS = 4
_SHARE = 5e-5  # of the range of numbers: less is not seen, however near one looks
_LARGE = 150_000  # characters of data from which a page has it compressed
_SHAPES = 24  # of texts; of more, all are taken for one
_HEAD = re.compile(r"[^\d:=]*[:=]?")
_OF_EACH = ("x", "y", "hover")
_CELL = re.compile(r"(?<=\n)|(?<=, )")

_START = """
const bundle = await opened(document.getElementById('homerun-figures').textContent)
for (const place of document.querySelectorAll('[data-homerun-figure]')) {
  figure(place, bundle[place.dataset.homerunFigure])
}
"""


def page_of(figure: Figure, *, refresh_s: float | None = None) -> str:
    """Return a page with one figure, which loads nothing but itself, after `refresh_s` seconds."""
    data: Any = data_of(figure)
    module, start = module_of(), "figure(document.getElementById('chart'), data)"
    if len(json_text(data)) > _LARGE:
        bundle = Bundle()
        bundle.add(figure)
        data, module = bundle.packed(), module + opening()
        start = "figure(document.getElementById('chart'), (await opened(data))[0])"
    return page(
        figure.title or figure.kind,
        module=module,
        data=data,
        start=start,
        style=style_of(),
        refresh_s=refresh_s,
        without_script=f"<p>{markup.text(figure.title)}</p>\n<p>{markup.text(figure.caption)}</p>",
    )


def opening() -> str:
    """Return the module that opens a bundle, as text; it stands after that which draws."""
    return modules.joined(__package__, "bundle.js")


class Bundle:
    """The figures of a page: each has a place in it, the data of all comes with the script."""

    def __init__(self) -> None:
        self._figures: list[dict[str, Any]] = []
        self._lists: list[Any] = []
        self._known: dict[str, int] = {}

    def place(self, figure: Figure, *, meanwhile: str) -> str:
        """Take a figure in; return its place, where `meanwhile` (HTML) stands without script."""
        return f'<div data-homerun-figure="{self.add(figure)}">{meanwhile}</div>'

    def add(self, figure: Figure) -> int:
        """Take a figure in; return its number."""
        data = data_of(figure)
        for panel in data["panels"]:
            panel["marks"] = list(_gathered(panel["marks"]))
        marks = [mark for panel in data["panels"] for mark in panel["marks"]]
        data["told"] = self._told([mark for mark in marks if len(mark.get("hovers", ())) >= _LONG])
        self._figures.append(self._packed(data))
        return len(self._figures) - 1

    def packed(self) -> str:
        """Return the data of all figures as a text that `opened` of bundle.js reads."""
        return compressed(_json({"figures": self._figures, "lists": self._lists}))

    def script(self) -> str:
        """Return style, data and script, which draws all figures in their places."""
        if not self._figures:
            return ""
        return (
            f"<style>{style_of()}</style>\n"
            f'<script type="text/plain" id="homerun-figures">{self.packed()}</script>\n'
            f'<script type="module">{module_of()}{opening()}{_START}</script>\n'
        )

    def _packed(self, data: Any) -> Any:
        """Return data in which long lists are only named, and numbers have few digits."""
        if isinstance(data, dict):
            return {name: self._packed(value) for name, value in data.items()}
        if not isinstance(data, (list, tuple)):
            return data
        if not data or isinstance(data[0], (dict, list, tuple)):
            return [self._packed(value) for value in data]
        short = list(data) if any(isinstance(one, (str, bool)) for one in data) else _short(data)
        return {"list": self._place(short)} if len(short) >= _LONG else short

    def _place(self, value: Any) -> int:
        """Return where a list is, which is written once."""
        key = _json(value)
        if key not in self._known:
            self._known[key] = len(self._lists)
            self._lists.append(value)
        return self._known[key]

    def _told(self, marks: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
        """Take what items say out of marks, which keep the numbers of texts; return the texts.

        Texts of one shape are columns of cells. They are sorted, which begins with the name of a
        run, so that those of other figures are the same where the runs are.
        """
        lists = [mark[name] for name in ("hovers", "texts") for mark in marks if name in mark]
        shapes: dict[tuple[str, ...], list[str]] = {}
        for text in sorted({text for texts in lists for text in texts}):
            shapes.setdefault(_shape(text), []).append(text)
        if len(shapes) > _SHAPES:
            shapes = {(): sorted(text for texts in shapes.values() for text in texts)}
        at = {text: row for row, text in enumerate(chain(*shapes.values()))}
        for texts in lists:
            texts[:] = map(at.__getitem__, texts)
        return [self._cells(texts) for texts in shapes.values()]

    def _cells(self, texts: list[str]) -> list[dict[str, Any]]:
        """Return texts as columns of what stands between commas and ends of lines.

        What all cells of a column begin and end with is written once.
        """
        rows = [_CELL.split(text) for text in texts]
        found: list[dict[str, Any]] = []
        for at in range(max(map(len, rows))):
            cells = [row[at] if at < len(row) else "" for row in rows]
            start = _common(cells)
            rest = [cell[len(start) :] for cell in cells]
            end = _common([cell[::-1] for cell in rest])[::-1]
            of = self._place([cell[: len(cell) - len(end)] for cell in rest])
            found.append({"start": start, "end": end, "list": of})
        return found


def _gathered(marks: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield marks; lines that follow one another and look the same are one, with their counts."""
    for look, found in groupby(marks, _look):
        group = list(found)
        if look is None or len(group) < _LONG:
            yield from group
            continue
        yield {
            **json.loads(look),
            "counts": [len(mark["x"]) for mark in group],
            **{side: [*chain(*(mark[side] for mark in group))] for side in ("x", "y")},
            "hovers": [mark["hover"] for mark in group],
        }


def _look(mark: dict[str, Any]) -> str | None:
    """Return what a line that says something looks like, as JSON; None of other marks."""
    if mark["mark"] != "line" or "hover" not in mark:
        return None
    return _json({name: value for name, value in mark.items() if name not in _OF_EACH})


def _shape(text: str) -> tuple[str, ...]:
    """Return what the cells of a text but the first are of: `lr=` of `lr=0.001`."""
    return tuple(_HEAD.findall(cell)[0] for cell in _CELL.split(text)[1:])


def _common(texts: Sequence[str]) -> str:
    """Return what all texts begin with."""
    first, last = min(texts), max(texts)
    return first[: next((i for i, c in enumerate(first) if last[i : i + 1] != c), len(first))]


def _short(numbers: Any) -> list[Any]:
    """Return numbers with as few digits as show where they are; None stays."""
    values = np.array([np.nan if one is None else one for one in numbers], dtype=np.float64)
    finite = values[np.isfinite(values)]
    if not len(finite) or (finite == np.round(finite)).all():
        return list(numbers)
    size = np.abs(np.where(np.isfinite(values) & (values != 0), values, 1.0))
    digits = _FEW_DIGITS - 1 - np.floor(np.log10(size))
    if np.ptp(finite):
        digits = np.maximum(digits, np.round(-np.log10(np.ptp(finite) * _SHARE)))
    return [
        None if one is None else round(one, digit)
        for one, digit in zip(numbers, digits.astype(int).tolist(), strict=True)
    ]


def _json(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), allow_nan=False)

"""The chart where nothing of Python runs: a page, and what a saved notebook shows."""

import base64
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from homerun.charts import modules, pages
from homerun.charts.figure import Theme
from homerun.core import counted, markup, number

if TYPE_CHECKING:
    import anywidget

HEIGHT = 520  # pixels of the axes
_FRAME_HEIGHT = 640  # pixels in a saved notebook: the axes and the first rows of the table
_BEST = 10  # runs in the table for readers without JavaScript

_START = 'parallel(document.getElementById("chart"), data, { page: true });'
_START_IN_FRAME = 'parallel(document.getElementById("chart"), data);'
# A notebook that is opened again has no live chart, but where it was JupyterLab says that there is
# none: that output takes room only while a chart is in it.
_STYLE = """
.jp-OutputArea-child:has(#{place}) + .jp-OutputArea-child:not(:has(.pc-root)) {{
  height: 0; overflow: hidden;
}}
"""


def module() -> str:
    """Return the ES module that draws the chart, on a page and as a widget."""
    return modules.joined(__package__, "widget.js")


def style() -> str:
    """Return the looks of the chart."""
    return modules.text_of(__package__, "parallel.css")


def page_of(document: Mapping[str, Any], *, is_framed: bool = False) -> str:
    """Return the page of a chart document; `is_framed`: for a frame that has no address."""
    notes = [f"<p>{markup.text(note)}</p>" for note in document["notes"]]
    return pages.page(
        document["title"] or "parallel coordinates",
        module=module(),
        data=document,
        start=_START_IN_FRAME if is_framed else _START,
        body="\n".join(['<main id="chart"></main>', *notes]),
        without_script=best_runs(document),
        style=style(),
    )


def best_runs(document: Mapping[str, Any]) -> str:
    """Return the best runs of a document as an HTML table."""
    shown = [column for column in document["columns"] if column["shown"]]
    metric = next((column for column in shown if column["role"] == "metric"), None)
    rows = list(range(document["count"]))
    caption = counted(len(rows), "run")
    if metric is not None:
        values = metric["values"]
        sign = 1 if document["goal"] == "minimize" else -1
        rows = sorted(
            (row for row in rows if values[row] is not None), key=lambda row: sign * values[row]
        )
        caption = f"The best of {counted(document['count'], 'run')} by {metric['label']}"
        shown = [metric, *(column for column in shown if column is not metric)]
    return pages.table(
        [
            {"run": document["names"][row], **{c["label"]: cell(c, row) for c in shown}}
            for row in rows[:_BEST]
        ],
        caption,
    )


def cell(column: Mapping[str, Any], row: int) -> str:
    """Return a value of a document's column for people."""
    if column["kind"] == "category":
        code = column["codes"][row]
        return "" if code is None else str(column["levels"][code])
    value = column["values"][row]
    if value is None:
        return str(column.get("odd", {}).get(str(row), ""))
    return number(value)


def dropped(document: Mapping[str, Any]) -> str:
    """Return what was dropped and why, in a line; columns with the same reason together."""
    by_why: dict[str, list[str]] = {}
    for column in document["dropped"]:
        by_why.setdefault(column["why"], []).append(column["name"])
    parts = [
        f"{names[0]} = {why.removesuffix(' in all')}"
        if why.endswith(" in all") and len(names) == 1
        else f"{', '.join(names)} ({why})"
        for why, names in by_why.items()
    ]
    return f"dropped: {'; '.join(parts)}" if parts else ""


def stand_in(document: Mapping[str, Any], place: str) -> str:
    """Return what shows the chart in a notebook that nobody runs, in an element with an id.

    The page lies in a frame over a picture, which is seen where frames are taken out: in a notebook
    that is not trusted, and on sites that show notebooks. It is seen without script, too.
    """
    return pages.layered(
        _image(document) or best_runs(document),
        pages.packed(page_of(document, is_framed=True)),
        height=_FRAME_HEIGHT,
        title="parallel coordinates",
        place=place,
        style=_STYLE.format(place=place),
    )


def view_of(widget: "anywidget.AnyWidget") -> dict[str, Any]:
    """Return the live chart as the output of a cell, without a text for saved notebooks."""
    found = widget._repr_mimebundle_()
    bundle = found[0] if isinstance(found, tuple) else found
    return {**bundle, "text/plain": ""}


def _image(document: Mapping[str, Any]) -> str:
    if find_spec("matplotlib") is None:
        return ""
    from homerun.charts.parallel.drawing import small_picture  # noqa: PLC0415  needs matplotlib

    themes: tuple[Theme, ...] = ("light", "dark")
    light, dark = (_data(*small_picture(document, theme)) for theme in themes)
    words = markup.text(f"parallel coordinates of {counted(document['count'], 'run')}")
    return (
        f'<picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
        f'<img src="{light}" alt="{words}" style="max-width:100%"></picture>'
    )


def _data(kind: str, picture: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(picture).decode()}"

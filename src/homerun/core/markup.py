"""Small HTML for notebooks: one look for runs, sweeps, tables and answers.

Styles stand in the elements, because notebooks take <style> and scripts out of what they do not
trust; ink and paper are those of the notebook, so it suits light and dark. Without any style, as on
GitHub, the words and tables remain.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from homerun.core.values import flat, printable, shown

ACCENT = "#2f7fd1"
_PALE = "rgba(128,128,128,0.25)"
_STATES = {  # of Okabe and Ito's colours, which colour-blind people tell apart
    "finished": "#009e73",
    "running": ACCENT,
    "pending": "#8a929c",
    "paused": "#e69f00",
    "failed": "#d55e00",
    "crashed": "#d55e00",
    "killed": "#e69f00",
    "preempted": "#cc79a7",
    "canceled": "#e69f00",
}
_CELL = "padding:2px 10px 2px 0;white-space:nowrap;vertical-align:top;border:0;background:none;"
_LONGEST = 60  # characters of a cell
_BAR_PX = 48
_FACTS = 24  # names and values that are shown of a group


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table; its cells are HTML already."""

    title: str
    cells: Sequence[str]
    is_number: bool = False
    is_faint: bool = False
    is_strong: bool = False


def text(value: object) -> str:
    """Return any text so that it means itself in HTML; what is not printable is a blank."""
    return html.escape(printable(str(value)))


def cell(value: object) -> str:
    """Return a value as a short text in HTML: numbers with 4 digits, the rest as JSON."""
    words = shown(value)
    return text(f"{words[: _LONGEST - 1]}…" if len(words) > _LONGEST else words)


def state(name: str) -> str:
    """Return the state of a run or sweep: a dot in its colour, and the word."""
    color = _STATES.get(name.lower(), _STATES["pending"])
    return f'<span style="color:{color}">●</span> {text(name.lower())}'


def bar(share: float | None) -> str:
    """Return a bar of a share between 0 and 1; empty for None."""
    if share is None:
        return ""
    width = round(_BAR_PX * min(1.0, max(0.0, share)))
    return (
        f'<div style="width:{_BAR_PX}px;height:3px;background:{_PALE}">'
        f'<div style="width:{width}px;height:3px;background:{ACCENT}"></div></div>'
    )


def counts_bar(counts: Mapping[str, int], planned: int | None) -> str:
    """Return one bar of how many runs are in each state, of all that are planned."""
    whole = max(sum(counts.values()), planned or 0, 1)
    shares = [
        f'<div style="float:left;height:8px;width:{100 * counts[name] / whole:.4g}%;'
        f'background:{color}"></div>'
        for name, color in _STATES.items()
        if counts.get(name) and name != "pending"
    ]
    return (
        f'<div style="width:100%;max-width:420px;height:8px;background:{_PALE};margin:4px 0">'
        f"{''.join(shares)}</div>"
    )


def table(columns: Sequence[Column]) -> str:
    """Return a table; numbers stand at the right."""
    heads = "".join(
        f'<th style="{_style(column)}font-weight:600">{text(column.title)}</th>'
        for column in columns
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_style(column)}">{one}</td>'
            for column, one in zip(columns, row, strict=True)
        )
        + "</tr>"
        for row in zip(*(column.cells for column in columns), strict=True)
    )
    return (
        '<table style="margin:4px 0;border:0;border-collapse:collapse;font-size:13px">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    )


def facts(pairs: Mapping[str, str]) -> str:
    """Return names and their values, which are HTML already, one below the other."""
    rows = "".join(
        f'<tr><td style="{_CELL}text-align:left;opacity:0.65">{text(name)}</td>'
        f'<td style="{_CELL}text-align:left">{value}</td></tr>'
        for name, value in pairs.items()
    )
    return (
        '<table style="margin:4px 0;border:0;border-collapse:collapse;font-size:13px">'
        f"<tbody>{rows}</tbody></table>"
    )


def beside(groups: Mapping[str, Mapping[str, object]]) -> str:
    """Return groups of names and values as they stand side by side; keys with _ first are left out.

    Nested values have dotted names.
    """
    cells = []
    for title, values in groups.items():
        known = {key: one for key, one in flat(values).items() if not key.startswith("_")}
        pairs = {key: cell(one) for key, one in list(known.items())[:_FACTS]}
        if len(known) > _FACTS:
            pairs["⋯"] = f"and {len(known) - _FACTS} more"
        if pairs:
            style = f"{_CELL}padding-right:32px;text-align:left"
            cells.append(f'<td style="{style}">{note(title)}{facts(pairs)}</td>')
    if not cells:
        return ""
    return f'<table style="border:0;margin:0"><tbody><tr>{"".join(cells)}</tr></tbody></table>'


def note(words: str) -> str:
    """Return a remark in small, pale text."""
    return f'<div style="opacity:0.65;font-size:12px;margin:2px 0">{text(words)}</div>'


def heading(title: str, *, state_name: str = "", more: str = "") -> str:
    """Return the first line: what it is, its state, and where it belongs."""
    of_state = f" &nbsp;{state(state_name)}" if state_name else ""
    of_more = f' &nbsp;<span style="opacity:0.65">{text(more)}</span>' if more else ""
    return f'<div style="margin:2px 0"><b>{text(title)}</b>{of_state}{of_more}</div>'


def block(parts: Iterable[str]) -> str:
    """Return the parts as one whole."""
    return f'<div style="overflow-x:auto;line-height:1.45">{"".join(parts)}</div>'


def _style(column: Column) -> str:
    side = "right" if column.is_number else "left"
    faint = "opacity:0.65;" if column.is_faint else ""
    strong = "font-weight:600;" if column.is_strong else ""
    return f"{_CELL}text-align:{side};{faint}{strong}"

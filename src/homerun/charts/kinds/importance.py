"""How much each parameter matters, as bars with their intervals."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from homerun import insight
from homerun.charts.aims import aim
from homerun.charts.figure import Axis, Bars, Figure, Panel, Points, nothing_yet
from homerun.charts.kinds.configurations import prepared

if TYPE_CHECKING:
    from pandas import DataFrame

    from homerun.insight import Answer

_MOST = 20  # bars


def importance(
    df: "DataFrame",
    *,
    metric: str | None = None,
    goal: str | None = None,
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
) -> Figure:
    """Draw which share of the differences each parameter makes, the most important one on top.

    Pale bars are within the noise; parameters that interact with another one have a colour of their
    own; a ring is the share among the better half of the runs. Intervals are 95 %.
    """
    df = insight.plain_table(df)
    metric, goal = aim(df, metric, goal)
    params = None if params is None else list(params)
    asked: dict[str, Any] = {"metric": metric, "goal": goal, "params": params, "repeats": repeats}
    table = prepared(df, **asked)
    if table is None:
        return nothing_yet("importance", _title(metric), metric, len(df))
    effects = insight.fit_effects(table)
    answer = insight.importance_of(table, effects)
    return drawn(metric, answer, insight.independence_of(table, effects))


def drawn(metric: str, answer: "Answer", independence: "Answer") -> Figure:
    """Draw the answer to what matters, and of those that interact that they do."""
    rows = answer.table.head(_MOST).iloc[::-1].to_dict("records")  # the first one on top
    partners = _partners(independence.table) if answer.verdict == "ranked" else {}
    names = tuple(str(row["parameter"]) for row in rows)
    together = [name in partners for name in names]
    marks: list[Bars | Points] = [
        _bars([row for row, is_in in zip(rows, together, strict=True) if is_in is wanted], **look)
        for wanted, look in _looks(rows, names, partners)
    ]
    if answer.verdict == "ranked":
        marks += _near_top(rows)
    left_out = len(answer.table) - len(rows)
    more = f" {left_out} less important parameters are left out." if left_out > 0 else ""
    return Figure(
        kind="importance",
        title=_title(metric),
        caption=answer.sentence.replace(": `independence` names them", "") + more,
        panels=(
            Panel(
                x=Axis(label="share of the differences", unit="share", low=0.0),
                y=Axis(label="", scale="category", categories=names),
                marks=tuple(marks),
            ),
        ),
        height=90 + 30.0 * max(len(names), 2),
    )


def _title(metric: str) -> str:
    return f"What matters for {metric}"


def _looks(
    rows: list[Any], names: tuple[str, ...], partners: Mapping[str, list[str]]
) -> Iterable[tuple[bool, dict[str, Any]]]:
    """Yield the kinds of bars there are, and how each looks."""
    at = {name: index for index, name in enumerate(names)}
    shared = {"at": at, "partners": partners}
    if any(name in partners for name in names):
        yield True, {**shared, "color": 1, "label": "interacts with another parameter"}
    if not all(name in partners for name in names) or not rows:
        label = "by itself" if partners else ""
        yield False, {**shared, "color": "accent", "label": label}


def _bars(
    rows: list[Any],
    *,
    at: Mapping[str, int],
    partners: Mapping[str, list[str]],
    color: Any,
    label: str,
) -> Bars:
    return Bars(
        y=np.array([at[row["parameter"]] for row in rows], dtype=np.float64),
        value=np.array([row["importance"] for row in rows], dtype=np.float64),
        low=np.array([row["low"] for row in rows], dtype=np.float64),
        high=np.array([row["high"] for row in rows], dtype=np.float64),
        color=color,
        label=label,
        is_pale=tuple(row["matters"] != "yes" for row in rows),
        hovers=tuple(_hover(row, partners.get(row["parameter"], [])) for row in rows),
    )


def _near_top(rows: list[Any]) -> list[Points]:
    known = [at for at, row in enumerate(rows) if row["near_top"] == row["near_top"]]
    if not known:
        return []
    return [
        Points(
            x=np.array([rows[at]["near_top"] for at in known], dtype=np.float64),
            y=np.array(known, dtype=np.float64),
            color="ink",
            label="among the better half",
            marker="ring",
            hovers=tuple(_hover(rows[at], []) for at in known),
        )
    ]


def _hover(row: Mapping[str, Any], partners: list[str]) -> str:
    lines = [str(row["parameter"])]
    if row["importance"] == row["importance"]:
        interval = f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
        lines.append(f"{100 * row['importance']:.1f} % of the differences {interval}")
    if row["near_top"] == row["near_top"]:
        interval = f"[{100 * row['top_low']:.0f}, {100 * row['top_high']:.0f}]"
        lines.append(f"{100 * row['near_top']:.0f} % among the better half {interval}")
    if row["matters"] == "no":
        lines.append("within the noise")
    if partners:
        lines.append(f"interacts with {', '.join(partners)}")
    return "\n".join(lines)


def _partners(pairs: "DataFrame") -> dict[str, list[str]]:
    """Return the parameters that interact, and with which."""
    found: dict[str, list[str]] = {}
    for a, b in pairs.loc[pairs["interacts"] == "yes", ["a", "b"]].itertuples(index=False):
        found.setdefault(a, []).append(b)
        found.setdefault(b, []).append(a)
    return found

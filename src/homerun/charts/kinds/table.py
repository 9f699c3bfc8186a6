"""The table of runs: what varies, small bars, the best runs first."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from homerun.charts.aims import aim
from homerun.charts.arrays import Floats, floats
from homerun.charts.figure import joined
from homerun.charts.kinds.html_table import Cell, HtmlTable, Part
from homerun.charts.kinds.runs import names_of, titled
from homerun.charts.ticks import plain
from homerun.core import UsageError, counted
from homerun.insight import classify, has_result, is_number, plain_table, show

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_SPARKS = 40  # points of a small curve
_CONSTANTS = 12  # that are named
_DECADES = 100.0  # times between ends, above which bars go by factors


def table(
    df: "DataFrame",
    *,
    metric: str | None = None,
    goal: str | None = None,
    history: "DataFrame | None" = None,
    n: int = 200,
) -> HtmlTable:
    """Return the best `n` runs as a table of what varies; what is the same for all is named below.

    Numbers that were measured carry a bar, the best of each metric is bold. `history`
    (`homerun.history(df.id)`) adds a small curve of the metric. Without a metric the order stays.
    """
    if n < 1:
        raise UsageError(f"n is {n}; a table shows at least one run")
    df = plain_table(df)
    if metric is not None or df.attrs.get("metric"):
        metric, goal = aim(df, metric, goal)
    order = _order(df, metric, goal)
    rows = df.iloc[order[:n]]
    inputs, results = _columns(df, metric)
    varying = [name for name in inputs if varies(df[name])]
    measured = [name for name in results if varies(df[name]) or name == metric]
    states = _states(df)
    head = ["run", *(["state"] if set(states) - {"finished", ""} else [])]
    columns = [_named(df, rows, order), *([_stated(rows)] if "state" in head else [])]
    if metric is not None:
        head += [metric]
        columns.append(_numbers(df, rows, metric, goal))
        if history is not None and len(curves := _curves(rows, metric, history)):
            head.append("curve")
            columns.append(curves)
    for name in varying:
        head.append(name)
        columns.append(_inputs(rows[name]))
    for name in [name for name in measured if name != metric]:
        head.append(name)
        columns.append(_numbers(df, rows, name, None))
    is_right = {at for at, name in enumerate(head) if name in df.columns and is_number(df[name])}
    faint = frozenset(at for at, state in enumerate(_states(rows)) if state not in {"", "finished"})
    return HtmlTable(
        kind="table",
        title=titled(df, counted(len(df), "run")),
        parts=(
            Part(
                head=tuple(head),
                rows=list(zip(*columns, strict=True)),
                is_sortable=True,
                order=None if metric is None else (head.index(metric), _direction(goal)),
                numeric=frozenset(is_right),
                faint=faint,
            ),
        ),
        caption=joined(
            f"The best {n:,} of {len(df):,} runs." if len(df) > n and metric else "",
            f"The first {n:,} of {len(df):,} runs." if len(df) > n and not metric else "",
            _constants(df, [name for name in inputs if name not in varying]),
        ),
    )


def _order(df: "DataFrame", metric: str | None, goal: str | None) -> list[int]:
    """Return the rows from the best to the worst; what has no number comes last."""
    if metric is None:
        return list(range(len(df)))
    values = floats(df[metric])
    signed = values if goal == "minimize" else -values
    order: list[int] = np.argsort(
        np.where(np.isfinite(signed), signed, np.inf), kind="stable"
    ).tolist()
    return order


def _direction(goal: str | None) -> Literal["ascending", "descending"]:
    return "descending" if goal == "maximize" else "ascending"


def _columns(df: "DataFrame", metric: str | None) -> tuple[list[str], list[str]]:
    """Return what was set and what was measured."""
    if metric is not None:
        kinds = classify(df, metric=metric)
        inputs = [*kinds.blocks, *kinds.parameters, *kinds.repeats]
        if "config" in df.attrs:
            inputs = [name for name in inputs if name in set(df.attrs["config"])]
        results = [*kinds.results, *(["runtime_s"] if "runtime_s" in df.columns else [])]
        return inputs, list(dict.fromkeys(results))
    known = [str(name) for name in df.columns]
    summary = set(df.attrs.get("summary", ()))
    config = df.attrs.get("config") or [
        name for name in known if name not in {"id", "name", "run", "state", *summary}
    ]
    return list(config), [name for name in known if name in summary and is_number(df[name])]


def varies(column: "Series") -> bool:
    """Tell whether the rows of a column differ, as people read them."""
    return len({text_of(value) for value in column.tolist()}) > 1


def text_of(value: Any) -> str:
    """Return a value of a table for people; empty where there is none."""
    value = value.item() if isinstance(value, np.generic) else value
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else plain(value)
    return show(value)


def _states(df: "DataFrame") -> list[str]:
    return [text_of(value) for value in df["state"]] if "state" in df.columns else [""] * len(df)


def _named(df: "DataFrame", rows: "DataFrame", order: Sequence[int]) -> list[Cell]:
    names = names_of(df)
    return [Cell(text=names[at]) for at in order[: len(rows)]]


def _stated(rows: "DataFrame") -> list[Cell]:
    reasons = [text_of(v) for v in rows["reason"]] if "reason" in rows.columns else [""] * len(rows)
    return [
        Cell(text=state, title=reason) for state, reason in zip(_states(rows), reasons, strict=True)
    ]


def _inputs(column: "Series") -> list[Cell]:
    if not is_number(column):
        return [Cell(text=text_of(value), title=text_of(value)) for value in column.tolist()]
    values = floats(column)
    return [
        Cell(text=text_of(value), value=float(number) if np.isfinite(number) else None)
        for value, number in zip(column.tolist(), values, strict=True)
    ]


def _numbers(df: "DataFrame", rows: "DataFrame", name: str, goal: str | None) -> list[Cell]:
    """Return cells with bars from the lowest to the highest value of all runs.

    Of those that count the best is told, where there is a goal.
    """
    every, values = floats(df[name]), floats(rows[name])
    shares = _shares(values, every[np.isfinite(every)])
    counts = has_result(df, name)
    best = None
    if goal is not None and counts.any():
        best = every[counts].min() if goal == "minimize" else every[counts].max()
    may_be = has_result(rows, name)
    return [
        Cell(
            text=plain(float(value)) if not np.isnan(value) else "",
            value=float(value) if np.isfinite(value) else None,
            share=float(share) if np.isfinite(share) else None,
            is_best=best is not None and is_counted and value == best,
        )
        for value, share, is_counted in zip(values, shares, may_be, strict=True)
    ]


def _shares(values: Floats, known: Floats) -> Floats:
    if not len(known):
        return np.full(len(values), np.nan)
    low, high = float(known.min()), float(known.max())
    if low == high:
        return np.full(len(values), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        if low > 0 and high / low > _DECADES:
            low, high, values = np.log(low), np.log(high), np.log(values)
        return np.where(np.isfinite(values), 0.03 + 0.97 * (values - low) / (high - low), np.nan)


def _curves(rows: "DataFrame", metric: str, history: "DataFrame") -> list[Cell]:
    """Return the metric of each run over its steps, as small curves on one scale."""
    key = metric.removeprefix("summary.")
    points = history[history["key"] == key]
    if not len(points) or "id" not in rows.columns:
        return []
    values = floats(points["value"])
    if (values[np.isfinite(values)] > 0).all():
        values = np.log(values)  # an error that is halved falls as much early as late
    finite = values[np.isfinite(values)]
    if not len(finite):
        return []
    low, high = np.quantile(finite, [0.0, 0.98])
    of_run: Mapping[Any, Any] = dict(
        iter(points.assign(value=values).groupby("run", sort=False)["value"])
    )
    return [_curve(of_run.get(run), float(low), float(high)) for run in rows["id"]]


def _curve(values: "Series | None", low: float, high: float) -> Cell:
    there = np.empty(0) if values is None else values.to_numpy()
    there = there[np.isfinite(there)]
    if len(there) < 2:
        return Cell(text="")
    at = np.unique(np.linspace(0, len(there) - 1, min(len(there), _SPARKS)).astype(int))
    y = np.clip((there[at] - low) / ((high - low) or 1.0), 0, 1)
    x = at / (len(there) - 1)
    return Cell(
        text=f"{len(there)} points",
        value=float(there[-1]),
        curve=list(zip(x.tolist(), y.tolist(), strict=True)),
    )


def _constants(df: "DataFrame", names: Iterable[str]) -> str:
    """Return what is the same in all runs: The same in all: epochs 5, size 12."""
    known = [(name, text_of(df[name].iloc[0])) for name in names if len(df)]
    known = [(name, text) for name, text in known if text]
    if not known:
        return ""
    more = f" and {len(known) - _CONSTANTS} more" if len(known) > _CONSTANTS else ""
    listed = ", ".join(f"{name} {text}" for name, text in known[:_CONSTANTS])
    return f"The same in all: {listed}{more}."

"""How far a search has come: each run, and the best so far, over runs and over GPU-hours."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from homerun.charts.aims import aim
from homerun.charts.arrays import Floats, floats
from homerun.charts.figure import Axis, Figure, Line, Mark, Panel, Points, Rule, joined, nothing_yet
from homerun.charts.kinds.response import response
from homerun.charts.kinds.runs import names_of, titled
from homerun.charts.ticks import domain, plain
from homerun.core import counted
from homerun.insight import find_column, has_result, plain_table

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_UNITS = ((3600, "hours"), (60, "minutes"), (1, "seconds"))
_ENDED = frozenset({"finished", "failed", "crashed", "killed", "preempted"})


def progress(
    df: "DataFrame",
    *,
    metric: str | None = None,
    goal: str | None = None,
    target: float | None = None,
) -> Figure:
    """Draw the metric of each run in the order in which they ended, and the best so far.

    A second panel has the same over what was paid for it: GPU-hours, CPU-hours of runs without a
    GPU. Failed runs are crosses at the edge; `target` is a line to reach.
    """
    df = plain_table(df)
    metric, goal = aim(df, metric, goal)
    title = titled(df, f"{metric} by run")
    ended, order = _ended(df)
    table = df.iloc[order]
    values = floats(table[metric])
    good = has_result(table, metric)
    if not good.any():
        return nothing_yet("progress", title, metric, len(df))
    up, on_axis, beyond = response(metric, values[good], goal)
    y = np.full(len(values), np.nan)
    y[good] = on_axis
    hovers = _hovers(table, metric, values)
    paid, unit = _paid(table)
    axes = [(Axis(label="runs, as they ended"), np.arange(1, len(y) + 1, dtype=float))]
    if paid is not None:
        axes.append((Axis(label=unit), np.cumsum(np.nan_to_num(paid))))
    panels = tuple(
        Panel(
            x=x_axis,
            y=up,
            marks=_marks(x, y, values, good, up, goal, hovers, target, is_first=at == 0),
        )
        for at, (x_axis, x) in enumerate(axes)
    )
    waiting = len(df) - len(order)
    unfinished = int((np.isfinite(values) & ~good).sum())
    return Figure(
        kind="progress",
        title=title,
        panels=panels,
        caption=joined(
            _said(values, good, goal, metric, target),
            f"{counted(int((~np.isfinite(values)).sum()), 'run')} without a result."
            if not np.isfinite(values).all()
            else "",
            f"{counted(unfinished, 'run')} with a result did not finish: rings, never best."
            if unfinished
            else "",
            f"{counted(waiting, 'run')} still to end." if waiting else "",
            "" if ended else "Their order is that of the table.",
            "" if paid is not None else "What they cost is not known.",
            beyond,
        ),
        height=300 * len(panels),
    )


def best_so_far(values: Floats, *, goal: str) -> Floats:
    """Return the best of the values up to each place; NaN before the first finite one."""
    best = np.fmin.accumulate(values) if goal == "minimize" else np.fmax.accumulate(values)
    return np.asarray(best, dtype=np.float64)


def _ended(df: "DataFrame") -> tuple[bool, npt.NDArray[np.intp]]:
    """Return the rows of the runs that ended, in the order of it; whether that order is known."""
    state = find_column(df, ["state"])
    rows = np.arange(len(df))
    if state is not None:
        rows = np.flatnonzero(state.astype(str).str.lower().isin(_ENDED | {"nan", "none"}))
    column = find_column(df, ["ended_at", "created", "created_at", "timestamp", "_timestamp"])
    if column is None:
        return False, rows
    times = pd.to_numeric(column, errors="coerce")
    if not pd.api.types.is_numeric_dtype(column.dtype):
        times = pd.to_datetime(column, utc=True, errors="coerce", format="mixed").astype("int64")
    known = times.iloc[rows].astype("float64").to_numpy(na_value=np.nan)
    return bool(np.isfinite(known).any()), rows[np.argsort(known, kind="stable")]


def _paid(table: "DataFrame") -> tuple[Floats | None, str]:
    """Return what each run cost, and in what; None: nobody knows."""
    runtime = find_column(table, ["runtime_s", "fit_time", "_runtime", "runtime", "seconds"])
    if runtime is None or not np.isfinite(floats(runtime)).any():
        return None, ""
    seconds = floats(runtime)
    devices = find_column(table, ["devices"])
    gpus = _devices(devices) if devices is not None else np.zeros(len(table))
    if gpus.any():
        return _in_hours(seconds * gpus, "GPU-")
    user, system = (find_column(table, [name]) for name in ("user_cpu_s", "system_cpu_s"))
    if user is not None and np.isfinite(floats(user)).any():
        cpu = floats(user) + (np.nan_to_num(floats(system)) if system is not None else 0.0)
        return _in_hours(cpu, "CPU-")
    return _in_hours(seconds, "run-")


def _in_hours(seconds: Floats, of: str) -> tuple[Floats, str]:
    """Return times in hours, in less where all together are not even one, and the unit."""
    total = np.nansum(seconds)
    size, unit = next((one for one in _UNITS if total >= one[0]), _UNITS[-1])
    return seconds / size, f"{of}{unit}"


def _devices(column: "Series") -> Floats:
    return np.array(
        [len(v) if isinstance(v, (list, tuple)) else 0 for v in column], dtype=np.float64
    )


def _hovers(table: "DataFrame", metric: str, values: Floats) -> tuple[str, ...]:
    state = find_column(table, ["state"])
    states = [
        "" if state is None else str(word) for word in (state if state is not None else values)
    ]
    return tuple(
        f"{name}\n{metric}: {plain(value)}"
        if np.isfinite(value)
        else f"{name}\n{word or 'no result'}"
        for name, value, word in zip(names_of(table), values, states, strict=True)
    )


def _marks(
    x: Floats,
    y: Floats,
    values: Floats,
    good: npt.NDArray[np.bool_],
    up: Axis,
    goal: str,
    hovers: tuple[str, ...],
    target: float | None,
    *,
    is_first: bool,
) -> tuple[Mark, ...]:
    best = best_so_far(np.where(good, y, np.nan), goal=goal)
    low, high = domain(up, "y", [Line(x=x, y=y), *_rules(target)])
    unfinished, failed = np.isfinite(values) & ~good, ~np.isfinite(values)
    marks: list[Mark] = list(_rules(target))
    for mine, marker, label, height in (
        (good, "dot", "a run", y),
        (unfinished, "ring", "did not finish", np.clip(values, low, high)),
        (failed, "cross", "failed", np.full(len(x), high if goal == "minimize" else low)),
    ):
        if mine.any():
            marks.append(
                Points(
                    x=x[mine],
                    y=height[mine],
                    color=1 if marker == "cross" else "muted",
                    marker=marker,  # type: ignore[arg-type]
                    label=label if is_first and marker != "dot" else "",
                    hovers=tuple(hovers[i] for i in np.flatnonzero(mine)),
                )
            )
    same = best[1:] == best[:-1]
    # Of each step its two ends: all there is to a line of thousands of runs.
    ends = np.r_[True, ~same] | np.r_[~same, True]
    line = Line(
        x=x[ends],
        y=best[ends],
        color="accent",
        width=2.2,
        is_stepped=True,
        label="best so far" if is_first else "",
    )
    return (*marks, line)


def _rules(target: float | None) -> tuple[Rule, ...]:
    return () if target is None else (Rule(at=target, text=f"target {plain(target)}"),)


def _said(
    values: Floats, good: npt.NDArray[np.bool_], goal: str, metric: str, target: float | None
) -> str:
    kept = np.where(good, values, np.nan)
    at = int(np.nanargmin(kept) if goal == "minimize" else np.nanargmax(kept))
    text = f"Best {metric} {plain(values[at])}, by run {at + 1} of {len(values)}."
    if target is None:
        return text
    there = kept <= target if goal == "minimize" else kept >= target
    reached = f"reached by run {int(np.argmax(there)) + 1}" if there.any() else "not reached yet"
    return f"{text} Target {plain(target)} {reached}."

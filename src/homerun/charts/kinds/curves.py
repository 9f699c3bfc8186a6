"""Learning curves: many runs over one another, smoothed, with bands over repeats or groups."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from homerun.charts.aims import goal_of
from homerun.charts.arrays import Floats, floats
from homerun.charts.figure import Axis, Band, Color, Figure, Line, Mark, Panel, Points, joined
from homerun.charts.kinds.configurations import prepared, settings
from homerun.charts.kinds.response import response
from homerun.charts.kinds.runs import levels_of, titled
from homerun.charts.ticks import plain, shortened
from homerun.core import UsageError, counted
from homerun.insight import Prepared, find_column, has_result, is_number, plain_table, require

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_FEW = 12  # runs that each have a line and a name
_GROUPS = 7  # colours
_POINTS = 60_000  # of all lines together; more are thinned
_GRID = 200  # places at which a band is known
_CROWD = 40  # ends that are drawn in full
_BAD = frozenset({"failed", "crashed", "killed"})
_QUARTILES = 6  # runs of a group from which its middle half is drawn, not all of it


@dataclass(frozen=True, kw_only=True, eq=False)
class _Curve:
    """The points of one run."""

    run: str
    name: str
    x: Floats
    raw: Floats
    y: Floats  # smoothed
    group: str
    end: Literal["", "stopped", "failed"]
    worth: float  # the metric; smaller is better


def curves(
    history: "DataFrame",
    *,
    key: str | None = None,
    runs: "DataFrame | None" = None,
    x: Literal["step", "epoch", "time"] = "step",
    color: str | None = None,
    smoothing: float = 0.0,
    goal: str | None = None,
) -> Figure:
    """Draw a logged metric over steps, epochs or wall time since the start of each run.

    `history`: columns run, key, step, value, time, as `homerun.history()` gives, or run, step and a
    column per metric, as most programs write them; the log of one run needs no run. `runs`: the
    table of these runs; it knows their names, settings and ends, and `color` is a column of it.
    `smoothing`: the weight of what was, 0 to below 1. Runs with a color, and those that repeat up
    to seven configurations, have a median per group and a band: the middle half of its runs, of few
    runs all. Else each has a line, and of more than 12 the best stands out.
    """
    if not 0 <= smoothing < 1:
        raise UsageError(f"smoothing is {smoothing}; use a number from 0 to below 1, such as 0.6")
    history = _a_row_a_point(history)
    if color is not None and runs is None:
        raise UsageError(f"color={color!r} is a column of the table of runs: give it with runs=...")
    attrs = runs.attrs if runs is not None else {}
    key = _key(history, key, attrs.get("metric"))
    goal = goal_of(attrs, key, goal)
    words = f"{key} by {color}" if color is not None else key
    title = titled(runs, words) if runs is not None else words
    points = _points(history, key, x, runs)
    axis = Axis(label={"time": "time since start"}.get(x, x), unit="seconds" if x == "time" else "")
    up = Axis(label=key, better="low" if goal == "minimize" else "high")
    if not np.isfinite(points["value"]).any():
        bare = Axis(label="", scale="category")
        panel = Panel(x=bare, y=replace(bare, label=key), marks=())
        count = counted(len(points), "point")
        said = f"None of {count} of {key} is finite." if len(points) else f"No points of {key} yet."
        return Figure(kind="curves", title=title, panels=(panel,), caption=said)
    found, groups = _read(points, runs, color, smoothing, goal)
    scale, low, high = _height(found, goal)
    up = replace(up, scale=scale, low=low, high=high)
    if groups:
        marks, said = _of_groups(found, groups)
    elif len(found) <= _FEW:
        marks, said = _of_few(found, smoothing)
    else:
        marks, said = _of_many(found)
    smoothed = f"Smoothed ({plain(smoothing)}, mean that forgets, debiased)." if smoothing else ""
    return Figure(
        kind="curves",
        title=title,
        panels=(Panel(x=axis, y=up, marks=(*marks, *_ends(found))),),
        caption=joined(said, smoothed, _cut(found, low, high)),
    )


def smooth(values: Floats, weight: float) -> Floats:
    """Return the exponential moving average of values as TensorBoard and W&B draw it.

    s(t) = w s(t-1) + (1 - w) v(t) with s(0) = 0, divided by 1 - w^n for n values so far, so that
    the start is not drawn to 0 (TensorBoard's line-chart `resmoothDataset`, after Adam). A value
    that is not finite stays out of it and stays what it is.
    """
    if not weight:
        return values
    known = pd.Series(np.where(np.isfinite(values), values, np.nan))
    # With adjust, the weights w^0, w^1, ... are divided by their sum (1 - w^n) / (1 - w): the same.
    mean = known.ewm(alpha=1 - weight, adjust=True, ignore_na=True).mean().to_numpy()
    return np.where(np.isfinite(values), mean, values)


def _a_row_a_point(history: "DataFrame") -> "DataFrame":
    """Return the points with a row each, also of a table with a column for each metric."""
    history = plain_table(history)
    known = set(history.columns)
    at = next((name for name in ("step", "_step", "epoch") if name in known), None)
    if at and "run" not in known and _counts_up(history[at]):  # the log of one run
        history, known = history.assign(run="run 1"), {*known, "run"}
    if "run" in known and at and not {"key", "value"} & known:
        wide = history.assign(step=history[at])
        kept = [name for name in ("run", "step", "time") if name in wide.columns]
        keys = [
            name for name in wide.columns if name not in {*kept, "_step"} and is_number(wide[name])
        ]
        keys.sort(key="epoch".__eq__)  # last: it is not what anyone looks for
        return wide.melt(kept, keys, var_name="key").dropna(subset="value")
    missing = [name for name in ("run", "key", "step", "value") if name not in known]
    if missing:
        raise UsageError(
            f"curves need points as homerun.history(df.id) gives them, and this table has no"
            f" column {missing[0]!r}; or a table of run, step and a column per metric"
        )
    return history


def _counts_up(steps: "Series") -> bool:
    values = floats(steps)
    return len(values) > 1 and bool((np.diff(values) > 0).all())


def _key(history: "DataFrame", key: str | None, metric: str | None) -> str:
    known = [str(one) for one in history["key"].drop_duplicates()]
    if key is None:
        if metric in known:
            return str(metric)
        if not known:
            return metric or "metric"
        return str(history["key"].value_counts().index[0])
    if known and key not in known:
        near = difflib.get_close_matches(key, known, n=3) or known[:8]
        raise UsageError(f"no run logged {key!r}; there is {', '.join(near)}")
    return key


def _points(history: "DataFrame", key: str, x: str, runs: "DataFrame | None") -> "DataFrame":
    """Return run, x and value of the points of a key, in their order."""
    own = history[history["key"] == key]
    value = floats(own["value"])
    if x == "epoch":
        epochs = history[history["key"] == "epoch"].drop_duplicates(["run", "step"], keep="last")
        if not len(epochs):
            raise UsageError("no run logged 'epoch': use x='step' or x='time'")
        at = own.merge(
            epochs[["run", "step", "value"]], on=["run", "step"], how="left", suffixes=("", "_x")
        )
        place = floats(at["value_x"])
    elif x == "time":
        require(history, "time")
        start = _seconds(history["time"])
        first = pd.Series(start).groupby(history["run"].to_numpy()).min()
        known = _started(runs)
        first = known.reindex(first.index).fillna(first) if known is not None else first
        place = _seconds(own["time"]) - first.reindex(own["run"]).to_numpy()
    elif x == "step":
        place = floats(own["step"])
    else:
        raise UsageError(f"x is {x!r}; use step, epoch or time")
    points = pd.DataFrame({"run": own["run"].astype(str).to_numpy(), "x": place, "value": value})
    return points[np.isfinite(place)]


def _started(runs: "DataFrame | None") -> "Series | None":
    if runs is None or "id" not in runs.columns or "started_at" not in runs.columns:
        return None
    found = pd.Series(_seconds(runs["started_at"]), index=runs["id"].astype(str))
    return found[~found.index.duplicated()]


def _seconds(times: "Series") -> Floats:
    if pd.api.types.is_datetime64_any_dtype(times.dtype):
        since = times - pd.Timestamp(0, tz=times.dt.tz)
        return np.asarray(since.dt.total_seconds(), dtype=np.float64)
    return floats(times)


def _read(
    points: "DataFrame", runs: "DataFrame | None", color: str | None, smoothing: float, goal: str
) -> tuple[list[_Curve], list[str]]:
    """Return the curves, and the groups that they are drawn in; none: each by itself."""
    known = _known(runs, [str(run) for run in points["run"].drop_duplicates()])
    group_of, groups = _grouped(runs, known, color)
    most = max(_POINTS // max(points["run"].nunique(), 1), 20)
    results = _results(runs)
    sign = -1.0 if goal == "maximize" else 1.0
    found = []
    names, ends = _names(runs), _ends_of(runs)
    for run, x, raw in _by_run(points):
        row = known.get(run)
        y = smooth(raw, smoothing)
        kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), most)).astype(np.intp))
        last = sign * raw[np.isfinite(raw)][-1:]
        if results is not None and row is not None:
            last = results[[row]]
        end = ends[row] if row is not None else ""
        worth = float(last[0]) if len(last) and np.isfinite(last[0]) and not end else np.inf
        found.append(
            _Curve(
                run=run,
                name=shortened(names[row] if names and row is not None else run),
                x=x[kept],
                raw=raw[kept],
                y=y[kept],
                group=group_of.get(run, ""),
                end=end,
                worth=worth,
            )
        )
    return found, groups


def _by_run(points: "DataFrame") -> Iterator[tuple[str, Floats, Floats]]:
    """Yield the runs in the order in which they appear: name, x and value of their points."""
    codes, runs = pd.factorize(points["run"])
    order = np.argsort(codes, kind="stable")
    edges = np.cumsum(np.bincount(codes, minlength=len(runs)))[:-1]
    x, value = (np.split(points[name].to_numpy()[order], edges) for name in ("x", "value"))
    yield from zip(map(str, runs), x, value, strict=True)


def _results(runs: "DataFrame | None") -> Floats | None:
    """Return by how little each run of a sweep missed its goal: the least is best.

    NaN of those that do not count: they have not finished.
    """
    metric = str(runs.attrs.get("metric", "")) if runs is not None else ""
    if runs is None or metric not in runs.columns:
        return None
    values = np.where(has_result(runs, metric), floats(runs[metric]), np.nan)
    return values * (-1.0 if runs.attrs.get("goal") == "maximize" else 1.0)


def _known(runs: "DataFrame | None", wanted: list[str]) -> dict[str, int]:
    """Return the row of each run in the table of runs, by the column that has their names."""
    if runs is None:
        return {}
    best: dict[str, int] = {}
    for name in ("id", "run", "name", "number"):
        if name in runs.columns:
            rows = {str(value): at for at, value in enumerate(runs[name])}
            found = {run: rows[run] for run in wanted if run in rows}
            best = found if len(found) > len(best) else best
    return best


def _grouped(
    runs: "DataFrame | None", known: dict[str, int], color: str | None
) -> tuple[dict[str, str], list[str]]:
    """Return the group of each run: of a colour, else of the configuration where runs repeat it."""
    if runs is None:
        return {}, []
    if color is not None:
        require(runs, color)
        texts = levels_of(runs[color], most=_GROUPS)
        return {run: texts[row] for run, row in known.items()}, _most(texts, known)
    table = _table(runs, known)
    if table is None or not 2 <= len(table.y) <= _GROUPS or len(table.run_y) < 2 * len(table.y):
        return {}, []
    names = [settings(table, cell) for cell in range(len(table.codes))]
    of_row = {
        int(row): names[cell] for row, cell in zip(table.run_rows, table.run_cell, strict=True)
    }
    groups = {run: of_row.get(row, "") for run, row in known.items()}
    return groups, sorted(set(groups.values()) - {""}, key=names.index)


def _table(runs: "DataFrame", known: dict[str, int]) -> Prepared | None:
    """Return the runs of the curves as configurations, where the table knows what they are."""
    metric = runs.attrs.get("metric")
    if metric is None or metric not in runs.columns or not known:
        return None
    return prepared(runs, metric, runs.attrs.get("goal") or "minimize")


def _most(texts: list[str], known: dict[str, int]) -> list[str]:
    counts = pd.Series([texts[row] for row in known.values()], dtype="object").value_counts()
    return sorted((str(text) for text in counts.index[:_GROUPS]), key=texts.index)


def _names(runs: "DataFrame | None") -> list[str]:
    """Return the name of each row; none where the table has no names."""
    return [] if runs is None or "name" not in runs.columns else list(map(str, runs["name"]))


def _ends_of(runs: "DataFrame | None") -> list[Literal["", "stopped", "failed"]]:
    """Return for each row whether its run was stopped early or failed."""
    if runs is None:
        return []
    censored, state = find_column(runs, ["censored"]), find_column(runs, ["state"])
    is_stopped = np.zeros(len(runs)) if censored is None else np.nan_to_num(floats(censored))
    states = [""] * len(runs) if state is None else [str(one).lower() for one in state]
    return [
        "stopped" if stopped else "failed" if word in _BAD else ""
        for stopped, word in zip(is_stopped, states, strict=True)
    ]


def _height(
    found: list[_Curve], goal: str
) -> tuple[Literal["linear", "log"], float | None, float | None]:
    """Return the scale of the axis, and its ends where a few runs would stretch it."""
    values = np.concatenate([curve.y for curve in found])
    values = values[np.isfinite(values)]
    if not len(values):
        return "linear", None, None
    low, high = np.quantile(values, [0.01, 0.99])
    if goal == "minimize" and values.min() > 0 and high > 30 * low:
        return "log", None, None
    sign = 1.0 if goal == "minimize" else -1.0
    worst = [sign * np.nanmax(sign * c.y) for c in found if np.isfinite(c.y).any()]
    axis, _, beyond = response("", np.array(worst), goal)
    if not beyond or axis.scale == "log":
        return "linear", None, None
    return "linear", None if sign > 0 else axis.low, axis.high if sign > 0 else None


def _cut(found: list[_Curve], low: float | None, high: float | None) -> str:
    """Return how many runs leave the picture."""
    least, most = (-np.inf if low is None else low), (np.inf if high is None else high)
    count = sum(bool(((c.y < least) | (c.y > most)).any()) for c in found)
    return f"{counted(count, 'run')} partly outside of the picture." if count else ""


def _of_few(found: list[_Curve], smoothing: float) -> tuple[list[Mark], str]:
    """Return a line per run, each with its name and, where smoothed, what it was before."""
    marks: list[Mark] = []
    best = min(found, key=lambda curve: curve.worth)
    for at, curve in enumerate(found):
        color: Color = at if len(found) <= _GROUPS + 1 else "accent" if curve is best else "muted"
        if smoothing:
            marks.append(Line(x=curve.x, y=curve.raw, color=color, width=1.0, is_faint=True))
        is_named = len(found) <= _GROUPS + 1 or curve is best
        marks.append(
            Line(
                x=curve.x,
                y=curve.y,
                color=color,
                label=curve.name if is_named and len(found) > 1 else "",
                width=2.4 if curve is best and len(found) > 1 else 1.5,
                hover=curve.name,
            )
        )
    return marks, f"Best: {best.name}." if len(found) > 1 and np.isfinite(best.worth) else ""


def _of_many(found: list[_Curve]) -> tuple[list[Mark], str]:
    """Return a faint line per run, the median of all, and the best."""
    marks: list[Mark] = [
        Line(x=c.x, y=c.y, color="muted", width=0.8, is_faint=True, hover=c.name) for c in found
    ]
    grid, _, middle, _ = _band(found)
    marks.append(Line(x=grid, y=middle, color="ink", label="median", width=1.6, is_dashed=True))
    best = min(found, key=lambda curve: curve.worth)
    said = f"{counted(len(found), 'run')}."
    if np.isfinite(best.worth):
        marks.append(
            Line(x=best.x, y=best.y, color="accent", label="best", width=2.2, hover=best.name)
        )
        said = f"{counted(len(found), 'run')}; the best is {best.name}."
    return marks, said


def _of_groups(found: list[_Curve], groups: list[str]) -> tuple[list[Mark], str]:
    """Return a band and a median per group."""
    marks: list[Mark] = []
    lines: list[Mark] = []
    sizes = []
    rest = [curve for curve in found if curve.group not in groups]
    marks += [
        Line(x=c.x, y=c.y, color="muted", width=0.8, is_faint=True, hover=c.name) for c in rest
    ]
    for at, group in enumerate(groups):
        own = [curve for curve in found if curve.group == group]
        if not own:
            continue
        sizes.append(len(own))
        grid, low, middle, high = _band(own)
        if len(own) > 1:
            marks.append(Band(x=grid, low=low, high=high, color=at))
        lines.append(Line(x=grid, y=middle, color=at, label=group, width=1.8, hover=group))
    what = "the middle half" if max(sizes) >= _QUARTILES else "the range"
    others = f"; {counted(len(rest), 'other run')} grey" if rest else ""
    said = (
        f"Medians of {min(sizes)} to {max(sizes)} runs"
        if min(sizes) < max(sizes)
        else f"Medians of {counted(sizes[0], 'run')} each"
    )
    return [*marks, *lines], f"{said}, the band is {what} of those still going{others}."


def _band(found: list[_Curve]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return places, and there the low end, median and high end of the curves that reach them."""
    grid = np.unique(np.concatenate([curve.x for curve in found]))
    if len(grid) > 2 * _GRID:
        grid = np.linspace(grid[0], grid[-1], _GRID)
    rows = np.full((len(found), len(grid)), np.nan)
    for at, curve in enumerate(found):
        there = np.isfinite(curve.y)
        if there.any():
            by = np.argsort(curve.x[there], kind="stable")
            rows[at] = np.interp(
                grid, curve.x[there][by], curve.y[there][by], left=np.nan, right=np.nan
            )
    grid, rows = grid[np.isfinite(rows).any(axis=0)], rows[:, np.isfinite(rows).any(axis=0)]
    shares = (0.25, 0.5, 0.75) if len(found) >= _QUARTILES else (0.0, 0.5, 1.0)
    low, middle, high = np.nanquantile(rows, shares, axis=0)
    return grid, low, middle, high


def _ends(found: list[_Curve]) -> list[Mark]:
    """Return the ends of runs that did not go on to theirs."""
    marks: list[Mark] = []
    kinds: tuple[tuple[str, str, Color, Literal["ring", "cross"]], ...] = (
        ("stopped", "stopped early", "ink", "cross"),
        ("failed", "failed", 1, "ring"),
    )
    for end, label, color, marker in kinds:
        own = [c for c in found if c.end == end and np.isfinite(c.y).any()]
        if own:
            last = [int(np.flatnonzero(np.isfinite(c.y))[-1]) for c in own]
            marks.append(
                Points(
                    x=np.array([c.x[i] for c, i in zip(own, last, strict=True)]),
                    y=np.array([c.y[i] for c, i in zip(own, last, strict=True)]),
                    color=color,
                    marker=marker,
                    label=label,
                    is_faint=len(own) > _CROWD,
                    hovers=tuple(c.name for c in own),
                )
            )
    return marks

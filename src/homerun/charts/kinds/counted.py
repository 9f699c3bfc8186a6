"""Which runs of a table count in a picture, on what axis, and in words what was left out."""

import difflib
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from homerun.charts.arrays import Floats, floats
from homerun.charts.figure import Axis, Figure, Panel
from homerun.charts.ticks import plain
from homerun.core import UsageError, counted
from homerun.insight import Prepared, find_column, is_number, prepare, show

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_CROWD = 20  # runs from which a few far ones do not stretch an axis
_BINS = 6


def prepared(
    df: "DataFrame",
    metric: str,
    goal: str,
    *,
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    also: Iterable[str] = (),
) -> Prepared | None:
    """Return a table of runs ready to be drawn; None: no run that counts has a finite metric."""
    if not (np.isfinite(floats(df[metric])) & finished(df)).any():
        return None
    return prepare(df, metric=metric, goal=goal, params=params, repeats=repeats, also=also)


def finished(df: "DataFrame") -> npt.NDArray[np.bool_]:
    """Tell which runs finished by themselves; those of a table without states did."""
    counts = np.ones(len(df), dtype=bool)
    state = find_column(df, ["state"])
    if state is not None:
        counts &= (state.isna() | (state.astype(str).str.lower() == "finished")).to_numpy(
            dtype=bool
        )
    censored = find_column(df, ["censored"])
    if censored is not None:
        counts &= np.nan_to_num(floats(censored)) == 0
    return counts


def nothing_yet(kind: str, title: str, metric: str, runs: int) -> Figure:
    """Return the picture of a sweep of which no run has ended well so far."""
    bare = Axis(label="", scale="category")
    panel = Panel(x=bare, y=replace(bare, label=metric), marks=())
    caption = f"None of {counted(runs, 'run')} has finished with a finite {metric}."
    return Figure(kind=kind, title=title, panels=(panel,), caption=caption)


def titled(df: "DataFrame", words: str) -> str:
    """Return a title, with the name of the sweep where the table knows it."""
    sweep = df.attrs.get("title")
    return f"{sweep}: {words}" if sweep else words


def values_of(df: "DataFrame", table: Prepared) -> Floats:
    """Return the metric of the runs that count, in its own units."""
    return floats(df[table.metric])[table.run_rows]


def means(table: Prepared, values: Floats) -> Floats:
    """Return the mean over the repeats of each configuration, of the finite values; else NaN."""
    there = np.isfinite(values)
    cells = len(table.y)
    sums = np.bincount(table.run_cell[there], weights=values[there], minlength=cells)
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / np.bincount(table.run_cell[there], minlength=cells))


def response(label: str, values: Floats, goal: str) -> tuple[Axis, Floats, str]:
    """Return the axis of a metric, its values on that axis, and what to say of those beyond it.

    The far tail of the bad side ends at the edge, where there are many runs: at the 95th
    percentile and as much again as lies between it and the median.
    """
    finite = values[np.isfinite(values)]
    sign = 1.0 if goal == "minimize" else -1.0
    low, high = float(finite.min()), float(finite.max())
    is_log = goal == "minimize" and low > 0 and _bad_end(finite, sign) > 10 * low
    edge = _bad_end(np.log(finite), sign) if is_log else _bad_end(finite, sign)
    edge = float(np.exp(edge)) if is_log else edge
    if sign > 0:
        high = max(min(high, edge), low)
    else:
        low = min(max(low, edge), high)
    beyond = int((sign * finite > sign * (high if sign > 0 else low)).sum())
    axis = Axis(
        label=label,
        scale="log" if is_log else "linear",
        better="low" if goal == "minimize" else "high",
    )
    note = ""
    if beyond:
        start, end = _padded(low, high, is_log)
        axis = replace(axis, low=start, high=end)
        word = "above" if sign > 0 else "below"
        note = f"{counted(beyond, 'run')} {word} {plain(edge)} at the edge."
    return axis, np.clip(values, low, high), note


def telling(table: Prepared) -> list[float]:
    """Return, for each parameter, the share of the differences that its values explain alone.

    Adjusted R squared of the means of its levels; numbers with many values in six bins.
    """
    total = float(((table.y - table.y.mean()) ** 2).sum())
    return [_share(table, at, total) for at in range(len(table.parameters))]


def settings(table: Prepared, cell: int, names: Sequence[str] | None = None) -> str:
    """Return the configuration of a cell: lr=0.001, resize=crop."""
    return ", ".join(
        f"{factor.name}={show(factor.levels[code])}"
        for factor, code in zip(table.factors, table.codes[cell], strict=True)
        if names is None or factor.name in names
    )


def names_of(df: "DataFrame") -> list[str]:
    """Return what the runs of a table are called."""
    column = find_column(df, ["name", "run", "run_name", "id"])
    if column is None:
        return [f"run {at}" for at in range(1, len(df) + 1)]
    return [str(name) for name in column]


def nearest(df: "DataFrame", names: Sequence[str], *, what: str) -> str:
    """Return the first of some columns that the table has; UsageError where it has none."""
    column = find_column(df, names)
    if column is None:
        near = difflib.get_close_matches(names[0], [str(c) for c in df.columns], n=3)
        hint = f" such as {near[0]}" if near else ""
        raise UsageError(f"the table has none of {', '.join(names[:4])}: name a {what}{hint}")
    return str(column.name)


def levels_of(column: "Series", *, most: int) -> list[str]:
    """Return the group of each row: its value, of many numbers the quarter that it lies in."""
    if is_number(column) and column.nunique() > most:
        values = floats(column)
        edges = np.unique(np.nanquantile(values, [0, 0.25, 0.5, 0.75, 1]))
        at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
        names = [f"{plain(a)} to {plain(b)}" for a, b in itertools.pairwise(edges)]
        return [names[i] if np.isfinite(v) else "none" for i, v in zip(at, values, strict=True)]
    gaps = column.isna().to_numpy()
    return [show(None if gap else v) for v, gap in zip(column, gaps, strict=True)]


def left_out(table: Prepared) -> str:
    """Return how many runs a picture leaves out, and why; empty: none."""
    parts = [
        (table.without_metric, f"without a finite {table.metric}"),
        (table.unfinished, "not finished"),
        (table.stopped_early, "stopped early"),
        (table.duplicates, "twice in the table"),
    ]
    said = [f"{count} {why}" for count, why in parts if count]
    return f"Left out: {', '.join(said)}." if said else ""


def joined(*sentences: str) -> str:
    """Return the sentences that say something, as one text."""
    return " ".join(sentence for sentence in sentences if sentence)


def _bad_end(values: Floats, sign: float) -> float:
    """Return where the crowd's bad side ends; of few runs, the worst one."""
    signed = sign * values
    if len(values) < _CROWD:
        return sign * float(signed.max())
    middle, far = np.quantile(signed, [0.5, 0.95])
    return sign * min(float(signed.max()), float(far + (far - middle)))


def _padded(low: float, high: float, is_log: bool) -> tuple[float, float]:
    if is_log:
        room = (high / low) ** 0.04
        return low / room, high * room
    pad = 0.04 * (high - low)
    return (0.0 if low == 0 else low - pad), high + pad


def _share(table: Prepared, at: int, total: float) -> float:
    codes: Any = table.codes[:, at]
    if table.parameters[at].kind == "number" and len(table.parameters[at].levels) > 2 * _BINS:
        ranks = np.argsort(np.argsort(codes, kind="stable"), kind="stable")
        codes = ranks * _BINS // len(codes)
    count = np.bincount(codes)
    used = count > 0
    n, k = len(codes), int(used.sum())
    if total <= 0 or n <= k:
        return 0.0
    between = np.bincount(codes, weights=table.y - table.y.mean())[used] ** 2 / count[used]
    return 1 - (1 - float(between.sum()) / total) * (n - 1) / (n - k)

"""What a result costs: the metric against time or memory, and the runs that nothing beats."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from homerun.charts.aims import aim
from homerun.charts.arrays import Floats, floats
from homerun.charts.figure import Axis, Color, Figure, Line, Panel, Points, joined, nothing_yet
from homerun.charts.kinds.configurations import (
    left_out,
    means,
    prepared,
    settings,
    telling,
    values_of,
)
from homerun.charts.kinds.response import response
from homerun.charts.kinds.runs import levels_of, names_of, titled
from homerun.charts.ticks import plain
from homerun.charts.ticks import show as shown
from homerun.core import UsageError, counted
from homerun.insight import Prepared, find_column, plain_table, require, show

if TYPE_CHECKING:
    from pandas import DataFrame

_COSTS = (
    "fit_time train_time training_time runtime_s _runtime runtime duration_s duration seconds "
    "elapsed gpu_memory_max_gib gpu_mem gpu_memory memory_max_mib energy_wh"
).split()
_FAMILIES = 7
_NAMED = 2  # parameters that name a configuration
_PANELS = 4  # data sets, each in a panel
_FAMILY = re.compile(r"[^\W\d_]+?(?:v\d)?(?=[\d_\-./ ]|$)")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cloud:
    """The points of a picture: one a configuration."""

    x: Floats
    y: Floats  # on the axis
    value: Floats  # in its own units
    area: Floats | None
    family: npt.NDArray[np.intp]
    names: tuple[str, ...]
    hovers: tuple[str, ...]


def scatter(
    df: "DataFrame",
    *,
    x: str | None = None,
    y: str | None = None,
    metric: str | None = None,
    goal: str | None = None,
    color: str | None = None,
    size: str | None = None,
    label: str | None = None,
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
) -> Figure:
    """Draw the metric against what a run costs: a dot per configuration, repeats averaged.

    `x`: a cost, by itself the time to fit, else GPU memory. `color`: a column, by itself the
    category that tells most; of many names the family, their first word. `size`: a column that the
    area of a dot is proportional to. `label`: a column with names. The line joins the runs that no
    other one beats in both (the Pareto front).
    """
    df = plain_table(df)
    metric, goal = aim(df, y or metric, goal)
    cost = x or _cost(df)
    for name in (cost, color, size, label):
        if name is not None:
            require(df, name)
    title = titled(df, f"{metric} against {_words(cost)}")
    also = [c for c in (color,) if c is not None and c != metric]
    table = prepared(df, metric, goal, params=params, repeats=repeats, also=also)
    if table is None:
        return nothing_yet("scatter", title, metric, len(df))
    if not table.parameters:  # nothing tells configurations apart: each run is one
        count = len(table.run_y)
        table = replace(
            table, run_cell=np.arange(count), y=table.run_y, codes=table.codes[[0] * count]
        )
    return _figure(df, table, cost, title, color, size, label)


def pareto(x: Floats, y: Floats, *, goal: str = "minimize") -> npt.NDArray[np.intp]:
    """Return the positions that no other one beats or equals in both, ascending in x (a cost)."""
    worth = y if goal == "minimize" else -y
    order = np.lexsort((worth, x))
    order = order[np.isfinite(x[order]) & np.isfinite(worth[order])]
    best = np.minimum.accumulate(worth[order])
    first: npt.NDArray[np.bool_] = np.ones(len(order), dtype=bool)
    first[1:] = worth[order][1:] < best[:-1]
    return order[first]


def family(name: str) -> str:
    """Return the first word of a name: convnext_tiny is a convnext, org/vit_b16 a vit."""
    own = name.rpartition("/")[2]
    found = _FAMILY.match(own)
    return found[0] if found else own


def _figure(
    df: "DataFrame",
    table: Prepared,
    cost: str,
    title: str,
    color: str | None,
    size: str | None,
    label: str | None,
) -> Figure:
    values, costs = means(table, values_of(df, table)), floats(df[cost])[table.run_rows]
    across = means(table, costs)
    there = np.flatnonzero(np.isfinite(across) & np.isfinite(values))
    if not len(there):
        raise UsageError(f"no run that counts has a finite {cost}; use another x")
    axis, along = _cost_axis(cost, across[there])
    up, on_axis, beyond = response(table.metric, values[there], table.goal)
    families, source, by = _families(df, table, there, color)
    names = _names(df, table, there, label, source)
    cloud = _Cloud(
        x=along,
        y=on_axis,
        value=values[there],
        area=_areas(df, table, size, there),
        family=families,
        names=names,
        hovers=_hovers(table, there, names, (up, values[there]), (axis, along)),
    )
    groups = _groups(table, there)
    panels = tuple(
        Panel(x=axis, y=up, marks=_marks(cloud, rows, by, table.goal), title=name)
        for name, rows in groups
    )
    count = int(np.bincount(table.run_cell, minlength=len(table.y))[there].sum())
    repeated = f", repeats averaged ({counted(count, 'run')})" if count > len(there) else ""
    missing = len(values) - len(there)
    caption = joined(
        f"A dot is a configuration{repeated}; the line joins those that no other beats in both.",
        f"Area: {size}." if size else "",
        beyond,
        f"{missing} without {cost} left out." if missing else "",
        left_out(table),
    )
    columns = min(len(panels), 2)
    return Figure(
        kind="scatter",
        title=title,
        panels=panels,
        caption=caption,
        columns=columns,
        width=480 if columns == 1 else 900,
        height=340 * ((len(panels) + 1) // 2),
    )


def _marks(
    cloud: _Cloud, rows: npt.NDArray[np.intp], by: Sequence[str], goal: str
) -> tuple[Points | Line, ...]:
    front = rows[pareto(cloud.x[rows], cloud.value[rows], goal=goal)]
    steps = Line(
        x=cloud.x[front],
        y=cloud.y[front],
        color="ink",
        width=1.2,
        is_stepped=True,
        hover="not beaten in both",
    )
    named = set(front.tolist())
    marks: list[Points | Line] = []
    for at in (len(by) - 1, *range(len(by) - 1)):  # the rest lowest
        mine = rows[cloud.family[rows] == at]
        if not len(mine):
            continue
        is_rest = by[at] == "other" and at == len(by) - 1
        plain_color: Color = "muted" if is_rest else at if len(by) > 1 else "accent"
        marks.append(
            Points(
                x=cloud.x[mine],
                y=cloud.y[mine],
                color=plain_color,
                label=by[at] if len(by) > 1 else "",
                marker="ring" if is_rest else "dot",  # grey is near to pink for some eyes
                area=None if cloud.area is None else cloud.area[mine],
                hovers=tuple(cloud.hovers[i] for i in mine),
                texts=tuple(cloud.names[i] if i in named else "" for i in mine),
            )
        )
    return (steps, *marks)


def _groups(table: Prepared, there: npt.NDArray[np.intp]) -> list[tuple[str, npt.NDArray[np.intp]]]:
    """Return the rows of each panel: one for each data set, as those do not compare."""
    everything = np.arange(len(there))
    block = next((b for b in table.blocks if len(b.levels) <= _PANELS), None)
    if block is None:
        return [("", everything)]
    codes = table.codes[there, table.at(block.name)]
    named = [
        (f"{block.name} {show(level)}", everything[codes == code])
        for code, level in enumerate(block.levels)
    ]
    return [(name, rows) for name, rows in named if len(rows)]


def _families(
    df: "DataFrame", table: Prepared, there: npt.NDArray[np.intp], color: str | None
) -> tuple[npt.NDArray[np.intp], list[str] | None, list[str]]:
    """Return the family of each point, what it is from, and the families, the largest first."""
    name = color
    if name is None:
        shares = telling(table)
        best = [
            (share, p.name)
            for share, p in zip(shares, table.parameters, strict=True)
            if p.kind == "category"
        ]
        name = max(best)[1] if best else None
    if name is None:
        return np.zeros(len(there), dtype=np.intp), None, [""]
    first = np.zeros(len(table.y), dtype=np.intp)
    first[table.run_cell[::-1]] = table.run_rows[::-1]
    texts = levels_of(df[name].iloc[first[there]], most=_FAMILIES)
    groups = [family(text) for text in texts] if len(set(texts)) > _FAMILIES else texts
    known, codes, counts = np.unique(
        np.array(groups, dtype=object).astype(str), return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(known), dtype=np.intp)
    rank[order] = np.arange(len(known))
    by = [str(known[at]) for at in order]
    if len(by) > _FAMILIES:
        by = [*by[:_FAMILIES], "other"]
    return np.minimum(rank[codes], _FAMILIES).astype(np.intp), texts, by


def _names(
    df: "DataFrame",
    table: Prepared,
    there: npt.NDArray[np.intp],
    label: str | None,
    source: list[str] | None,
) -> tuple[str, ...]:
    """Return the names of the points: as asked, else of the colours, the settings or the runs."""
    count = np.bincount(table.run_cell, minlength=len(table.y))[there]
    first = np.zeros(len(table.y), dtype=np.intp)
    first[table.run_cell[::-1]] = table.run_rows[::-1]
    if label is not None:
        return tuple(str(value) for value in df[label].iloc[first[there]])
    if source is not None and len(set(source)) > _FAMILIES:
        return tuple(source)
    if (count > 1).any():
        most = np.argsort(-np.array(telling(table)), kind="stable")[:_NAMED]
        return tuple(
            ", ".join(show(table.parameters[k].levels[table.codes[cell, k]]) for k in most)
            for cell in there
        )
    names = names_of(df)
    return tuple(names[row] for row in first[there])


def _hovers(
    table: Prepared,
    there: npt.NDArray[np.intp],
    names: Sequence[str],
    up: tuple[Axis, Floats],
    along: tuple[Axis, Floats],
) -> tuple[str, ...]:
    count = np.bincount(table.run_cell, minlength=len(table.y))[there]
    return tuple(
        "\n".join(
            [
                name,
                f"{up[0].label}: {plain(y)}",
                f"{along[0].label}: {shown(x, along[0].unit)}",
                *([f"mean of {runs} runs"] if runs > 1 else []),
                *([settings(table, int(cell))] if table.factors else []),
            ]
        )
        for name, cell, y, x, runs in zip(names, there, up[1], along[1], count, strict=True)
    )


def _cost(df: "DataFrame") -> str:
    """Return the column of a cost that the table has; UsageError where it has none."""
    column = find_column(df, _COSTS)
    if column is None:
        near = difflib.get_close_matches(_COSTS[0], [str(c) for c in df.columns], n=3)
        hint = f" such as {near[0]}" if near else ""
        raise UsageError(
            f"the table has none of {', '.join(_COSTS[:4])}: name a cost with x=...{hint}"
        )
    return str(column.name)


def _cost_axis(name: str, values: Floats) -> tuple[Axis, Floats]:
    """Return the axis of a cost; on a log axis what is not positive stands at the low end."""
    positive = values[values > 0]
    is_log = len(positive) >= 0.9 * len(values) and positive.max() >= 8 * positive.min()
    plain_name = name.lower()
    is_time = plain_name.endswith("_s") or bool(
        re.search(
            r"(fit|train|training|wall|run|elapsed)_?time|^(seconds|duration|elapsed)$", plain_name
        )
    )
    scale = "log" if is_log else "linear"
    found = np.where(values > 0, values, positive.min()) if is_log else values
    label = _words(name)
    unit = "seconds" if is_time else ""
    return Axis(label=label, scale=scale, unit=unit), found  # type: ignore[arg-type]


def _words(name: str) -> str:
    """Return what a column is called: runtime_s is a runtime, gpu_memory_max_gib is in GiB."""
    for ending, unit in (("_s", ""), ("_gib", " (GiB)"), ("_mib", " (MiB)"), ("_wh", " (Wh)")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')}{unit}"
    return name


def _areas(
    df: "DataFrame", table: Prepared, size: str | None, there: npt.NDArray[np.intp]
) -> Floats | None:
    if size is None:
        return None
    values = np.abs(means(table, floats(df[size])[table.run_rows])[there])
    middle = float(np.nanmedian(values)) if np.isfinite(values).any() else 0.0
    if not middle:
        return None
    return np.clip(np.where(np.isfinite(values), values / middle, 0.0), 0.15, 8.0)

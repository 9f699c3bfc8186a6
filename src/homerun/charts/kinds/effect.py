"""What a parameter does to the metric: each value's runs, and pairs that differ in nothing else."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from homerun.charts.aims import aim
from homerun.charts.arrays import Floats, Integers
from homerun.charts.figure import (
    Axis,
    Boxes,
    Color,
    Figure,
    Line,
    Mark,
    Panel,
    Points,
    joined,
    nothing_yet,
)
from homerun.charts.kinds.configurations import left_out, prepared, settings, telling, values_of
from homerun.charts.kinds.response import response
from homerun.charts.kinds.runs import names_of, titled
from homerun.charts.ticks import plain
from homerun.core import UsageError, counted
from homerun.insight import Parameter, Prepared, classify, plain_table, require, show

if TYPE_CHECKING:
    from pandas import DataFrame


_LEVELS = 12  # more values of a number are a scatter
_MOST_LEVELS = 12  # more values of a category: the best of them
_WIDE = 0.62  # of a strip of points
_CROWD = 1500  # runs that would cover one another
_GOLDEN = 0.6180339887  # steps of it fill a strip evenly
_LINES = 300  # pairs that are drawn


@dataclass(frozen=True, kw_only=True, eq=False)
class Pairs:
    """Runs that differ in one parameter and in nothing else.

    A unit is a run where seeds match, else a configuration with the mean of its repeats.
    """

    unit: Integers  # (runs,) the unit of each run
    value: Floats  # (units,) the metric
    level: Integers  # (units,) of the parameter
    context: Integers  # (units,) the setting of all else
    by_seed: bool

    def neighbours(self, rank: Integers) -> tuple[Integers, Integers]:
        """Return the units of all pairs whose levels follow each other in their context."""
        at = rank[self.level]
        by = np.lexsort((at, self.context))
        same = self.context[by][1:] == self.context[by][:-1]
        return by[:-1][same], by[1:][same]

    def wins(self, one: int, other: int, *, goal: str) -> tuple[int, int, int]:
        """Return in how many pairs a level is better than another, worse, and all pairs."""
        sign = 1.0 if goal == "minimize" else -1.0
        y = np.full((self.context.max(initial=0) + 1, 2), np.nan)
        for side, level in enumerate((one, other)):
            mine = self.level == level
            y[self.context[mine], side] = sign * self.value[mine]
        both = np.isfinite(y).all(axis=1)
        worse = int((y[both, 0] > y[both, 1]).sum())
        return int((y[both, 0] < y[both, 1]).sum()), worse, int(both.sum())


def effect(
    df: "DataFrame",
    parameter: str | None = None,
    *,
    metric: str | None = None,
    goal: str | None = None,
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    most: int = 4,
) -> Figure:
    """Draw the metric by the values of a parameter, pairs of runs that differ in it alone joined.

    It answers whether one value is always better than another. Without a parameter: the `most`
    that tell most, each in a panel.
    """
    df = plain_table(df)
    metric, goal = aim(df, metric, goal)
    title = titled(df, f"{metric} by {parameter or 'parameter'}")
    if parameter is not None:  # first, so that it stands for those that go along with it
        require(df, parameter)
        known = classify(df, metric=metric, params=params, repeats=repeats).parameters
        params = [parameter, *(name for name in known if name != parameter)]
    table = prepared(df, metric, goal, params=params, repeats=repeats)
    if table is None:
        return nothing_yet("effect", title, metric, len(df))
    if not table.parameters:
        raise UsageError("no parameter differs between the runs that count: nothing to compare")
    shares = np.array(telling(table))
    chosen = np.argsort(-shares, kind="stable")[:most].tolist()
    if parameter is not None:
        chosen = [table.at(parameter)]
    values = values_of(df, table)
    up, on_axis, beyond = response(metric, values, goal)
    alone = len(chosen) == 1
    drawn = [_panel(df, table, at, up, on_axis, values, alone=alone) for at in chosen]
    panels = tuple(panel for panel, _ in drawn)
    notes = dict.fromkeys(note for _, said in drawn for note in said if note)
    rest = len(table.parameters) - len(chosen)
    columns = min(len(panels), 2)
    return Figure(
        kind="effect",
        title=title,
        panels=panels,
        caption=joined(
            *notes,
            beyond,
            f"{counted(rest, 'parameter')} that tell less not shown."
            if rest and parameter is None
            else "",
            left_out(table),
        ),
        columns=columns,
        width=480 if columns == 1 else 900,
        height=340 * math.ceil(len(panels) / columns),
    )


def pairs_of(df: "DataFrame", table: Prepared, at: int, values: Floats) -> Pairs:
    """Return the units that can be paired over the levels of a factor; values: of the runs."""
    others = [k for k in range(len(table.factors)) if k != at and not _follows(table, at, k)]
    cells = _distinct(table.codes[:, others])
    everything = np.arange(len(values))
    found = Pairs(
        unit=table.run_cell,
        value=np.bincount(table.run_cell, weights=values) / np.bincount(table.run_cell),
        level=table.codes[:, at],
        context=cells,
        by_seed=False,
    )
    seeds = [name for name in table.repeats if name in df.columns]
    if not seeds:
        return found
    seed = df[seeds].iloc[table.run_rows].astype(str).groupby(seeds, sort=False).ngroup()
    own = np.column_stack([table.run_cell, seed.to_numpy()])
    if len(np.unique(own, axis=0)) < len(own):
        return found
    by_seed = Pairs(
        unit=everything,
        value=values,
        level=table.codes[table.run_cell, at],
        context=_distinct(np.column_stack([cells[table.run_cell], seed.to_numpy()])),
        by_seed=True,
    )
    rank = np.arange(len(table.factors[at].levels))
    enough = len(by_seed.neighbours(rank)[0]) >= len(found.neighbours(rank)[0])
    return by_seed if enough else found


def _follows(table: Prepared, at: int, other: int) -> bool:
    """Tell whether a factor is settled by another one, as the family by the model."""
    one, two = table.factors[at], table.factors[other]
    if one.kind != "category" or two.kind != "category" or len(table.y) < 2 * len(one.levels):
        return False
    return len(np.unique(table.codes[:, [at, other]], axis=0)) == len(one.levels)


def _distinct(codes: Integers) -> Integers:
    """Return for each row which of the distinct rows it is."""
    if not codes.shape[1]:
        return np.zeros(len(codes), dtype=np.intp)
    return np.unique(codes, axis=0, return_inverse=True)[1].reshape(-1).astype(np.intp)


def _panel(
    df: "DataFrame", table: Prepared, at: int, up: Axis, y: Floats, values: Floats, *, alone: bool
) -> tuple[Panel, tuple[str, ...]]:
    """Return the panel of a parameter, and what must be said of it."""
    factor = table.factors[at]
    codes = table.codes[table.run_cell, at]
    names = names_of(df)
    hovers = tuple(
        f"{names[row]}\n{table.metric}: {plain(value)}\n{settings(table, int(cell))}"
        for row, cell, value in zip(table.run_rows, table.run_cell, values, strict=True)
    )
    if factor.kind == "number" and len(factor.levels) > _LEVELS:
        return _ranged(factor, codes, up, y, hovers), ("The line joins medians.",)
    middles = np.array([np.median(values[codes == k]) for k in range(len(factor.levels))])
    best = np.argsort(middles if table.goal == "minimize" else -middles, kind="stable")
    order = np.arange(len(best)) if factor.kind == "number" else best[:_MOST_LEVELS]
    rank = np.full(len(best), -1, dtype=np.intp)
    rank[order] = np.arange(len(order))
    pairs = pairs_of(df, table, at, values)
    title = _verdict(factor, pairs, int(best[0]), int(best[1]), table.goal)
    by_name = (
        tuple(show(factor.levels[k]) for k in order[:2])
        if alone and len(order) == 2 and factor.kind == "category"
        else None
    )
    shown = np.flatnonzero(rank[codes] >= 0)
    place = rank[codes] + _aside(pairs.context[pairs.unit])
    lines, thinned = _joined(pairs, rank, table, y, by_name)
    marks: list[Mark] = [
        *lines,
        Points(
            x=place[shown],
            y=y[shown],
            color="muted",
            is_faint=len(shown) > _CROWD,
            hovers=tuple(hovers[i] for i in shown),
        ),
        _boxes(rank[codes], y, len(order)),
    ]
    if factor.kind == "number":
        there = np.arange(len(order), dtype=float)
        marks.append(Line(x=there, y=_medians(rank[codes], y, len(order)), color="ink"))
    shown_levels = tuple(show(factor.levels[k]) for k in order)
    panel = Panel(
        x=Axis(label=factor.name, scale="category", categories=shown_levels),
        y=up,
        marks=tuple(marks),
        title=title,
    )
    return panel, (
        "A box is the middle half of the runs, with the median.",
        _about(factor.name, pairs, bool(lines)),
        *(note for note in table.notes if f" goes along with {factor.name}:" in note),
        thinned,
        f"{len(best) - len(order)} worse values of {factor.name} not shown."
        if len(order) < len(best)
        else "",
    )


def _verdict(factor: Parameter, pairs: Pairs, one: int, other: int, goal: str) -> str:
    """Return how often a level is better than another one; empty: they were never compared."""
    wins, losses, many = pairs.wins(one, other, goal=goal)
    if not many:
        return ""
    if losses > wins:
        one, other, wins, losses = other, one, losses, wins
    more = "" if 2 * wins > many else f", worse in {losses:,}"
    first, second = show(factor.levels[one]), show(factor.levels[other])
    pairs_there = counted(many, "pair")
    if not wins:
        return f"{first} the same as {second} in {pairs_there}"
    return f"{first} better than {second} in {wins:,} of {pairs_there}{more}"


def _about(name: str, pairs: Pairs, has_lines: bool) -> str:
    if not has_lines:
        return f"No two runs differ in {name} alone."
    seeds = ", the seed is the same" if pairs.by_seed else ""
    means = "means of " if len(pairs.unit) > len(pairs.value) else ""
    return f"Lines join {means}runs that differ in nothing else{seeds}."


def _joined(
    pairs: Pairs,
    rank: Integers,
    table: Prepared,
    y: Floats,
    names: tuple[str, ...] | None,
) -> tuple[list[Line], str]:
    """Return the lines between neighbours, one mark for each direction that is better."""
    left, right = pairs.neighbours(rank)
    there = (rank[pairs.level[left]] >= 0) & (rank[pairs.level[right]] >= 0)
    left, right = left[there], right[there]
    note = ""
    if len(left) > _LINES:
        note = f"Of many pairs {_LINES:,} are drawn."
        few = np.linspace(0, len(left) - 1, _LINES).astype(np.intp)
        left, right = left[few], right[few]
    height = np.clip(pairs.value, y.min(), y.max())
    place = rank[pairs.level] + _aside(pairs.context)
    sign = 1.0 if table.goal == "minimize" else -1.0
    change = sign * (pairs.value[right] - pairs.value[left])
    kinds: tuple[tuple[str, Color, npt.NDArray[np.bool_]], ...] = (
        (names[0] if names else "left", 0, change > 0),
        (names[1] if names else "right", 1, change < 0),
        ("neither", "muted", change == 0),
    )
    lines = []
    for name, color, mine in kinds:
        if not mine.any():
            continue
        gap = np.full(int(mine.sum()), np.nan)
        lines.append(
            Line(
                x=np.column_stack([place[left[mine]], place[right[mine]], gap]).ravel(),
                y=np.column_stack([height[left[mine]], height[right[mine]], gap]).ravel(),
                color=color,
                label=f"{name} better" if color != "muted" else "same",
                width=1.0,
                is_faint=True,
            )
        )
    return lines, note


def _aside(context: Integers) -> Floats:
    """Return how far aside of its value a point stands, the same for all of a context."""
    return np.asarray(((context * _GOLDEN) % 1 - 0.5) * _WIDE, dtype=np.float64)


def _boxes(rank: Integers, y: Floats, count: int) -> Boxes:
    found = [np.flatnonzero(rank == k) for k in range(count)]
    low, middle, high = (
        np.array([np.quantile(y[mine], share) if len(mine) else np.nan for mine in found])
        for share in (0.25, 0.5, 0.75)
    )
    there = np.arange(count, dtype=float)
    return Boxes(x=there, low=low, middle=middle, high=high, width=_WIDE + 0.1, color="ink")


def _medians(rank: Integers, y: Floats, count: int) -> Floats:
    return np.array([np.median(y[rank == k]) for k in range(count)])


def _bins(codes: Integers, count: int) -> list[npt.NDArray[np.intp]]:
    """Return the rows in up to `count` bins of about as many each, equal values in the same one."""
    _, level, counts = np.unique(codes, return_inverse=True, return_counts=True)
    bins = ((np.cumsum(counts) - counts / 2) / len(codes) * count).astype(int)[level]
    return [np.flatnonzero(bins == k) for k in np.unique(bins)]


def _ranged(
    factor: Parameter, codes: Integers, up: Axis, y: Floats, hovers: tuple[str, ...]
) -> Panel:
    """Return the panel of a number with many values: its runs, and a line through medians."""
    levels = np.array(factor.levels, dtype=float)
    x = levels[codes]
    groups = _bins(codes, min(8, max(1, len(codes) // 4)))
    is_log = factor.is_log and levels[0] > 0
    return Panel(
        x=Axis(label=factor.name, scale="log" if is_log else "linear"),
        y=up,
        marks=(
            Points(x=x, y=y, color="muted", hovers=hovers),
            Line(
                x=np.array([np.median(x[g]) for g in groups]),
                y=np.array([np.median(y[g]) for g in groups]),
                color="ink",
                width=2.0,
            ),
        ),
    )

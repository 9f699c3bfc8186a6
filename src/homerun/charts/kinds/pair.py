"""Two parameters together: what each combination came to, and whether they depend on each other."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from homerun import insight
from homerun.charts.aims import aim
from homerun.charts.arrays import Floats, Integers
from homerun.charts.figure import Axis, Cells, Figure, Panel, Points, joined, nothing_yet
from homerun.charts.kinds.configurations import left_out, prepared
from homerun.charts.kinds.runs import names_of
from homerun.charts.ticks import plain
from homerun.core import UsageError, counted
from homerun.insight import Answer, EffectsModel, Prepared

if TYPE_CHECKING:
    from pandas import DataFrame

_FEW = 12  # values of a number that have a row of cells each; of more, ranges have
_RANGES = 20
_MOST_LEVELS = 100  # of a category that is chosen by itself
_NEAR = 0.16  # of an axis: farther from every run there is nothing to say
_WIDE = 30.0  # times between worst and best, above which colours go by powers of ten


def pair(
    df: "DataFrame",
    a: str | None = None,
    b: str | None = None,
    *,
    metric: str | None = None,
    goal: str | None = None,
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
) -> Figure:
    """Draw the mean of the metric for each combination of two parameters, and what their pair does.

    Without names: the pair that interacts most, else the two parameters that matter most. Where
    both were tried, but not together, a linear model of all runs says what to expect; beyond the
    runs it stays empty.
    """
    df = insight.plain_table(df)
    metric, goal = aim(df, metric, goal)
    params = None if params is None else list(dict.fromkeys([*params, *filter(None, (a, b))]))
    asked: dict[str, Any] = {"metric": metric, "goal": goal, "params": params, "repeats": repeats}
    every = prepared(df, **asked)
    if every is None:
        return nothing_yet("pair", "Two parameters", metric, len(df))
    effects = insight.fit_effects(every)
    pairs = insight.independence_of(every, effects).table
    if a is None or b is None:
        a, b = _chosen(df, pairs, a or b, lambda: insight.importance_of(every, effects))
    table = insight.prepare(df, **asked, also=[a, b])
    grid = _Grid(table=table, sides=(_side(table, a), _side(table, b)))
    value, is_log = _colours(grid)
    return Figure(
        kind="pair",
        title=_verdict(pairs, a, b, table),
        caption=_caption(grid, metric, is_log=is_log),
        panels=(
            Panel(
                x=grid.sides[0].axis,
                y=grid.sides[1].axis,
                marks=(
                    Cells(
                        x=grid.sides[0].centres,
                        y=grid.sides[1].centres,
                        value=value,
                        label=f"log10 {metric}" if is_log else metric,
                        better="low" if table.goal == "minimize" else "high",
                        hovers=grid.hovers,
                    ),
                    *_points(grid, names_of(df)),
                    _best(grid),
                ),
            ),
        ),
        width=560,
        height=400,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Side:
    """One of the two parameters: its cells along an axis, and where its levels are on it."""

    at: int  # column of `codes`
    name: str
    axis: Axis
    levels: Floats  # position of each level on the axis
    centres: Floats  # of the cells
    cell: Integers  # of each level
    texts: tuple[str, ...]  # of the cells
    code: tuple[int, ...]  # the level that stands for a cell


@dataclass(frozen=True, kw_only=True, eq=False)
class _Grid:
    """Cells of two parameters, (y, x): first the second parameter."""

    table: Prepared
    sides: tuple[_Side, _Side]

    @property
    def shape(self) -> tuple[int, int]:
        """Return how many cells there are up and across."""
        return len(self.sides[1].centres), len(self.sides[0].centres)

    @cached_property
    def cell_of_run(self) -> Any:
        """Return the cell of each run, as one number."""
        across, up = (
            side.cell[self.table.codes[self.table.run_cell, side.at]] for side in self.sides
        )
        return up * self.shape[1] + across

    @cached_property
    def count(self) -> Any:
        """Return the runs in each cell."""
        return np.bincount(self.cell_of_run, minlength=int(np.prod(self.shape))).reshape(self.shape)

    @cached_property
    def response(self) -> Floats:
        """Return the mean response of each cell, smaller is better; NaN without runs."""
        total = np.bincount(
            self.cell_of_run, weights=self.table.run_y, minlength=int(np.prod(self.shape))
        ).reshape(self.shape)
        return np.where(self.count > 0, total / np.maximum(self.count, 1), np.nan)

    @cached_property
    def model(self) -> EffectsModel:
        """Return a linear model of all runs."""
        return insight.fit_effects(self.table)

    @cached_property
    def expected(self) -> Floats:
        """Return the response that a model expects in each cell that it is asked for; else NaN."""
        found = np.full(self.shape, np.nan)
        for up, across in np.argwhere(self._asks_model):
            found[up, across] = _expected(self.model, self.sides, int(across), int(up))
        return found

    @property
    def has_ranges(self) -> bool:
        """Tell whether a cell is a range of values: its runs then differ in the parameters, too."""
        return any(len(side.levels) > len(side.centres) for side in self.sides)

    @property
    def _asks_model(self) -> Any:
        """Tell which cells the model is for: empty ones between others, or all near runs."""
        if not self.has_ranges:
            rows, columns = (self.count > 0).any(1), (self.count > 0).any(0)
            return (self.count == 0) & rows[:, None] & columns[None, :]
        across, up = np.meshgrid(*(_shares(side, side.centres) for side in self.sides))
        codes = self.table.codes[np.unique(self.table.run_cell)]
        x, y = (_shares(side, side.levels)[codes[:, side.at]] for side in self.sides)
        near = [
            bool((np.hypot(x - at, y - high) < _NEAR).any())
            for at, high in zip(across.ravel(), up.ravel(), strict=True)
        ]
        return np.array(near).reshape(self.shape)

    @cached_property
    def shown(self) -> Floats:
        """Return the response of each cell: the mean of its runs, else what is expected."""
        if self.has_ranges and np.isfinite(self.expected).any():
            return self.expected
        return np.where(self.count > 0, self.response, self.expected)

    @cached_property
    def value(self) -> Floats:
        """Return the same as values of the metric."""
        backward = np.vectorize(self.table.scale.backward, otypes=[np.float64])
        found: Floats = backward(self.shown)
        return found

    @property
    def best(self) -> tuple[int, int]:
        """Return the best cell, of those with runs where a cell is one value: (up, across)."""
        among = self.shown if self.has_ranges else self.response
        up, across = np.unravel_index(np.nanargmin(among), self.shape)
        return int(up), int(across)

    def named(self, up: int, across: int) -> str:
        """Return a cell in words: lr 0.01, batch 32."""
        first, second = self.sides
        return f"{first.name} {first.texts[across]}, {second.name} {second.texts[up]}"

    @cached_property
    def hovers(self) -> tuple[tuple[str, ...], ...]:
        """Return what each cell says."""
        return tuple(
            tuple(self._hover(up, across) for across in range(self.shape[1]))
            for up in range(self.shape[0])
        )

    def _hover(self, up: int, across: int) -> str:
        value = f"{self.table.metric} {plain(float(self.value[up, across]))}"
        count = int(self.count[up, across])
        if self.shown[up, across] == self.response[up, across]:
            told = f"mean of {counted(count, 'run')}"
        else:
            told = f"expected; {counted(count, 'run')} here"
        return f"{self.named(up, across)}\n{value}, {told}"


def _chosen(
    df: "DataFrame", pairs: "DataFrame", given: str | None, importance: Callable[[], Answer]
) -> tuple[str, str]:
    """Return the two parameters to look at; names of models and the like are too many to draw."""

    def is_drawn(name: str) -> bool:
        few = insight.is_number(df[name]) or df[name].astype(str).nunique() <= _MOST_LEVELS
        return few or name == given

    rows = pairs if given is None else pairs[(pairs["a"] == given) | (pairs["b"] == given)]
    for row in rows[rows["interacts"] == "yes"].to_dict("records"):
        a, b = str(row["a"]), str(row["b"])
        if is_drawn(a) and is_drawn(b):
            return (b, a) if b == given else (a, b)
    ranked = [str(name) for name in importance().table["parameter"]]
    ranked = ranked or [str(name) for name in dict.fromkeys([*rows["a"], *rows["b"]])]
    others = [name for name in ranked if name != given and is_drawn(name)]
    names = [*([given] if given else []), *others]
    if len(names) < 2:
        raise UsageError("a pair needs two parameters that vary; the runs differ in fewer")
    return names[0], names[1]


def _side(table: Prepared, name: str) -> _Side:
    at = table.at(name)
    parameter = table.factors[at]
    texts = tuple(insight.show(level) for level in parameter.levels)
    levels = np.array(parameter.levels) if parameter.kind == "number" else np.empty(0)
    if not len(levels) or len(levels) <= _FEW or (parameter.is_log and levels[0] <= 0):
        codes = np.arange(len(texts))
        return _Side(
            at=at,
            name=name,
            axis=Axis(label=name, scale="category", categories=texts),
            levels=codes.astype(np.float64),
            centres=codes.astype(np.float64),
            cell=codes,
            texts=texts,
            code=tuple(codes.tolist()),
        )
    axis = Axis(label=name, scale="log" if parameter.is_log else "linear")
    levels = levels.astype(np.float64)
    way = np.log(levels) if parameter.is_log else levels
    edges = np.linspace(way[0], way[-1], _RANGES + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    cell = np.clip(np.searchsorted(edges, way, side="right") - 1, 0, _RANGES - 1)
    centres = np.exp(middles) if parameter.is_log else middles
    return _Side(
        at=at,
        name=name,
        axis=axis,
        levels=levels,
        centres=centres,
        cell=cell,
        texts=tuple(f"about {plain(float(v))}" for v in centres),
        code=tuple(int(np.abs(way - middle).argmin()) for middle in middles),
    )


def _shares(side: _Side, values: Floats) -> Floats:
    """Return positions as shares of the axis."""
    way = np.log(values) if side.axis.scale == "log" else values
    ends = np.log(side.levels) if side.axis.scale == "log" else side.levels
    low, high = float(ends.min()), float(ends.max())
    return (way - low) / ((high - low) or 1.0)


def _expected(model: EffectsModel, sides: tuple[_Side, _Side], across: int, up: int) -> float:
    levels = {sides[0].at: sides[0].code[across], sides[1].at: sides[1].code[up]}
    read = model.design_of(levels)
    return float(read @ model.beta) if np.isfinite(model.difference(read)[1]) else np.nan


def _colours(grid: _Grid) -> tuple[Floats, bool]:
    """Return the values as colours show them: by powers of ten where they span many."""
    value = grid.value
    known = value[np.isfinite(value)]
    is_log = bool(len(known) and known.min() > 0 and known.max() / known.min() > _WIDE)
    return (np.log10(value) if is_log else value), is_log


def _points(grid: _Grid, names: list[str]) -> list[Points]:
    """Return the runs where numbers go on, one dot a configuration; else the cells that have runs.

    Of a grid that is full there is nothing to tell.
    """
    table, (first, second) = grid.table, grid.sides
    if not grid.has_ranges:
        if (grid.count > 0).all():
            return []
        up, across = np.nonzero(grid.count)
        x, y = first.centres[across], second.centres[up]
        hovers = [grid.hovers[u][c] for u, c in zip(up, across, strict=True)]
    else:
        codes = table.codes[table.run_cell]
        x, y = first.levels[codes[:, first.at]], second.levels[codes[:, second.at]]
        hovers = [_of_run(grid, names, run) for run in range(len(table.run_y))]
    return [Points(x=x, y=y, color="ink", is_faint=True, label="runs", hovers=tuple(hovers))]


def _of_run(grid: _Grid, names: list[str], run: int) -> str:
    table = grid.table
    codes = table.codes[table.run_cell[run]]
    values = [
        f"{side.name} {insight.show(table.factors[side.at].levels[codes[side.at]])}"
        for side in grid.sides
    ]
    result = plain(table.scale.backward(float(table.run_y[run])))
    return "\n".join([names[table.run_rows[run]], *values, f"{table.metric} {result}"])


def _best(grid: _Grid) -> Points:
    up, across = grid.best
    return Points(
        x=grid.sides[0].centres[[across]],
        y=grid.sides[1].centres[[up]],
        color="ink",
        label="best",
        area=np.array([6.0]),
        marker="ring",
        hovers=(f"best: {grid.hovers[up][across]}",),
    )


def _verdict(pairs: "DataFrame", a: str, b: str, table: Prepared) -> str:
    is_it = pairs["a"].isin([a, b]) & pairs["b"].isin([a, b])
    if not is_it.any():
        return f"{a} and {b}"
    row = pairs[is_it].iloc[0]
    bound = _size(table, float(row["upper_bound"]))
    if row["interacts"] == "yes":
        effect = _size(table, float(row["effect"]))
        moves = "; tune them together" if row["best_moves"] == "yes" else ""
        return f"{a} and {b} interact: one changes the effect of the other by up to {effect}{moves}"
    if row["interacts"] == "no":
        return f"{a} and {b} are independent: at most {bound} together"
    if not np.isfinite(row["upper_bound"]):
        return f"{a} and {b}: too few of their values met to tell whether they interact"
    return f"{a} and {b}: no interaction found, though up to {bound} is possible"


def _size(table: Prepared, share: float) -> str:
    if table.scale.kind == "plain":
        return plain(share)
    times = plain(float(f"{1 + share:.2g}"))
    size = f"{100 * max(share, 1e-4):.2g} %" if share < 1 else f"a factor of {times}"
    return f"{size} of the odds of error" if table.scale.kind == "logit" else size


def _caption(grid: _Grid, metric: str, *, is_log: bool) -> str:
    up, across = grid.best
    value = plain(float(grid.value[up, across]))
    of = counted(len(grid.table.run_y), "run")
    if grid.shown is grid.expected:
        told = f"; it explains {100 * max(grid.model.explained, 0.0):.0f} % of the differences"
        text = f"What a linear model of {of} expects of {metric}"
        text += told if np.isfinite(grid.model.explained) else ""
    else:
        text = f"Mean {metric} of {of}"
        if np.isfinite(grid.expected).any():
            text += "; cells without a dot are what a linear model of them expects"
    text += ", colours by powers of ten." if is_log else "."
    text += f" Best: {grid.named(up, across)}, {value}."
    return joined(text, left_out(grid.table))

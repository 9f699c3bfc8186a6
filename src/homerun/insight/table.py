"""A table of runs made ready for analysis: parameters, configurations, responses, remarks."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from homerun.core import Goal, UsageError
from homerun.insight.columns import (
    Columns,
    classify,
    find_column,
    is_number,
    plain_table,
    require,
    require_goal,
    require_metric,
)
from homerun.insight.guards import of_repeats, remarks
from homerun.insight.scale import Floats, Scale, scale_of

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Integers = npt.NDArray[np.intp]

# Columns that name a run rather than say what it did.
_NAMING = frozenset("id number name run run_id sweep group tags notes created_at".split())


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A column that varies, and the values (levels) it takes, in order."""

    name: str
    kind: Literal["number", "category"]
    levels: tuple[Any, ...]  # numbers ascending; None is a run without it
    is_log: bool = False  # a number whose values are spread by factors

    @cached_property
    def coordinates(self) -> Floats:
        """Return a number's levels on -1 .. 1; by factors where `is_log`, with 0 one step below."""
        values = np.array(self.levels, dtype=float)
        if self.is_log:
            positive = np.log(values[values > 0])
            below = positive[0] - float(np.median(np.diff(positive)))
            values = np.concatenate([np.full(len(values) - len(positive), below), positive])
        shares: Floats = (values - values[0]) / (values[-1] - values[0])
        return 2 * shares - 1

    def index(self, value: Any) -> int:
        """Return the position of a level; the value may be text, as it was typed."""
        for at, level in enumerate(self.levels):
            if type(level) is type(value) and level == value:
                return at
        for at, level in enumerate(self.levels):
            if show(level) == str(value):
                return at
        known = ", ".join(show(level) for level in self.levels[:12])
        raise UsageError(f"{self.name} has no value {value!r}; there is {known}")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What an analysis needs of a table of runs.

    A cell is a configuration (within a block): its repeats are averaged. `codes[i, j]` is the level
    of cell i in `factors[j]`: first the parameters, then the blocks. `y` is the response: smaller
    is better, on `scale`.
    """

    metric: str
    goal: Goal
    scale: Scale
    parameters: tuple[Parameter, ...]
    blocks: tuple[Parameter, ...]  # data set, split, code version: compare within, adjust across
    repeats: tuple[str, ...]  # columns that only tell repeats of a configuration apart
    constants: Mapping[str, Any]
    codes: Integers  # (cells, factors)
    y: Floats  # (cells,) mean response of the cell's runs
    count: Integers  # (cells,) runs
    run_cell: Integers  # (runs,) the cell of each run used
    run_y: Floats  # (runs,) its response
    run_rows: Integers  # (runs,) its position in the table that came in
    rows: int  # of the table that came in
    without_metric: int
    unfinished: int
    stopped_early: int
    duplicates: int
    lost: "DataFrame"  # one row a run without a usable result: columns parameter names, "why"
    notes: tuple[str, ...]

    @property
    def factors(self) -> tuple[Parameter, ...]:
        """Return parameters and blocks, in the order of the columns of `codes`."""
        return (*self.parameters, *self.blocks)

    @cached_property
    def noise(self) -> tuple[float | None, int]:
        """Return the standard deviation of a run among its repeats, and the degrees of freedom."""
        within = self.run_y - self.y[self.run_cell]
        freedom = len(self.run_y) - len(self.y)
        if not freedom or np.abs(within).max() < 1e-12:  # one seed for all says nothing
            return None, 0
        return float(np.sqrt(within @ within / freedom)), freedom

    def at(self, name: str) -> int:
        """Return the column of `codes` of a parameter or block; UsageError for what has none."""
        names = [factor.name for factor in self.factors]
        if name in names:
            return names.index(name)
        if name in self.constants:
            only = show(self.constants[name])
            raise UsageError(f"{name} is {only} in every run: there is nothing to compare")
        raise UsageError(f"{name} is no parameter here; there is {', '.join(names) or 'none'}")

    def configurations(self) -> "DataFrame":
        """Return one row a cell: its values by name."""
        return pd.DataFrame(
            {
                factor.name: pd.Series(
                    [factor.levels[code] for code in self.codes[:, at]], dtype=object
                ).infer_objects()
                for at, factor in enumerate(self.factors)
            }
        )


def prepare(
    df: "DataFrame",
    *,
    metric: str,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    also: Iterable[str] = (),
) -> Prepared:
    """Make a table of runs ready for analysis; `also` are parameters besides those it finds.

    Runs without a finite metric, unfinished ones and those stopped early are counted and left out;
    a row that repeats another one exactly counts once. Columns that go along with another one
    (the same partition of the runs) are dropped, the first one stays.
    """
    df = plain_table(df)
    require_goal(goal)
    for name in also:
        require(df, name)
    require_metric(df, metric)
    columns = _with_also(classify(df, metric=metric, params=params, repeats=repeats), also, metric)
    number = pd.to_numeric(df[metric], errors="coerce")
    values = _floats(number)
    state = _standing(df, values)
    duplicate = _repeated_rows(df)
    used = np.flatnonzero((state == "used") & ~duplicate)
    if not len(used):
        raise UsageError(
            f"no finished run of {len(df)} has a finite {metric}; nothing to learn yet"
        )
    scale = scale_of(values[used], name=metric, goal=goal)  # type: ignore[arg-type]
    kept = df.iloc[used]
    parameters, codes, constants, twins = _factors(kept, columns.parameters)
    blocks, block_codes, block_constants, _ = _factors(kept, columns.blocks)
    blocks, block_codes, hopeless = _usable_blocks(blocks, block_codes, len(used))
    cells, run_cell = _cells(np.column_stack([codes, block_codes]))
    response = scale.forward(values[used])
    count = np.bincount(run_cell, minlength=len(cells))
    names = [parameter.name for parameter in parameters]
    lost_at = np.flatnonzero((state != "used") & ~duplicate)
    notes = remarks(
        kept,
        columns=columns,
        parameters=parameters,
        blocks=blocks,
        hopeless=hopeless,
        standing=state,
        duplicate=duplicate,
        twins=twins,
        metric=metric,
    )
    return Prepared(
        metric=metric,
        goal=scale.goal,
        scale=scale,
        parameters=parameters,
        blocks=blocks,
        repeats=columns.repeats,
        constants={**constants, **block_constants},
        codes=cells,
        y=np.bincount(run_cell, weights=response, minlength=len(cells)) / count,
        count=count.astype(np.intp),
        run_cell=run_cell,
        run_y=response,
        run_rows=used.astype(np.intp),
        rows=len(df),
        without_metric=int((state == "without").sum()),
        unfinished=int((state == "unfinished").sum()),
        stopped_early=int((state == "stopped").sum()),
        duplicates=int(duplicate.sum()),
        lost=df.iloc[lost_at][names].assign(why=state[lost_at]),
        notes=(*notes, *of_repeats(response, run_cell)),
    )


def has_result(df: "DataFrame", metric: str) -> npt.NDArray[np.bool_]:
    """Tell which rows count: runs that finished by themselves with a finite metric."""
    values = _floats(pd.to_numeric(df[metric], errors="coerce"))
    return np.asarray(_standing(df, values) == "used", dtype=bool)


def show(value: Any) -> str:
    """Return a level for people: 0.001, crop, true; a run without the parameter has `none`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _with_also(columns: Columns, also: Iterable[str], metric: str) -> Columns:
    extra = [name for name in also if name not in {*columns.parameters, *columns.blocks, metric}]
    if not extra:
        return columns
    return Columns(
        parameters=(*columns.parameters, *extra),
        repeats=tuple(name for name in columns.repeats if name not in extra),
        blocks=columns.blocks,
        results=tuple(name for name in columns.results if name not in extra),
        guessed=columns.guessed,
    )


def _standing(df: "DataFrame", values: Floats) -> npt.NDArray[np.object_]:
    """Return for each row: used, without (a metric), unfinished, or stopped (early)."""
    standing = np.where(np.isfinite(values), "used", "without").astype(object)
    state = find_column(df, ["state"])
    if state is not None:
        standing[(state.notna() & (state.astype(str).str.lower() != "finished")).to_numpy()] = (
            "unfinished"
        )
    censored = find_column(df, ["censored"])
    if censored is not None:
        number = pd.to_numeric(censored, errors="coerce").astype("float64")
        standing[(number.fillna(0) != 0).to_numpy()] = "stopped"
    return standing


def _repeated_rows(df: "DataFrame") -> npt.NDArray[np.bool_]:
    """Tell which rows say the same as an earlier one in every column.

    A table of a few coarse columns holds honest repeats that look alike: there must be a column
    that hardly ever repeats by chance.
    """
    plain = df[[name for name in df.columns if str(name).lower() not in _NAMING]]
    for name in [name for name in plain.columns if plain[name].dtype == object]:
        plain = plain.assign(**{str(name): plain[name].map(_key)})
    found = plain.duplicated().to_numpy()
    numbers = plain.select_dtypes("number")
    finest = max((numbers[name].nunique() for name in numbers.columns), default=0)
    return found if finest > 0.3 * len(df) else np.zeros(len(df), dtype=bool)


def _factors(
    df: "DataFrame", names: Iterable[str]
) -> tuple[tuple[Parameter, ...], Integers, dict[str, Any], dict[str, str]]:
    """Return parameters, codes (runs, parameters), constants, and who goes along with whom."""
    parameters: list[Parameter] = []
    columns: list[Integers] = []
    constants: dict[str, Any] = {}
    twins: dict[str, str] = {}
    for name in names:
        parameter, codes = _factor(df[name], name)
        if len(parameter.levels) == 1:
            constants[name] = parameter.levels[0]
            continue
        twin = next(
            (
                one
                for one, other in zip(parameters, columns, strict=True)
                if _same_partition(one, other, parameter, codes)
            ),
            None,
        )
        if twin is not None:
            twins[name] = twin.name
            continue
        parameters.append(parameter)
        columns.append(codes)
    codes_of_all = np.column_stack(columns) if columns else np.empty((len(df), 0), dtype=np.intp)
    return tuple(parameters), codes_of_all, constants, twins


def _same_partition(one: Parameter, codes: Integers, other: Parameter, others: Integers) -> bool:
    levels = len(one.levels)
    if levels != len(other.levels) or levels > len(codes) / 2:
        return False
    return len(np.unique(codes * len(other.levels) + others)) == levels


def _factor(column: "Series", name: str) -> tuple[Parameter, Integers]:
    missing = column.isna().to_numpy()
    if is_number(column) and not missing.any():
        values = _floats(column)
        levels, codes = np.unique(values, return_inverse=True)
        whole = bool((levels == np.round(levels)).all() and np.abs(levels).max() < 2**53)
        shown = tuple((int(v) if whole else float(v)) for v in levels)
        is_log = len(levels) > 1 and is_by_factors(values, levels)
        kind: Literal["number", "category"] = "number"
        return Parameter(name=name, kind=kind, levels=shown, is_log=is_log), codes.astype(np.intp)
    values_of = [None if gap else v for v, gap in zip(column.tolist(), missing, strict=True)]
    first: dict[str, Any] = {}
    keys = [_key(value) for value in values_of]
    for key, value in zip(keys, values_of, strict=True):
        first.setdefault(key, value)
    order = sorted(first, key=lambda key: _rank(first[key]))
    at = {key: index for index, key in enumerate(order)}
    parameter = Parameter(
        name=name, kind="category", levels=tuple(level_of(first[key]) for key in order)
    )
    return parameter, np.array([at[key] for key in keys], dtype=np.intp)


def _floats(column: "Series") -> Floats:
    return np.asarray(column.astype("float64").to_numpy(na_value=np.nan), dtype=np.float64)


def _key(value: Any) -> str:
    """Return a text that differs where values do: True is not 1, and 1.0 is 1."""
    if isinstance(value, str):
        return f"s{value}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"n{float(value)!r}"
    return f"j{level_of(value)}"


def level_of(value: Any) -> Any:
    """Return a value as a level: lists and mappings as JSON text, all else as it is."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    try:
        return json.dumps(value, sort_keys=True)
    except TypeError:
        return str(value)


def _rank(value: Any) -> tuple[int, float, str]:
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, (int, float)):
        return 1, float(value), ""
    return 2, 0.0, str(level_of(value))


def is_by_factors(values: Floats, levels: Floats) -> bool:
    """Tell whether numbers are spread by factors rather than by steps; levels: distinct, ascending.

    They must span a factor of 4; then the scale on which their median lies nearer to the middle
    (many values), or on which the gaps are more even (a few), is theirs.
    """
    positive = levels[levels > 0]
    if levels[0] < 0 or len(positive) < 2 or positive[-1] / positive[0] < 4:
        return False
    if len(positive) < 3:
        return bool(positive[-1] / positive[0] >= 10)
    if len(positive) <= 12:
        plain, by_factor = np.diff(positive), np.diff(np.log(positive))
        return bool(by_factor.std() / by_factor.mean() < plain.std() / plain.mean())
    above_zero = values[values > 0]
    middle = float(np.median(above_zero))
    low, high = float(positive[0]), float(positive[-1])
    off = abs((middle - low) / (high - low) - 0.5)
    return bool(abs(np.log(middle / low) / np.log(high / low) - 0.5) < off)


def _usable_blocks(
    blocks: tuple[Parameter, ...], codes: Integers, runs: int
) -> tuple[tuple[Parameter, ...], Integers, tuple[Parameter, ...]]:
    """Part blocks that runs can be compared within from those with hardly two runs each."""
    fit = [len(block.levels) <= runs / 3 for block in blocks]
    kept = tuple(block for block, good in zip(blocks, fit, strict=True) if good)
    hopeless = tuple(block for block, good in zip(blocks, fit, strict=True) if not good)
    return kept, codes[:, fit], hopeless


def _cells(codes: Integers) -> tuple[Integers, Integers]:
    """Return the distinct rows of codes, and for each row which one it is."""
    if not codes.shape[1]:
        return np.empty((1, 0), dtype=np.intp), np.zeros(len(codes), dtype=np.intp)
    cells, inverse = np.unique(codes, axis=0, return_inverse=True)
    return cells, inverse.reshape(-1).astype(np.intp)

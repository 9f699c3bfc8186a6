"""A table of runs as the document that `parallel.js` and the static picture draw.

Keys of a document: version, title, ref, metric, goal, count, names, ids, states, columns (axes from
left to right, the metric last, then those that are hidden at first), dropped (columns that say
nothing, and why), aside (columns about the run itself), notes, color, refresh_s.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from homerun.charts.aims import goal_of
from homerun.charts.arrays import Floats, Integers, floats, rounded
from homerun.charts.parallel.reading import (
    Categories,
    Cells,
    Numbers,
    as_categories,
    natural_order,
    read,
    with_order,
)
from homerun.core import number
from homerun.insight import (
    classify,
    find_column,
    is_by_factors,
    plain_table,
    require,
    require_metric,
)

if TYPE_CHECKING:
    from pandas import DataFrame, Series

Role = Literal["config", "metric", "result", "info"]
_MOST_AXES = 12  # that are shown at first
_MOST_LEVELS = 100  # of an axis that is shown at first
_LEVELS_OF_INFO = 30  # of a column about the run itself that is worth an axis
_NAMES = ("name", "run", "run_name", "display_name", "id", "run_id")


@dataclass(frozen=True, kw_only=True, eq=False)
class _Column:
    name: str
    role: Role
    cells: Cells
    codes: Integers  # by first appearance; a gap is a value like any other
    levels: int  # how many values there are, a gap among them


def document(
    df: "DataFrame",
    *,
    metric: str | None = None,
    goal: str | None = None,
    columns: str | Iterable[str] | None = None,
    color: str | None = None,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    repeats: str | Iterable[str] | None = None,
) -> dict[str, Any]:
    """Return the chart document of a table of runs; row i of the table is run i of the document.

    `metric` and `goal` default to those that `homerun.runs(sweep=...)` knows. `columns` are the
    axes, in this order; without them it chooses by itself: what varies, the most telling last.
    `labels`: what to call columns instead of their names.
    """
    table = plain_table(df)
    metric, goal = _aim(table, metric, goal)
    asked = [columns] if isinstance(columns, str) else None if columns is None else list(columns)
    labels = labels or {}
    for name in (*(asked or ()), *([] if color is None else [color]), *labels):
        require(table, name)
    wanted = {name for name in (metric, color, *(asked or ())) if name is not None}
    found, dropped, aside = _columns(table, metric, wanted, repeats)
    response = floats(table[metric]) if metric is not None else None
    shown = _shown(found, asked, metric, response)
    hidden = [column for column in found if column not in shown]
    if metric is None:
        notes = ["no metric was named: metric=... puts it last, with better up"]
    else:
        notes = []
    states = find_column(table, ["state"])
    return {
        "version": 1,
        "title": title if title is not None else str(table.attrs.get("title") or ""),
        "ref": str(table.attrs.get("sweep") or ""),
        "metric": metric,
        "goal": goal,
        "count": len(table),
        "names": _names(table),
        **_ids(table),
        **({} if states is None else {"states": _states(states)}),
        "columns": [
            {
                "name": column.name,
                "label": labels.get(column.name, column.name),
                "role": column.role,
                "shown": column in shown,
                **_axis(column, response, goal),
            }
            for column in (*shown, *hidden)
        ],
        "dropped": dropped,
        "aside": aside,
        "notes": notes,
        "color": color or metric or (shown[-1].name if shown else None),
        "refresh_s": None,
    }


def _aim(table: "DataFrame", metric: str | None, goal: str | None) -> tuple[str | None, str]:
    """Return metric and goal: as given, or as the table knows them."""
    known = table.attrs.get("metric")
    if metric is None and known in table.columns:
        metric = str(known)
    goal = goal_of(table.attrs, metric, goal)
    if metric is None:
        return None, goal
    require_metric(table, metric)
    return metric, goal


def _columns(
    table: "DataFrame",
    metric: str | None,
    wanted: set[str],
    repeats: str | Iterable[str] | None,
) -> tuple[list[_Column], list[dict[str, str]], list[str]]:
    """Return the columns worth an axis, those that say nothing, and those about the run itself."""
    kinds = classify(table, metric=metric, repeats=repeats)
    roles: dict[str, Role] = dict.fromkeys(map(str, table.attrs.get("summary") or ()), "result")
    roles |= dict.fromkeys(kinds.results, "result")
    roles |= dict.fromkeys((*kinds.parameters, *kinds.blocks), "config")
    roles |= {} if metric is None else {metric: "metric"}
    unspoken = _about_the_run(table)
    found: list[_Column] = []
    dropped: list[dict[str, str]] = []
    aside: list[str] = []
    seen: dict[bytes, str] = {}  # partitions of the runs, and the first setting with each
    for name in table.columns.tolist():
        column = _column(name, roles.get(name, "info"), table[name])
        why = ""
        if name in wanted:
            pass
        elif name in kinds.repeats:
            why = "only tells repeats apart"
        elif column.role != "info":
            why = _why_not(column, len(table), seen)
        elif not _is_worth_an_axis(column, table[name]):
            aside.append(name)
            continue
        if why and name in unspoken and column.levels < 2:
            aside.append(name)
        elif why:
            dropped.append({"name": name, "why": why})
        else:
            found.append(column)
            if column.role == "config":
                seen.setdefault(column.codes.tobytes(), name)
    return found, dropped, aside


def _about_the_run(table: "DataFrame") -> set[str]:
    """Return the columns that `homerun.runs()` adds to what a program was told and logged."""
    if "config" not in table.attrs:
        return set()
    return {*table.columns} - {*table.attrs["config"], *(table.attrs.get("summary") or ())}


def _column(name: str, role: Role, series: "Series") -> _Column:
    if role == "metric":
        cells: Cells = Numbers(values=floats(series))
    else:
        cells = read(series)
        if isinstance(cells, Numbers) and role == "config" and _steps_from_zero(cells.values):
            cells = as_categories(cells)
    values = cells.values if isinstance(cells, Numbers) else cells.codes
    codes, _ = pd.factorize(values, use_na_sentinel=False)
    return _Column(
        name=name,
        role=role,
        cells=cells,
        codes=codes.astype(np.intp),
        levels=int(codes.max()) + 1 if len(codes) else 0,
    )


def _why_not(column: _Column, rows: int, seen: dict[bytes, str]) -> str:
    """Return why a setting or result says nothing here; empty where it does."""
    if rows < 2:
        return ""
    has_gaps = bool(column.cells.is_missing.any())
    values = column.levels - has_gaps
    why = ""
    if values == 0:
        why = "empty in all"
    elif values == 1 and not has_gaps:
        why = f"{_only(column.cells)} in all"
    elif values == 1 and column.role == "result":
        why = f"{_only(column.cells)} wherever it is known"
    elif column.role == "config":
        twin = seen.get(column.codes.tobytes())
        if _counts_the_rows(column.cells):
            why = "numbers the rows"
        # Of two runs, and of values that hardly ever repeat, settings go along by chance.
        elif twin is not None and rows > 2 and column.levels <= max(rows / 2, 2):
            why = f"goes along with {twin}"
    return why


def _is_worth_an_axis(column: _Column, series: "Series") -> bool:
    """Tell whether a column about the run itself, such as its hours, may become an axis."""
    rows, plain = len(series), column.name.lower()
    if plain == "state" or pd.api.types.is_datetime64_any_dtype(series.dtype):
        return False
    if plain in _NAMES and column.levels > rows / 2:
        return False
    if isinstance(column.cells, Categories) and column.levels > _LEVELS_OF_INFO:
        return False
    values = column.levels - bool(column.cells.is_missing.any())
    return values > 1 and not _counts_the_rows(column.cells)


def _only(cells: Cells) -> str:
    """Return the only value there is, for people."""
    if isinstance(cells, Numbers):
        return number(float(cells.values[~np.isnan(cells.values)][0]))
    text = cells.levels[0]
    return text if len(text) <= 40 else f"{text[:39]}…"


def _counts_the_rows(cells: Cells) -> bool:
    """Tell whether a column is 0, 1, 2, ... or 1, 2, 3, ..., and long."""
    if isinstance(cells, Categories) or len(cells.values) < 20:
        return False
    start = cells.values[0]
    return start in {0, 1} and bool((cells.values == start + np.arange(len(cells.values))).all())


def _steps_from_zero(values: Floats) -> bool:
    """Tell whether numbers are 0 and a few steps by factors, for which no axis of numbers fits."""
    finite = values[np.isfinite(values)]
    levels = np.unique(finite)
    if not 3 < len(levels) <= 12 or levels[0] != 0:
        return False
    with np.errstate(over="ignore"):  # a factor of more than 1e308 is one of 100, too
        return bool(levels[-1] / levels[1] >= 100) and is_by_factors(finite, levels)


def _names(table: "DataFrame") -> list[str]:
    """Return what to call each run."""
    names = [f"run {at}" for at in range(1, len(table) + 1)]
    if not isinstance(table.index, (pd.RangeIndex, pd.MultiIndex)) and table.index.is_unique:
        names = [str(label) for label in table.index]
    for name in reversed(_NAMES):
        column = find_column(table, [name])
        if column is not None and column.nunique() > len(table) / 2:
            gaps = column.isna().tolist()
            names = [
                old if gap else str(value)
                for old, value, gap in zip(names, column.tolist(), gaps, strict=True)
            ]
    return names


def _ids(table: "DataFrame") -> dict[str, list[str]]:
    column = find_column(table, ["id", "run_id"])
    if column is None or not column.is_unique or column.isna().any():
        return {}
    return {"ids": [str(value) for value in column.tolist()]}


def _states(column: "Series") -> dict[str, Any]:
    cells = read(column)
    if isinstance(cells, Numbers):
        cells = as_categories(cells)
    return {"levels": list(cells.levels), "codes": _listed(cells.codes, cells.is_missing)}


def _shown(
    found: Sequence[_Column], asked: list[str] | None, metric: str | None, response: Floats | None
) -> list[_Column]:
    """Return the columns that are axes at first, from left to right."""
    by_name = {column.name: column for column in found}
    last = [by_name[metric]] if metric is not None else []
    if asked is not None:
        return [by_name[name] for name in dict.fromkeys(asked) if name != metric] + last
    settings = [c for c in found if c.role == "config" and not _has_too_many(c)]
    if response is not None:
        ranks, known = _ranks(response)
        telling = {c.name: _telling(c, ranks, known) for c in settings}
        settings.sort(key=lambda column: telling[column.name])
    settings = settings[-(_MOST_AXES - 1) :] if response is not None else settings[:_MOST_AXES]
    results = [column for column in found if column.role == "result"]
    few = len(settings) + len(results) < 8
    return [*settings, *(results if few or not settings else ())][-_MOST_AXES:] + last


def _has_too_many(column: _Column) -> bool:
    return isinstance(column.cells, Categories) and len(column.cells.levels) > _MOST_LEVELS


def _ranks(response: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return the rank of each finite value, centred, and which values are finite."""
    known = np.isfinite(response)
    ranks = pd.Series(response[known]).rank()
    return np.asarray(ranks - (len(ranks) + 1) / 2, dtype=np.float64), known


def _telling(column: _Column, ranks: Floats, known: npt.NDArray[np.bool_]) -> float:
    """Return the share of the metric's ranks that lies between a column's levels.

    Kelley's epsilon squared: what as many levels would explain by chance is taken off. Numbers of
    many values count by eighths of the runs.
    """
    codes = column.codes[known]
    if isinstance(column.cells, Numbers) and column.levels > 8:
        values = pd.Series(column.cells.values[known]).rank(pct=True, na_option="bottom")
        codes = np.ceil(values.to_numpy(dtype=np.float64) * 8).astype(np.intp)
    count = np.bincount(codes)
    sums = np.bincount(codes, weights=ranks)
    used = count > 0
    levels, total = int(used.sum()), float(ranks @ ranks)
    if levels < 2 or len(ranks) <= levels or total == 0:
        return 0.0
    between = float((sums[used] ** 2 / count[used]).sum()) / total
    return 1 - (1 - between) * (len(ranks) - 1) / (len(ranks) - levels)


def _axis(column: _Column, response: Floats | None, goal: str) -> dict[str, Any]:
    cells = column.cells
    if isinstance(cells, Categories):
        cells = _ordered(cells, response, goal)
        return {
            "kind": "category",
            "flip": False,
            "levels": list(cells.levels),
            "codes": _listed(cells.codes, cells.is_missing),
            "types": cells.types,
        }
    values = cells.values
    finite = np.isfinite(values)
    is_whole = bool(
        finite.any()
        and (values[finite] == np.round(values[finite])).all()
        and np.abs(values[finite]).max() < 2**53
    )
    odd = {str(at): "inf" if values[at] > 0 else "-inf" for at in np.flatnonzero(np.isinf(values))}
    plain = np.where(finite, values, 0.0)
    numbers = plain.astype(np.int64) if is_whole else rounded(plain)
    return {
        "kind": "number",
        "log": _is_log(values[finite], column.role),
        "integer": is_whole,
        "flip": column.role == "metric" and goal == "minimize",
        "values": _listed(numbers, ~finite),
        **({"odd": odd} if odd else {}),
    }


def _listed(
    values: Floats | npt.NDArray[np.integer[Any]], gaps: npt.NDArray[np.bool_]
) -> list[Any]:
    """Return numbers as a list in which gaps are None."""
    listed = values.astype(object)
    listed[gaps] = None
    plain: list[Any] = listed.tolist()
    return plain


def _is_log(finite: Floats, role: Role) -> bool:
    """Tell whether numbers need a logarithmic axis: they go by factors, results by more than 100.

    A draw from 0 .. 1 may span any factor; what counts is on which scale the values spread.
    """
    if not len(finite) or finite.min() <= 0:
        return False
    with np.errstate(over="ignore"):  # a factor of more than 1e308
        is_wide = role == "config" or bool(finite.max() / finite.min() >= 100)
        return is_wide and is_by_factors(finite, np.unique(finite))


def _ordered(cells: Categories, response: Floats | None, goal: str) -> Categories:
    """Return categories from bottom to top: by the median of the metric, the best on top."""
    if cells.has_order:
        return cells
    natural = with_order(cells, natural_order(cells.levels))
    if response is None or not len(cells.levels):
        return natural
    medians = np.full(len(cells.levels), np.nan)
    used = np.isfinite(response) & ~natural.is_missing
    by_level = pd.Series(response[used]).groupby(natural.codes[used]).median()
    medians[by_level.index.to_numpy(dtype=np.intp)] = by_level.to_numpy(dtype=np.float64)
    badness = medians if goal == "minimize" else -medians
    badness = np.where(np.isnan(badness), np.inf, badness)  # without a result: at the bottom
    order = np.lexsort((np.arange(len(badness)), -badness))
    return replace(with_order(natural, order.tolist()), has_order=True)

"""The configurations of a table of runs: what sets them apart, what they gave, what is left out."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from homerun.charts.arrays import Floats, floats
from homerun.insight import Prepared, has_result, prepare, show

if TYPE_CHECKING:
    from pandas import DataFrame

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
    if not has_result(df, metric).any():
        return None
    return prepare(df, metric=metric, goal=goal, params=params, repeats=repeats, also=also)


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


def telling(table: Prepared) -> list[float]:
    """Return, for each parameter, the share of the differences that its values explain alone.

    Adjusted R squared of the means of its levels; numbers with many values in six bins.
    """
    total = float(((table.y - table.y.mean()) ** 2).sum())
    return [_share(table, at, total) for at in range(len(table.parameters))]


def settings(table: Prepared, cell: int) -> str:
    """Return the configuration of a cell: lr=0.001, resize=crop."""
    return ", ".join(
        f"{factor.name}={show(factor.levels[code])}"
        for factor, code in zip(table.factors, table.codes[cell], strict=True)
    )


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

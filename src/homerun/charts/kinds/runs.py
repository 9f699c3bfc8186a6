"""The rows of a table of runs: what they and their sweep are called, and their groups."""

import itertools
from typing import TYPE_CHECKING

import numpy as np

from homerun.charts.arrays import floats
from homerun.charts.ticks import plain
from homerun.insight import find_column, is_number, show

if TYPE_CHECKING:
    from pandas import DataFrame, Series


def titled(df: "DataFrame", words: str) -> str:
    """Return a title, with the name of the sweep where the table knows it."""
    sweep = df.attrs.get("title")
    return f"{sweep}: {words}" if sweep else words


def names_of(df: "DataFrame") -> list[str]:
    """Return what the runs of a table are called."""
    column = find_column(df, ["name", "run", "run_name", "id"])
    if column is None:
        return [f"run {at}" for at in range(1, len(df) + 1)]
    return [str(name) for name in column]


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

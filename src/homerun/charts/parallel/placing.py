"""Where the runs of a chart document cross its axes, and what stands beside the axes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homerun.charts.arrays import Floats
from homerun.charts.figure import Axis
from homerun.charts.ticks import plain, ticks

_ROOMY = 1.6  # times as far apart, where not all categories can be named, so that lines are seen
_EACH = 8  # numbers of at most so many values have a mark at each of them


@dataclass(frozen=True, kw_only=True, eq=False)
class Scale:
    """A column of the document as places on its axis: 0 bottom, 1 top, NaN no value."""

    label: str
    places: Floats
    labels: tuple[tuple[float, str], ...]  # from the bottom up
    gaps: str  # what runs without a value are, below the axis; empty: there are none


def scale_of(column: Mapping[str, Any], document: Mapping[str, Any], gap: float) -> Scale:
    """Return how a column is drawn; no two labels are nearer than `gap`, as a share of the axis."""
    is_number = column["kind"] == "number"
    values = np.array(column["values" if is_number else "codes"], dtype=np.float64)
    if is_number:
        places, labels = _of_numbers(values, column, gap)
    else:
        places, labels = _of_categories(values, column, document)
        if len(labels) * gap > 1:
            gap *= _ROOMY
    if column["flip"]:
        places, labels = 1 - places, [(1 - place, text) for place, text in labels]
    is_failed = column["role"] == "metric" and bool(failed(document))
    gaps = ("failed" if is_failed else "missing") if np.isnan(values).any() else ""
    return Scale(label=column["label"], places=places, labels=_apart(labels, gap), gaps=gaps)


def failed(document: Mapping[str, Any]) -> list[int]:
    """Return the rows of runs that failed or crashed and have no metric."""
    states = document.get("states") or {"levels": [], "codes": []}
    bad = {at for at, name in enumerate(states["levels"]) if name in {"failed", "crashed"}}
    metric = next((c for c in document["columns"] if c["role"] == "metric"), None)
    return [
        row
        for row, code in enumerate(states["codes"])
        if code in bad and (metric is None or metric["values"][row] is None)
    ]


def ranks(values: Floats) -> Floats:
    """Return the place of each value among all as 0..1; equal values share theirs."""
    known = ~np.isnan(values)
    _, inverse, count = np.unique(values[known], return_inverse=True, return_counts=True)
    middle = np.cumsum(count) - (count + 1) / 2
    places = np.full(len(values), np.nan)
    places[known] = (middle / max(known.sum() - 1, 1))[inverse]
    return places


def _of_numbers(
    values: Floats, column: Mapping[str, Any], gap: float
) -> tuple[Floats, list[tuple[float, str]]]:
    known = values[~np.isnan(values)]
    if not len(known):
        return values, []
    is_log = bool(column["log"]) and known.min() > 0
    low, high = float(known.min()), float(known.max())
    if low == high:
        return np.where(np.isnan(values), np.nan, 0.5), [(0.5, plain(low))]

    def place(value: Any) -> Any:
        if is_log:
            return np.log(value / low) / math.log(high / low)
        # Halves, as the whole of the largest numbers is none.
        return (value / 2 - low / 2) / (high / 2 - low / 2)

    levels = np.unique(known)
    if len(levels) <= _EACH:
        marks = [(float(place(level)), plain(float(level))) for level in levels]
    else:
        axis = Axis(label=column["label"], scale="log" if is_log else "linear")
        most = max(2, min(6, int(0.5 / gap)))
        found = ticks(axis, low, high, most, is_whole=bool(column["integer"]))
        marks = [(float(place(tick.value)), tick.text) for tick in found]
    return place(values), marks


def _of_categories(
    codes: Floats, column: Mapping[str, Any], document: Mapping[str, Any]
) -> tuple[Floats, list[tuple[float, str]]]:
    """Return places of runs, spread within the band of their category by the metric's rank."""
    count = max(len(column["levels"]), 1)
    metric = next((c for c in document["columns"] if c["role"] == "metric"), None)
    shares = np.full(len(codes), 0.5)
    if metric is not None:
        shares = _shares_within(codes, metric, document)
    places = (codes + 0.5 + 0.5 * (shares - 0.5)) / count
    return places, [((at + 0.5) / count, text) for at, text in enumerate(column["levels"])]


def _shares_within(codes: Floats, metric: Mapping[str, Any], document: Mapping[str, Any]) -> Floats:
    """Return for each run the share of its category's runs that are worse."""
    values = np.array(metric["values"], dtype=np.float64)
    goodness = -values if document["goal"] == "minimize" else values
    order = np.lexsort((np.where(np.isnan(goodness), -np.inf, goodness), codes))
    ordered = codes[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    sizes = np.diff(np.r_[starts, len(codes)])
    within = np.arange(len(codes)) - np.repeat(starts, sizes)
    shares = np.empty(len(codes))
    shares[order] = (within + 0.5) / np.repeat(sizes, sizes)
    return shares


def _apart(marks: Sequence[tuple[float, str]], gap: float) -> tuple[tuple[float, str], ...]:
    """Return the marks that are not too near to another one, the top one among them."""
    kept: list[tuple[float, str]] = []
    for mark in sorted(marks, reverse=True):
        if not kept or kept[-1][0] - mark[0] >= gap:
            kept.append(mark)
    return tuple(reversed(kept))

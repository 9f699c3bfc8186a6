"""How metrics of runs went from the first point to the last, thinned out for a terminal."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from homerun.core import SweepRecord
from homerun.store.documents import dumps
from homerun.store.points import steps_of
from homerun.store.schema import VALUES, WIDTH
from homerun.store.store import Store
from homerun.store.watching import WatchedRun, curve_of, metric_of

_POINTS = 512  # of a metric, as far as a picture in a terminal can show them
_COURSE = 400  # points of the whole course of a metric, at most about twice as many
_MANY = 100 * WIDTH  # points of a metric; of more, one of each block is read


class Thinned(NamedTuple):
    """How a metric of a run went: its numbers, NaN with them, or of many a part of them."""

    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a metric of a run went from its first point to the last, its peaks with it."""

    key: str
    count: int  # points there are
    points: tuple[tuple[float, float], ...]  # step and number


def thinned(
    store: Store, runs: Iterable[int], *, keys: Iterable[str] | None = None, points: int = _POINTS
) -> dict[tuple[int, str], Thinned]:
    """Return how metrics of runs went, by number of the run and key; no keys: all but system's.

    Of one with more than about `points` only parts are read, spread evenly over all of it.
    """
    wanted = None if keys is None else dumps(list(keys))
    rows = store.rows(
        "SELECT id, run, key, count FROM metric WHERE run IN (SELECT value FROM json_each(:runs))"
        " AND numbers AND CASE WHEN :keys IS NULL THEN substr(key, 1, 7) != 'system.'"
        " ELSE key IN (SELECT value FROM json_each(:keys)) END ORDER BY id",
        {"runs": dumps(list(runs)), "keys": wanted},
    )
    found = {}
    for metric, run, key, count in rows:
        blocks = None if count <= points else _spread(store, metric, points // WIDTH)
        by_step = {
            step: math.nan if value == b"NaN" else float(value)
            for step, value in _points(store, metric, blocks=blocks)
            if value == b"NaN" or isinstance(value, int | float)
        }
        steps = tuple(sorted(by_step))
        found[run, key] = Thinned(steps, tuple(by_step[step] for step in steps))
    return found


def course(
    store: Store, run: WatchedRun, sweep: SweepRecord | None, before: Course | None = None
) -> Course | None:
    """Return how the metric of a run went so far, thinned out; None: it has none.

    `before` is what was returned last; it is returned again until the picture would differ.
    """
    curve = run.curve or curve_of(store, run.number, metric_of(sweep), None)
    if curve is None:
        return None
    if before is not None and before.key == curve.key:
        new = curve.count - before.count
        if 0 <= new <= before.count // _COURSE and (new == 0 or before.count > _COURSE):
            return before
    ids = store.rows("SELECT id FROM metric WHERE run = ? AND key = ?", (run.number, curve.key))
    points = [
        (step, value)
        for (metric,) in ids
        for step, value in _points(store, metric, is_sparse=curve.count > _MANY)
        if isinstance(value, int | float) and math.isfinite(value)
    ]
    return Course(key=curve.key, count=curve.count, points=_peaks(points))


def _spread(store: Store, metric: int, count: int) -> list[int]:
    """Return so many of the blocks of a metric, the first and the last among them."""
    end = "(SELECT block FROM chunk WHERE metric = :metric ORDER BY block {} LIMIT 1)"
    first, last = store.rows(
        f"SELECT {end.format('ASC')}, {end.format('DESC')}", {"metric": metric}
    )[0]
    wanted = [first + (last - first) * index // max(1, count - 1) for index in range(count)]
    found = {
        store.rows(
            "SELECT block FROM chunk WHERE metric = ? AND block >= ? ORDER BY block LIMIT 1",
            (metric, least),
        )[0][0]
        for least in wanted
    }
    return sorted(found)


def _points(
    store: Store, metric: int, *, blocks: list[int] | None = None, is_sparse: bool = False
) -> Iterator[tuple[int, Any]]:
    """Yield steps and values as they were logged; of some blocks, or the first of each."""
    only = "" if blocks is None else "AND chunk.block IN (SELECT value FROM json_each(:blocks))"
    rows = store.rows(
        f"SELECT count, step, stride, steps, {'v0' if is_sparse else VALUES} FROM chunk JOIN block"
        f" ON block.id = chunk.block WHERE metric = :metric {only} ORDER BY time, id",
        {"metric": metric, "blocks": dumps(blocks)},
    )
    for count, first, stride, odd, *values in rows:
        steps = steps_of(count, first, stride, odd)
        yield from zip(steps, values, strict=False)


def _peaks(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Return points of which each stands for several neighbours: their lowest and highest."""
    size = math.ceil(len(points) / _COURSE)
    if size <= 2:
        return tuple(points)
    kept: list[tuple[float, float]] = []
    for start in range(0, len(points), size):
        some = points[start : start + size]
        kept += sorted({min(some, key=lambda p: p[1]), max(some, key=lambda p: p[1])})
    return tuple(kept)

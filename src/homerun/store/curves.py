"""The course of one metric in the runs of a sweep: what rules that stop runs early look at."""

import math
from collections.abc import Collection
from typing import Any, NamedTuple

from homerun.core import RunState
from homerun.store.database import Database
from homerun.store.documents import dumps, loads
from homerun.store.points import steps_of
from homerun.store.reuse import of_sweep
from homerun.store.schema import VALUES

# By time, because a block that is filled up later gets a new id.
_POINTS = f"""
SELECT chunk.metric, block.count, block.step, block.stride, block.steps,
       {VALUES}
FROM json_each(?) AS wanted
JOIN chunk ON chunk.metric = wanted.value
JOIN block ON block.id = chunk.block
ORDER BY wanted.key, block.time, block.id
"""


class Logged(NamedTuple):
    """How much a run has logged of a metric."""

    run: str  # id
    state: RunState
    metric: int | None  # its row in the table `metric`; None: it has not logged it
    points: int


def logged(store: Database, sweep_id: str, key: str) -> list[Logged]:
    """Return how much each run of a sweep that is not pending has logged of a metric."""
    condition, values = of_sweep(store, sweep_id)
    rows = store.rows(
        "SELECT run.id, run.state, metric.id, coalesce(metric.count, 0) FROM run"
        " LEFT JOIN metric ON metric.run = run.number AND metric.key = ?"
        f" WHERE {condition} AND run.state != 'pending' ORDER BY run.number",
        [key, *values],
    )
    return [Logged(run, RunState(state), metric, count) for run, state, metric, count in rows]


def logged_numbers(store: Database, metrics: Collection[int]) -> dict[int, list[float]]:
    """Return the numbers of metrics in the order of steps, NaN and infinities with them.

    Of a value that was logged twice in a step the later one counts, as in W&B.
    """
    found: dict[int, dict[int, Any]] = {metric: {} for metric in metrics}
    rows = store.rows(_POINTS, (dumps(list(metrics)),))
    for metric, count, first, stride, odd, *values in rows:
        steps = steps_of(count, first, stride, odd)
        found[metric].update(zip(steps, values, strict=False))
    return {
        metric: [math.nan if value == b"NaN" else value for value in _numbers(by_step)]
        for metric, by_step in found.items()
    }


def configs_of(store: Database, run_ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the configurations of runs, by id."""
    rows = store.rows(
        "SELECT id, config FROM run WHERE id IN (SELECT value FROM json_each(?))",
        (dumps(list(run_ids)),),
    )
    return {run_id: loads(config) for run_id, config in rows}


def _numbers(by_step: dict[int, Any]) -> list[Any]:
    """Return what is a number; text, booleans, media and integers beyond 64 bits are none."""
    values = [by_step[step] for step in sorted(by_step)]
    return [value for value in values if type(value) in (int, float) or value == b"NaN"]

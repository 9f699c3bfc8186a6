"""What a run logged, as rows: one a step, with all that was logged in it."""

from collections.abc import Collection
from typing import Any

from homerun.store.database import Database
from homerun.store.documents import dumps
from homerun.store.points import block_points, decode
from homerun.store.schema import VALUES

# By time, because a block that is filled up later gets a new id.
_POINTS = f"""
SELECT block.id, block.count, block.step, block.stride, block.steps, block.time, block.times,
       metric.key, {VALUES}
FROM run
JOIN metric ON metric.run = run.number
JOIN chunk ON chunk.metric = metric.id
JOIN block ON block.id = chunk.block
WHERE run.id = :run AND (substr(metric.key, 1, 7) = 'system.') = :system
  AND (:keys IS NULL OR metric.key IN (SELECT value FROM json_each(:keys)))
ORDER BY block.time, block.id, metric.id
"""


def logged_rows(
    store: Database, run_id: str, *, keys: Collection[str] = (), is_system: bool = False
) -> list[tuple[int, float, dict[str, Any]]]:
    """Return (step, time of the last value in s since the epoch, values) in the order of steps.

    `keys`: only these; none: all. `is_system`: the samples of the machine instead. Of a value
    that was logged twice in a step the later one counts, as in W&B.
    """
    wanted = dumps(list(keys)) if keys else None
    with store.explained():
        found = store.db.execute(
            _POINTS, {"run": run_id, "system": is_system, "keys": wanted}
        ).fetchall()
    rows: dict[int, dict[str, Any]] = {}
    latest: dict[int, float] = {}
    block, steps, times = None, list[int](), list[float]()
    for number, count, first, stride, odd_steps, time, offsets, key, *values in found:
        if number != block:
            block = number
            steps, times = block_points(count, first, stride, odd_steps, time, offsets)
            for step, at in zip(steps, times, strict=True):
                rows.setdefault(step, {})
                latest[step] = max(latest.get(step, 0.0), at)
        for step, value in zip(steps, values, strict=False):
            rows[step][key] = decode(value)
    return [(step, latest[step], rows[step]) for step in sorted(rows)]


def last_system_values(store: Database, run_id: str) -> dict[str, Any]:
    """Return the last sample of each metric of the machine, under `system.KEY`."""
    rows = store.rows(
        "SELECT key, last FROM metric WHERE run = (SELECT number FROM run WHERE id = ?)"
        " AND substr(key, 1, 7) = 'system.' ORDER BY key",
        (run_id,),
    )
    return {key: decode(value) for key, value in rows}


def last_step(store: Database, run_id: str) -> int:
    """Return the last step in which a run logged anything, -1 before the first."""
    row = store.row(
        "SELECT max(last_step) FROM metric WHERE run = (SELECT number FROM run WHERE id = ?)"
        " AND substr(key, 1, 7) != 'system.'",
        (run_id,),
    )
    return -1 if row is None or row[0] is None else int(row[0])

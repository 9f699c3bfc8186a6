"""What the runs of a sweep tell a search: configurations and outcomes, many at once."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from homerun.core import RunState
from homerun.store.documents import loads_all
from homerun.store.overview import VALUE, value_paths
from homerun.store.reuse import of_sweep
from homerun.store.store import Store

_RUNTIME = "coalesce(runtime_s, CASE WHEN state = 'running' THEN max(? - started_at, 0.0) END)"
_FACTS = f"id, state, sweep, config_hash, repeat, {_RUNTIME}, out_of_memory, censored"


class ObservedRun(NamedTuple):
    """A run, its configuration and how it ended, or how far it is."""

    id: str
    state: RunState
    sweep: str | None
    config_hash: str | None  # of the configuration as it was proposed
    config: dict[str, Any]  # as it was recorded; its program may have added to it
    values: tuple[float | None, ...]  # of the metrics that were asked for, from the summary
    runtime_s: float | None  # so far, of one that runs
    out_of_memory: str  # it died of it: `gpu` or `host`
    is_censored: bool  # a stopping rule ended it early


def observed_runs(
    store: Store, metrics: Sequence[str], *, sweep: str = "", run: str = ""
) -> list[ObservedRun]:
    """Return the runs that count in a sweep, oldest first, or one run; see `best_run` for values.

    Of several attempts at one run only the last is there.
    """
    condition, chosen = of_sweep(store, sweep) if sweep else ("run.id = ?", [run])
    found = "".join(f", {VALUE}" for _ in metrics)
    rows = store.rows(
        f"SELECT config, {_FACTS}{found} FROM run WHERE {condition} ORDER BY number",
        [time.time(), *(path for metric in metrics for path in value_paths(metric)), *chosen],
    )
    last = {}
    for row, config in zip(rows, loads_all(row[0] for row in rows), strict=True):
        run_id, state, of, config_hash, repeat, runtime_s, out_of_memory, censored = row[1:9]
        key = run_id if config_hash is None else (of, config_hash, repeat)
        last[key] = ObservedRun(
            id=run_id,
            state=RunState(state),
            sweep=of,
            config_hash=config_hash,
            config=config,
            values=tuple(row[9:]),
            runtime_s=runtime_s,
            out_of_memory=out_of_memory,
            is_censored=bool(censored),
        )
    return list(last.values())

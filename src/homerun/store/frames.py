"""The home as DataFrames: all runs at once, and every point of every metric."""

import contextlib
import gc
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from homerun.core import MissingExtraError, RunState, SweepRecord
from homerun.store.documents import dumps, loads, loads_all
from homerun.store.points import decode, steps_of
from homerun.store.reuse import of_sweep
from homerun.store.schema import VALUES
from homerun.store.settle import settle
from homerun.store.store import Store

if TYPE_CHECKING:
    from pandas import DataFrame

_FIELDS = (
    "id, number, name, state, reason, project, sweep, group_name, job_type, tags, notes, repeat, "
    "attempt, created_at, started_at, ended_at, runtime_s, exit_code, user_cpu_s, system_cpu_s, "
    "memory_max_mib, gpu_memory_max_gib, energy_wh, cpu_energy_wh, is_shared, out_of_memory, "
    "devices, censored"
).split(", ")
_TIMES = ("created_at", "started_at", "ended_at")
_METADATA = ("host", "program", "python", "git.commit", "git.branch", "git.dirty")
_HISTORY = f"""
SELECT run.id, metric.key, block.count, block.step, block.stride, block.steps, block.time,
       block.times, {VALUES}
FROM json_each(?) AS wanted
JOIN run ON run.id = wanted.value
JOIN metric ON metric.run = run.number
JOIN chunk ON chunk.metric = metric.id
JOIN block ON block.id = chunk.block
WHERE CASE WHEN ? IS NULL THEN substr(metric.key, 1, 7) != 'system.'
           ELSE metric.key IN (SELECT value FROM json_each(?)) END
ORDER BY wanted.key, metric.id, chunk.block
"""


@contextlib.contextmanager
def without_collection() -> Iterator[None]:
    """Hold the collector of cycles back: millions of values are made here, and no cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@without_collection()
def runs_frame(
    store: Store,
    *,
    sweep: str | None = None,
    project: str | None = None,
    states: Iterable[RunState] = (),
    ids: Iterable[str] | None = None,
) -> "DataFrame":
    """Return one row a run, in the order of creation, whatever its state.

    Columns: what is known of the run itself, then one per configuration key, summary key and a few
    of the metadata. Nested keys are dotted. A key that occurs twice is `config.KEY` or
    `summary.KEY`. `df.attrs` lists the columns of each kind under "config", "summary", "metadata";
    of a sweep it also has "sweep" (id), "title", and where the sweep has one "metric" and "goal".
    Numbers are numbers: a column of integers with gaps is Int64, of booleans boolean.
    """
    pd = _pandas()
    rows = _run_rows(store, sweep, project, list(states), ids)
    columns_of_none = [()] * (len(_FIELDS) + 3)
    *plain, configs, summaries, metadata = zip(*rows, strict=True) if rows else columns_of_none
    columns: dict[str, Any] = {}
    for name, values in zip(_FIELDS, plain, strict=True):
        columns["group" if name == "group_name" else name] = _plain_column(pd, name, values)
    kinds: dict[str, list[str]] = {}
    for kind, texts in (("config", configs), ("summary", summaries), ("metadata", metadata)):
        kinds[kind] = []
        for key, column in _by_key(loads_all(texts)):
            if key.startswith("_") or (kind == "metadata" and key not in _METADATA):
                continue
            name = f"{kind}.{key}" if key in columns else key
            columns[name] = typed(pd, column)
            kinds[kind].append(name)
    frame = pd.DataFrame(columns)
    frame.attrs.update(kinds)
    if sweep is not None:
        frame.attrs.update(_about(store.sweep(sweep), kinds["summary"]))
    return cast("DataFrame", frame)


@without_collection()
def history_frame(
    store: Store, run_ids: Sequence[str], *, keys: Iterable[str] | None = None
) -> "DataFrame":
    """Return every point that was logged: columns run (id), key, step, value, time (UTC).

    Rows are ordered by run as given, then key, then step. `keys` None means all but the
    system metrics, whose keys start with "system.".
    """
    pd = _pandas()
    wanted = dumps(list(dict.fromkeys(keys))) if keys is not None else None
    rows = store.rows(_HISTORY, (dumps(list(dict.fromkeys(run_ids))), wanted, wanted))
    runs, names, counts, first, strides, odd, starts, times = (
        zip(*(row[:8] for row in rows), strict=True) if rows else [()] * 8
    )
    frame = pd.DataFrame(
        {
            "run": pd.Series(runs, dtype="str").repeat(counts).array,
            "key": pd.Series(names, dtype="str").repeat(counts).array,
            "step": _steps(pd, counts, first, strides, odd),
            "value": _history_values(pd, [v for row in rows for v in row[8 : 8 + row[2]]]),
            "time": _times(pd, counts, starts, times),
        }
    )
    if any(map(_overlap, rows, rows[1:])):
        metric = frame.groupby(["run", "key"], sort=False).ngroup()
        frame = frame.assign(metric=metric).sort_values(
            ["metric", "step"], kind="stable", ignore_index=True
        )
        frame = frame.drop(columns="metric")
    return cast("DataFrame", frame)


def typed(pd: Any, values: list[Any]) -> Any:
    """Return a column of the narrowest fitting dtype; None is a gap."""
    kinds = set(map(type, values))
    present = kinds - {type(None)}
    gaps = len(present) < len(kinds)
    if present == {float} or (present == {int, float} and _fit_float(values)):
        return pd.array([float("nan") if v is None else v for v in values], dtype="float64")
    if present == {int} and all(v is None or -(2**63) <= v < 2**63 for v in values):
        return pd.array(values, dtype="Int64" if gaps else "int64")
    if present == {bool}:
        return pd.array(values, dtype="boolean" if gaps else "bool")
    if present == {str}:
        return pd.array(values, dtype="str")
    return pd.Series(values, dtype="object")


def _about(sweep: SweepRecord, summary: Sequence[str]) -> dict[str, str]:
    """Return what a table of runs should know of the sweep that they are of."""
    about = {"sweep": sweep.id, "title": f"{sweep.project} > {sweep.name}"}
    metric = sweep.metric
    names = (metric.name, f"summary.{metric.name}") if metric else ()
    column = next((one for one in names if one in summary), "")
    if metric and column:
        about |= {"metric": column, "goal": metric.goal}
    return about


def _run_rows(
    store: Store,
    sweep: str | None,
    project: str | None,
    states: list[RunState],
    ids: Iterable[str] | None,
) -> list[tuple[Any, ...]]:
    clauses, parameters = ["1"], list[str]()
    if sweep is not None:
        condition, parameters = of_sweep(store, sweep)
        clauses.append(condition)
    if project is not None:
        clauses.append("project = ?")
        parameters.append(project)
    if states:
        clauses.append(f"state IN ({', '.join('?' * len(states))})")
        parameters += [state.value for state in states]
    if ids is not None:
        clauses.append("id IN (SELECT value FROM json_each(?))")
        parameters.append(dumps(list(ids)))
    return store.rows(
        f"SELECT {', '.join(_FIELDS)}, config, summary, metadata FROM run"
        f" WHERE {' AND '.join(clauses)} ORDER BY number",
        parameters,
    )


def _steps(pd: Any, counts: Any, first: Any, strides: Any, odd: Any) -> Any:
    """Return the steps of all rows of blocks, one after the other."""
    count = pd.Series(counts, dtype="int64")
    start_of_block = (count.cumsum() - count).repeat(counts).array
    position = pd.RangeIndex(count.sum()).array - start_of_block
    stride = pd.Series([s or 0 for s in strides], dtype="int64").repeat(counts).array
    steps = pd.Series(first, dtype="int64").repeat(counts).array + position * stride
    if any(odd):
        at = 0
        for size, irregular in zip(counts, odd, strict=True):
            if irregular:
                steps[at : at + size] = loads(irregular)
            at += size
    return steps


def _times(pd: Any, counts: Any, starts: Any, times: Any) -> Any:
    import numpy as np  # noqa: PLC0415  comes with pandas

    first = np.array([round(start * 1e6) for start in starts], dtype="int64")
    # A tenth of the cost of parsing the arrays as JSON.
    milliseconds = np.fromstring(",".join([text[1:-1] for text in times]), dtype="int64", sep=",")
    microseconds = np.repeat(first, counts) + milliseconds * 1000
    return pd.Series(microseconds.astype("datetime64[us]")).dt.tz_localize("UTC")


def _plain_column(pd: Any, name: str, values: Sequence[Any]) -> Any:
    if name in _TIMES:
        return pd.to_datetime(pd.Series(values, dtype="float64"), unit="s", utc=True)
    if name in ("tags", "devices"):
        return pd.Series(loads_all(values), dtype="object")
    if name == "exit_code":
        return pd.array(values, dtype="Int64")
    if name in ("is_shared", "censored"):
        dtype = "boolean" if name == "is_shared" else "bool"
        return pd.array([None if v is None else bool(v) for v in values], dtype=dtype)
    if name.endswith(("_s", "_mib", "_gib", "_wh")):
        return pd.array(values, dtype="float64")
    return typed(pd, list(values))


def _overlap(one: Sequence[Any], following: Sequence[Any]) -> bool:
    """Tell whether two blocks of one metric were logged in turns, with rows of different keys."""
    run, key, count, step, stride, steps, *_ = one
    last = steps_of(count, step, stride, steps)[-1]
    return bool(following[0] == run and following[1] == key and following[3] <= last)


def _history_values(pd: Any, values: list[Any]) -> Any:
    kinds = set(map(type, values))
    if bytes in kinds:
        values = [decode(value) for value in values]
        kinds = set(map(type, values))
    if kinds <= {float} or (kinds <= {float, int} and _fit_float(values)):
        return pd.Series(values, dtype="float64")
    return pd.Series(values, dtype="object")


def _fit_float(values: Iterable[Any]) -> bool:
    return all(type(v) is not int or -(2**53) <= v <= 2**53 for v in values)


def _by_key(documents: list[Any], prefix: str = "") -> Iterator[tuple[str, list[Any]]]:
    """Yield each key of the documents and its values, None where it is absent; nested ones dotted.

    Records of media (`_type`) stay whole.
    """
    for key in dict.fromkeys(chain.from_iterable(documents)):
        values = [document.get(key) for document in documents]
        if dict not in set(map(type, values)):
            yield f"{prefix}{key}", values
            continue
        nested = [type(value) is dict and "_type" not in value for value in values]
        inner = [
            value if is_nested else {} for value, is_nested in zip(values, nested, strict=True)
        ]
        rest = [
            None if is_nested else value for value, is_nested in zip(values, nested, strict=True)
        ]
        yield from _by_key(inner, f"{prefix}{key}.")
        if any(value is not None for value in rest) or not any(inner):
            yield f"{prefix}{key}", rest


def _pandas() -> ModuleType:
    try:
        import pandas as pd  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("DataFrames need: pip install 'homerun[pandas]'") from error
    return pd


def runs(
    sweep: str | None = None,
    *,
    project: str | None = None,
    states: Iterable[RunState | str] = (),
    home: Path | None = None,
) -> "DataFrame":
    """Return all runs as a DataFrame, one row a run; see `runs_frame` for the columns.

    What ran until a moment ago is in it: states are settled and journals folded first.
    """
    with Store(home, may_be_read_only=True) as store:
        settle(store)
        sweep_id = store.sweep(sweep).id if sweep is not None else None
        wanted = [RunState(state) for state in states]
        return runs_frame(store, sweep=sweep_id, project=project, states=wanted)


def history(
    run: str | Iterable[str], keys: Iterable[str] | None = None, *, home: Path | None = None
) -> "DataFrame":
    """Return every logged point of one run or of many: columns run, key, step, value, time.

    `run` is an id, number or name, or a collection of them such as `df.id`; never sampled.
    """
    refs = [run] if isinstance(run, str) else [str(ref) for ref in run]
    with Store(home, may_be_read_only=True) as store:
        settle(store)
        known = store.rows(
            "SELECT id FROM run WHERE id IN (SELECT value FROM json_each(?))", (dumps(refs),)
        )
        ids = {row[0] for row in known}
        return history_frame(
            store, [ref if ref in ids else store.run(ref).id for ref in refs], keys=keys
        )

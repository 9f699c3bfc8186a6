"""History in W&B's form: wide rows of one step each, with `_step`, `_timestamp` and `_runtime`."""

from collections.abc import Iterator, Sequence
from typing import Any

from homerun.compat.api.place import Place
from homerun.core import MissingExtraError, UsageError
from homerun.store import FoundRun, logged_rows

_CLOCK = ("_step", "_timestamp", "_runtime")
_STREAMS = ("default", "system")

Row = dict[str, Any]


def history_rows(
    place: Place,
    run: FoundRun,
    *,
    keys: Sequence[str] | None = None,
    x_axis: str = "_step",
    stream: str = "default",
    samples: int | None = None,
) -> list[Row]:
    """Return the rows that hold all keys, with these and the x axis alone; without keys all rows.

    Only with `samples` are there fewer than were logged: as many, evenly spread, both ends kept.
    """
    if stream not in _STREAMS:
        raise UsageError(f"stream={stream!r} is unknown; use one of {', '.join(_STREAMS)}")
    _check_keys(keys)
    if stream == "system":
        rows = list(all_rows(place, run, is_system=True))
    elif keys:
        rows = list(all_rows(place, run, keys=list(dict.fromkeys([x_axis, *keys]))))
    else:
        rows = [row for row in all_rows(place, run) if x_axis in row]
    return _spread(rows, samples)


def all_rows(
    place: Place,
    run: FoundRun,
    *,
    keys: Sequence[str] | None = None,
    is_system: bool = False,
    min_step: int = 0,
    max_step: int | None = None,
) -> Iterator[Row]:
    """Yield rows in the order of steps; with keys those that hold all of them, and these alone."""
    _check_keys(keys)
    logged = [key for key in keys or () if key not in _CLOCK]
    with place.settled() as store:
        rows = logged_rows(store, run.id, keys=logged, is_system=is_system)
    started = run.started_at if run.started_at is not None else run.created_at
    for step, time, values in rows:
        if step < min_step or (max_step is not None and step >= max_step):
            continue
        clock = {"_step": step, "_timestamp": time, "_runtime": max(0.0, time - started)}
        row = {**values, **clock}
        if not keys:
            yield row
        elif all(key in row for key in keys):
            yield {key: row[key] for key in keys}


def as_frame(rows: list[Row], columns: Sequence[str] | None = None) -> Any:
    """Return rows as a DataFrame of pandas."""
    try:
        import pandas as pd  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("DataFrames need: pip install 'homerun[pandas]'") from error
    return pd.DataFrame(rows, columns=list(columns) if columns and not rows else None)


def as_polars(rows: list[Row]) -> Any:
    """Return rows as a DataFrame of polars."""
    try:
        import polars as pl  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError('format="polars" needs: pip install polars') from error
    return pl.DataFrame(rows, infer_schema_length=None)


def _check_keys(keys: Sequence[str] | None) -> None:
    if isinstance(keys, str):
        raise UsageError(f"keys={keys!r} must be a list of names: [{keys!r}]")


def _spread(rows: list[Row], samples: int | None) -> list[Row]:
    if samples is None or len(rows) <= samples:
        return rows
    if samples < 1:
        raise UsageError(f"samples={samples} is not valid; give a number above 0, or none for all")
    if samples == 1:
        return rows[-1:]
    last = len(rows) - 1
    return [rows[round(i * last / (samples - 1))] for i in range(samples)]

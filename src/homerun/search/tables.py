"""Runs as people hold them, mappings or the rows of a DataFrame, become observations."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from homerun.core import RunState, UsageError
from homerun.search.observations import Observation
from homerun.spec import MISSING, Parameter, Sweep, axis_of, nest, value_at

if TYPE_CHECKING:
    from pandas import DataFrame

_VALUE_KEYS = ("value", "metric")  # stand for the metric, whatever its name
_LISTED = 2_000  # values of a parameter that a number of a table is compared with


def observations_of(
    sweep: Sweep, runs: "Sequence[Mapping[str, Any]] | DataFrame"
) -> list[Observation]:
    """Return the runs of a list or a DataFrame; `homerun.suggest` says what they look like."""
    if isinstance(runs, Sequence):
        return [_of_mapping(sweep, run, number) for number, run in enumerate(runs)]
    names = {str(name) for name in runs.columns}
    return [_of_row(sweep, row, number, names) for number, row in enumerate(_rows(runs))]


def _of_mapping(sweep: Sweep, run: Mapping[str, Any], number: int) -> Observation:
    config = run.get("config") if isinstance(run, Mapping) else None
    if not isinstance(config, Mapping):
        raise UsageError(
            f"runs[{number}] has no config; give a mapping such as "
            "{'config': {'lr': 0.1}, 'loss': 0.5}"
        )
    summary = run.get("summary")
    summary = summary if isinstance(summary, Mapping) else {}
    values = {}
    for name in (metric.name for metric in sweep.goals):
        found = [*(run.get(key) for key in (name, *_VALUE_KEYS)), summary.get(name)]
        values[name] = next((one for one in map(_number, found) if one is not None), None)
    found_config = nest(_values(sweep, lambda p: _inside(config, p)))
    return _observation(found_config, values, run, f"runs[{number}]")


def _of_row(sweep: Sweep, row: Mapping[str, Any], number: int, names: set[str]) -> Observation:
    def value(p: Parameter) -> Any:
        name = f"config.{p.name}" if f"config.{p.name}" in names else p.name
        found = row.get(name)
        is_gap = found is None or (isinstance(found, float) and math.isnan(found))
        return MISSING if is_gap and None not in p.values else _meant(p, sweep.method, found)

    values = {}
    for name in (metric.name for metric in sweep.goals):
        column = f"summary.{name}" if f"summary.{name}" in names else name
        values[name] = _number(row.get(column))
    config = nest(_values(sweep, value))
    return _observation(config, values, row, f"row {number}")


def _observation(
    config: dict[str, Any],
    values: Mapping[str, float | None],
    facts: Mapping[str, Any],
    where: str,
) -> Observation:
    """Return a run; of its further facts those count that a search can use."""
    has_value = any(value is not None for value in values.values())
    state = facts.get("state") or (RunState.FINISHED if has_value else RunState.RUNNING)
    if state not in tuple(RunState):
        raise UsageError(f"{where}: state {state!r} is unknown; use one of {', '.join(RunState)}")
    return Observation(
        config=config,
        state=RunState(state),
        values=values,
        runtime_s=_number(facts.get("runtime_s")),
        out_of_memory=str(facts.get("out_of_memory") or ""),
    )


def _values(
    sweep: Sweep, value: Callable[[Parameter], Any]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield paths and values of the parameters that are known; a single value is."""
    for p in sweep.parameters:
        found = value(p)
        if found is MISSING:
            axis = axis_of(p, sweep.method)
            found = axis.value(0) if axis is not None and axis.size == 1 else MISSING
        if found is not MISSING:
            yield p.path, found


def _inside(config: Mapping[str, Any], p: Parameter) -> Any:
    """Return the value of a parameter in a nested mapping, or under its dotted name."""
    value = value_at(config, p.path)
    return config.get(p.name, MISSING) if value is MISSING else value


def _meant(p: Parameter, method: str, value: Any) -> Any:
    """Return the value of a parameter that a table shows: its columns make 1.0 of 1."""
    axis = axis_of(p, method)
    if isinstance(value, bool) or not isinstance(value, int | float) or axis is None:
        return value
    if not p.values:
        is_whole = isinstance(value, float) and value.is_integer() and type(axis.value(0)) is int
        return int(value) if is_whole else value
    known = map(axis.value, range(min(axis.size, _LISTED)))
    same = [one for one in known if one == value and not isinstance(one, bool)]
    exact = [one for one in same if type(one) is type(value)]
    return next(iter([*exact, *same]), value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _rows(frame: Any) -> list[dict[str, Any]]:
    """Return the rows of a DataFrame as plain values, gaps as None."""
    columns = {str(name): frame[name].astype(object).tolist() for name in frame.columns}
    return [
        {name: _plain(values[i]) for name, values in columns.items()} for i in range(len(frame))
    ]


def _plain(value: Any) -> Any:
    """Return a value of Python; None for pandas.NA."""
    if type(value).__name__ == "NAType":
        return None
    return value.item() if hasattr(value, "item") and not hasattr(value, "__len__") else value

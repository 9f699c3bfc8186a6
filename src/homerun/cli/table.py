"""Runs as a table: what makes them differ for a person, everything for a program."""

import math
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from itertools import chain, compress
from typing import Any

from homerun.cli import output, words
from homerun.cli.common import location
from homerun.cli.condition import condition_of, holding
from homerun.core import Metric, RunState, UsageError, flat
from homerun.store import RunLine

_SAMPLE = 50  # runs whose names stand for those of all, until one is missed
_CURVE_RANK = 9000  # only names of runs give way before
FIELDS = [name for name in RunLine._fields if name not in {"config", "summary"}]


def run_document(line: RunLine) -> dict[str, Any]:
    """Return a run as --json prints it in lists: the columns of the table `run`."""
    return line._asdict()


def value_in(document: dict[str, Any], key: str) -> Any:
    """Return what the flat form of a document has under a key; raise KeyError without one."""
    value = document.get(key)
    if value is not None and not isinstance(value, dict):
        return value
    return flat(document)[key]


def values_of(lines: list[RunLine], key: str) -> list[Any]:
    """Return each run's value of a key of the configs, the summaries or a column; None: none."""
    kind, _, rest = key.partition(".")
    if kind in {"config", "summary"} and rest:
        return [_or_none(getattr(line, kind), rest) for line in lines]
    for kind in ("config", "summary"):
        values = [_or_none(getattr(line, kind), key) for line in lines]
        if values.count(None) < len(values):
            return values
    return [getattr(line, key, None) if key in FIELDS else None for line in lines]


def state_text(line: RunLine) -> str:
    """Return the state of a run as a table shows it: one that a rule stopped says so."""
    return "early stop" if line.censored else line.state


def result_text(line: RunLine, metric: Metric | None) -> str:
    """Return what a run came to: `error_rate 0.05`; empty without its metric."""
    value = flat(line.summary).get(metric.name) if metric else None
    return f"{metric.name} {words.cell(value)}" if metric and value is not None else ""


def best_first(lines: list[RunLine], metric: Metric) -> list[RunLine]:
    """Order runs by a metric of their summary, the best first and those without a number last."""
    sign = -1.0 if metric.is_maximized else 1.0

    def place(line: RunLine) -> tuple[bool, float, int]:
        value = _or_none(line.summary, metric.name)
        is_number = isinstance(value, int | float) and value == value  # noqa: PLR0124  NaN
        return not is_number, sign * value if is_number else 0.0, line.number

    return sorted(lines, key=place)


def matching(
    lines: list[RunLine], condition: str | None, *, known: Collection[str] = ()
) -> list[RunLine]:
    """Return the runs for which a condition holds; `known`: names that need not be in any run."""
    if condition is None or not lines:
        return lines
    try:
        expression = condition_of(condition, [*_names(lines[:_SAMPLE]), *known])
    except UsageError:
        expression = condition_of(condition, [*_names(lines), *known])  # mostly those of all
    return list(compress(lines, holding(expression, map(_Named, lines))))


class _Named(dict[str, Any]):
    """The values of a run by name: of its config, its summary or a column, looked up when asked."""

    def __init__(self, line: RunLine) -> None:
        super().__init__()
        self._line = line

    def __missing__(self, name: str) -> Any:
        for document in (self._line.config, self._line.summary):
            if name in document and not isinstance(document[name], dict):
                return document[name]
        kind, _, rest = name.partition(".")
        if kind in {"config", "summary"} and rest:
            with suppress(KeyError):
                return value_in(getattr(self._line, kind), rest)
        for document in (self._line.config, self._line.summary):
            with suppress(KeyError):
                return value_in(document, name)
        if name in FIELDS:
            return getattr(self._line, name)
        raise KeyError(name)


def _names(lines: list[RunLine]) -> list[str]:
    """Return all names that a condition may have, those that are used most first."""
    kinds = {
        kind: dict.fromkeys(key for line in lines for key in flat(getattr(line, kind)))
        for kind in ("config", "summary")
    }
    keys = sorted((key for kind in kinds for key in kinds[kind]), key=lambda key: key[:1] == "_")
    return [*keys, *FIELDS, *(f"{kind}.{key}" for kind in kinds for key in kinds[kind])]


def _or_none(document: dict[str, Any], key: str) -> Any:
    try:
        return value_in(document, key)
    except KeyError:
        return None


def ordered(lines: list[RunLine], key: str | None, *, is_reversed: bool) -> list[RunLine]:
    """Order runs by a key, those without a value last; without a key only turn their order."""
    if key is None:
        return lines[::-1] if is_reversed else lines
    pairs = list(zip(values_of(lines, key), lines, strict=True))
    if lines and all(value is None for value, _ in pairs):
        raise UsageError(f"no run here has a value of {key!r}; --json shows what they have")
    present = [pair for pair in pairs if _is_ordered(pair[0])]
    present.sort(key=_order, reverse=is_reversed)
    return [line for _, line in present] + [line for v, line in pairs if not _is_ordered(v)]


def print_everything(lines: list[RunLine]) -> None:
    """Print all that is known of runs, tab separated."""
    columns = {name: [getattr(line, name) for line in lines] for name in FIELDS}
    for kind in ("config", "summary"):
        documents = [flat(getattr(line, kind)) for line in lines]
        for key in _keys(documents):
            name = f"{kind}.{key}" if key in columns else key
            columns[name] = [document.get(key) for document in documents]
    output.print_tsv(list(columns), zip(*columns.values(), strict=True))


def print_differences(
    shown: list[RunLine],
    all_configs: list[tuple[str, dict[str, Any]]],
    metric: Metric | None,
    sweeps: Mapping[str, str],
    curves: Sequence[str],
) -> None:
    """Print what makes runs differ, and below what is the same in all of them.

    `all_configs` holds state and configuration also of runs that are not shown; `sweeps` gives
    the names of sweeps by id; `curves` are those of the runs shown, as text.
    """
    differing, constant = varying(all_configs)
    configs = [flat(line.config) for line in shown]
    summaries = [flat(line.summary) for line in shown]
    measured = [key for key in _keys(summaries) if _is_measured(key, summaries)]
    first = [metric.name] if metric and metric.name in measured else []
    for key in set(measured).difference(first):
        values = {document.get(key) for document in summaries}
        if len(values) == 1 and len(shown) > 1:
            measured.remove(key)
            constant[key] = values.pop()
    places = [location(line.project, sweeps.get(line.sweep or "", "")) for line in shown]
    if len({line.sweep for line in shown}) == 1:
        places = [""] * len(shown)
    columns = [
        output.Column("RUN", [str(line.number) for line in shown], is_number=True),
        output.Column("STATE", [state_text(line) for line in shown], is_state=True),
        *(_measured(key, summaries, rank=0, is_whole=True) for key in first),
        curve_column(curves, rank=_CURVE_RANK),
        output.Column("IN", places, rank=1),
        *(_configured(key, configs, rank=2 + i) for i, key in enumerate(differing)),
        *(
            _measured(k, summaries, rank=output.EXTRA + i)
            for i, k in enumerate(measured)
            if k not in first
        ),
        output.Column("TIME", [runtime(line) for line in shown], is_number=True, rank=500),
        output.Column("NAME", [line.name for line in shown], is_whole=True, rank=9999),
    ]
    hidden = output.print_table(columns)
    output.say_hidden(hidden)
    if constant:
        output.say(output.plain(f"the same in all: {words.settings(constant, between=', ')}"))


def curve_column(curves: Sequence[str], *, rank: int = output.EXTRA) -> output.Column:
    """Return the column of the courses of the metric, which is among the first to give way."""
    return output.Column("CURVE", curves, is_whole=True, rank=rank, style="cyan")


def runtime(line: RunLine) -> str:
    """Return how long a run took, or has taken until now."""
    if line.runtime_s is None and line.state == RunState.RUNNING and line.started_at:
        return words.duration(time.time() - line.started_at)
    return words.duration(line.runtime_s)


def _measured(
    key: str, documents: list[dict[str, Any]], *, rank: int, is_whole: bool = False
) -> output.Column:
    values = words.numbers([document.get(key) for document in documents])
    return output.Column(key, values, is_number=True, is_whole=is_whole, rank=rank)


def _configured(key: str, documents: list[dict[str, Any]], *, rank: int) -> output.Column:
    values = [document.get(key) for document in documents]
    is_number = all(isinstance(value, int | float | None) for value in values)
    return output.Column(key, [words.cell(value) for value in values], is_number, rank=rank)


def varying(runs: list[tuple[str, dict[str, Any]]]) -> tuple[list[str], dict[str, Any]]:
    """Return the config keys whose values differ, and with their value those that never do.

    A pending run has no value yet of what only its program will tell.
    """
    documents = [flat(config) for _, config in runs]
    started = [
        document
        for document, (state, _) in zip(documents, runs, strict=True)
        if state != RunState.PENDING
    ]
    differing, constant = [], {}
    for key in _keys(documents):
        values = [document[key] for document in documents if key in document]
        first = values[0]
        is_same = values.count(first) == len(values) and len(set(map(type, values))) == 1
        if is_same and all(key in document for document in started):
            constant[key] = first
        else:
            differing.append(key)
    return differing, constant


def _keys(documents: Sequence[dict[str, Any]]) -> list[str]:
    return [key for key in dict.fromkeys(chain.from_iterable(documents)) if key[:1] != "_"]


def _is_measured(key: str, documents: list[dict[str, Any]]) -> bool:
    return any(isinstance(document.get(key), int | float) for document in documents)


def _order(pair: tuple[Any, RunLine]) -> tuple[bool, Any]:
    is_text = not isinstance(pair[0], int | float)
    return is_text, str(pair[0]) if is_text else pair[0]


def _is_ordered(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))

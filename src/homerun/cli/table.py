"""Runs as a table: what makes them differ for a person, everything for a program."""

import math
import time
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from homerun.cli import output, words
from homerun.cli.common import Metric, location
from homerun.core import RunState, UsageError
from homerun.store import RunLine

FIELDS = [name for name in RunLine._fields if name not in {"config", "summary"}]


def run_document(line: RunLine) -> dict[str, Any]:
    """Return a run as --json prints it in lists: the columns of the table `run`."""
    return line._asdict()


def flat(document: dict[str, Any]) -> dict[str, Any]:
    """Return nested dictionaries as dotted keys; records of media (`_type`) stay whole."""
    if dict not in map(type, document.values()):
        return document
    result: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict) and value and "_type" not in value:
            result.update({f"{key}.{inner}": v for inner, v in flat(value).items()})
        else:
            result[key] = value
    return result


def values_of(lines: list[RunLine], key: str) -> list[Any]:
    """Return each run's value of a key of the summaries, the configs or a column; None: none."""
    kind, _, rest = key.partition(".")
    if kind in {"config", "summary"} and rest:
        return [flat(getattr(line, kind)).get(rest) for line in lines]
    for documents in (
        [flat(line.summary) for line in lines],
        [flat(line.config) for line in lines],
    ):
        values = [document.get(key) for document in documents]
        if values.count(None) < len(values):
            return values
    return [getattr(line, key, None) if key in FIELDS else None for line in lines]


def matching(lines: list[RunLine], condition: str | None) -> list[RunLine]:
    """Return the runs for which an expression is true; a run without a value it names is not."""
    if condition is None:
        return lines
    from homerun.spec import ExpressionError, parse_expression  # noqa: PLC0415  loads YAML

    values = [_named(line) for line in lines]
    try:
        expression = parse_expression(condition, set(FIELDS).union(*values))
    except ExpressionError as error:
        raise UsageError(f"--where {condition!r}: {error}") from error
    found, errors = [], []
    for line, named in zip(lines, values, strict=True):
        try:
            if expression.holds(named):
                found.append(line)
        except KeyError:
            continue
        except ExpressionError as error:
            errors.append(error)
    if errors and len(errors) == len(lines):
        raise UsageError(f"--where {condition!r}: {errors[0]}")
    return found


def _named(line: RunLine) -> dict[str, Any]:
    config, summary = flat(line.config), flat(line.summary)
    return {
        **{name: getattr(line, name) for name in FIELDS},
        **config,
        **summary,
        **{f"config.{key}": value for key, value in config.items()},
        **{f"summary.{key}": value for key, value in summary.items()},
    }


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
) -> None:
    """Print what makes runs differ, and below what is the same in all of them.

    `all_configs` holds state and configuration also of runs that are not shown; `sweeps` gives
    the names of sweeps by id.
    """
    varying, constant = _varying(all_configs)
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
        output.Column("STATE", [line.state for line in shown], is_state=True),
        *(_measured(key, summaries, rank=0, is_whole=True) for key in first),
        output.Column("IN", places, rank=1),
        *(_configured(key, configs, rank=2 + i) for i, key in enumerate(varying)),
        *(
            _measured(k, summaries, rank=output.EXTRA + i)
            for i, k in enumerate(measured)
            if k not in first
        ),
        output.Column("TIME", [runtime(line) for line in shown], is_number=True, rank=500),
        output.Column("NAME", [line.name for line in shown], is_whole=True, rank=9999),
    ]
    hidden = output.print_table(columns)
    if hidden:
        output.say(output.plain(f"no room for: {', '.join(hidden)}"))
    if constant:
        texts = (f"{key}={words.cell(value)}" for key, value in constant.items())
        output.say(output.plain(f"the same in all: {', '.join(texts)}"))


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


def _varying(runs: list[tuple[str, dict[str, Any]]]) -> tuple[list[str], dict[str, Any]]:
    """Return the config keys whose values differ, and with their value those that never do.

    A pending run has no value yet of what only its program will tell.
    """
    documents = [flat(config) for _, config in runs]
    started = [
        document
        for document, (state, _) in zip(documents, runs, strict=True)
        if state != RunState.PENDING
    ]
    varying, constant = [], {}
    for key in _keys(documents):
        values = [document[key] for document in documents if key in document]
        first = values[0]
        is_same = values.count(first) == len(values) and len(set(map(type, values))) == 1
        if is_same and all(key in document for document in started):
            constant[key] = first
        else:
            varying.append(key)
    return varying, constant


def _keys(documents: Sequence[dict[str, Any]]) -> list[str]:
    return [key for key in dict.fromkeys(chain.from_iterable(documents)) if key[:1] != "_"]


def _is_measured(key: str, documents: list[dict[str, Any]]) -> bool:
    return any(isinstance(document.get(key), int | float) for document in documents)


def _order(pair: tuple[Any, RunLine]) -> tuple[bool, Any]:
    is_text = not isinstance(pair[0], int | float)
    return is_text, str(pair[0]) if is_text else pair[0]


def _is_ordered(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))

"""Filters in MongoDB's form, as W&B's Api takes them, translated to SQL that finds runs.

`{"config.lr": {"$gt": 0.1}, "state": "finished"}`: all conditions must hold. Values compare as in
MongoDB: a number never equals a text, True is no number, a list matches when one of its elements
does, and None equals what is absent. Texts reach SQLite as bound values only.
"""

import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, NamedTuple

from homerun.core import UsageError
from homerun.store.documents import NAMED, dumps, loads, loads_all, step_to
from homerun.store.frames import without_collection
from homerun.store.reuse import of_sweep
from homerun.store.store import Store

Condition = tuple[str, list[Any]]  # SQL and the values bound in it

_ORDERS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "$gt": (">", operator.gt),
    "$gte": (">=", operator.ge),
    "$lt": ("<", operator.lt),
    "$lte": ("<=", operator.le),
}
_OPERATORS = [*"$eq $ne $in $nin $exists $regex $options $not".split(), *_ORDERS]
_LOGICAL = ("$and", "$or", "$nor", "$not")
_FLAGS = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL, "x": re.VERBOSE}
_NAMES = ", ".join(f"'{name}'" for name in NAMED)
_HEARTBEAT = (
    "coalesce(run.ended_at, json_extract(run.summary, '$._timestamp'), run.started_at,"
    " run.created_at)"
)
_DURATION = "coalesce(run.runtime_s, json_extract(run.summary, '$._runtime'))"


@dataclass(frozen=True)
class Field:
    """Where the values of a name in a filter are found."""

    column: str  # an SQL expression
    paths: tuple[str, ...] = ()  # in its JSON, the first that is there; none: it is the value
    is_time: bool = False  # seconds since the epoch


_DOCUMENTS = {
    "config": "run.config",
    "summary_metrics": "run.summary",
    "summaryMetrics": "run.summary",
    "summary": "run.summary",
    "metadata": "run.metadata",
}
_FIELDS = {
    "name id": Field("run.id"),  # W&B's `name` of a run is its id
    "display_name displayName": Field("run.name"),
    "state": Field("run.state"),
    "project": Field("run.project"),
    "tags": Field("run.tags", ("$",)),
    "group": Field("nullif(run.group_name, '')"),
    "job_type jobType": Field("nullif(run.job_type, '')"),
    "notes description": Field("nullif(run.notes, '')"),
    "sweep sweep_name sweepName": Field("run.sweep"),
    "username user": Field("run.metadata", ("$.username",)),
    "hostname host": Field("run.metadata", ("$.host",)),
    "created_at createdAt": Field("run.created_at", is_time=True),
    "heartbeat_at heartbeatAt updated_at updatedAt": Field(_HEARTBEAT, is_time=True),
    "duration runtime": Field(_DURATION),
    "number": Field("run.number"),
    "exit_code exitcode": Field("run.exit_code"),
}
_BY_NAME = {name: field for names, field in _FIELDS.items() for name in names.split()}


class FoundRun(NamedTuple):
    """A run as an analysis reads it; times in seconds since the epoch."""

    number: int
    id: str
    sweep: str | None
    project: str
    name: str
    state: str
    reason: str
    notes: str
    group: str
    job_type: str
    exit_code: int | None
    created_at: float
    started_at: float | None
    ended_at: float | None
    runtime_s: float | None
    tags: list[str]
    config: dict[str, Any]
    summary: dict[str, Any]


def find_runs(
    store: Store,
    filters: Mapping[str, Any] | None = None,
    *,
    order: str = "+created_at",
    sweep: str | None = None,
    project: str | None = None,
    limit: int | None = None,
) -> list[int]:
    """Return the numbers of the runs that a filter lets through, in the order that is asked for.

    `sweep`: with those it reuses. Raises UsageError for a filter or order that makes no sense.
    """
    parts: list[Condition] = [translate(filters or {})]
    if sweep is not None:
        condition, values = of_sweep(store, sweep)
        parts.append((condition, list(values)))
    if project is not None:
        parts.append(("run.project = ?", [project]))
    where, values = _joined(parts, "AND")
    ordering, keys = _ordering(order)
    store.db.create_function("matches", 3, _matches, deterministic=True)
    store.db.create_function("is_same_json", 2, _is_same_json, deterministic=True)
    rows = store.rows(
        f"SELECT run.number FROM run WHERE {where} ORDER BY {ordering} LIMIT ?",
        [*values, *keys, -1 if limit is None else limit],
    )
    return [number for (number,) in rows]


@without_collection()
def found_runs(store: Store, numbers: Sequence[int]) -> list[FoundRun]:
    """Return runs in the order of their numbers given, without those that were removed since."""
    columns = ", ".join("group_name" if name == "group" else name for name in FoundRun._fields)
    rows = store.rows(
        f"SELECT {columns} FROM run WHERE number IN (SELECT value FROM json_each(?))",
        [dumps(list(numbers))],
    )
    if not rows:
        return []
    *plain, tags, configs, summaries = zip(*rows, strict=True)
    documents = [loads_all(texts) for texts in (tags, configs, summaries)]
    found = {values[0]: FoundRun(*values) for values in zip(*plain, *documents, strict=True)}
    return [found[number] for number in numbers if number in found]


def translate(filters: Mapping[str, Any]) -> Condition:
    """Return the condition on the table `run` for a filter in MongoDB's form."""
    if not isinstance(filters, Mapping):
        raise UsageError(
            f"a filter is a dictionary such as {{'state': 'finished'}}, not {filters!r}"
        )
    try:
        return _joined([_clause(str(key), value) for key, value in filters.items()], "AND")
    except RecursionError:
        raise UsageError("the filter is nested too deep; write it with fewer levels") from None


def find_field(name: str) -> Field:
    """Return where the values of a name such as `config.lr` are found; raise UsageError if none."""
    known = _BY_NAME.get(name)
    if known is not None:
        return known
    document, _, key = name.partition(".")
    if document in _DOCUMENTS and key:
        return Field(_DOCUMENTS[document], tuple(_paths(key)))
    near = get_close_matches(name, [*_BY_NAME, *_DOCUMENTS], n=1)
    guess = f" (did you mean {near[0]}?)" if near else ""
    raise UsageError(
        f"runs have no field {name!r}{guess}; use config.KEY, summary_metrics.KEY, metadata.KEY "
        f"or one of {', '.join(sorted(_BY_NAME))}"
    )


def _paths(key: str) -> Iterable[str]:
    """Yield where JSON may hold a dotted key: "a.b.c", then "a.b" with c in it, then a with b.c.

    W&B wraps each configuration value, so people write config.lr.value for config.lr.
    """
    if '"' in key or "\\" in key:
        raise UsageError(f"the key {key!r} cannot be looked for: it has a quote or backslash in it")
    parts = key.split(".")
    for names in (parts, _unwrapped(parts)):
        for size in range(len(names), 0, -1):
            labels = [".".join(names[:size]), *names[size:]]
            yield "$" + "".join(map(step_to, labels))


def _unwrapped(parts: list[str]) -> list[str]:
    at = parts.index("value", 1) if "value" in parts[1:] else None
    return [] if at is None else parts[:at] + parts[at + 1 :]


# Conditions


def _joined(parts: Sequence[Condition], word: str) -> Condition:
    """Join conditions in one level: SQLite allows 1,000 of them one inside another."""
    if not parts:
        return ("1" if word == "AND" else "0"), []
    if len(parts) == 1:
        return parts[0]
    if len(parts) > 100:
        middle = len(parts) // 2
        return _joined([_joined(parts[:middle], word), _joined(parts[middle:], word)], word)
    sql = f" {word} ".join(f"({sql})" for sql, _ in parts)
    return sql, [value for _, values in parts for value in values]


def _not(condition: Condition) -> Condition:
    return f"NOT ({condition[0]})", condition[1]


def _clause(key: str, value: Any) -> Condition:
    if key == "$not":
        return _not(translate(value))
    if key in _LOGICAL:
        if not isinstance(value, list | tuple) or not value:
            raise UsageError(f"{key} takes a list of filters, such as [{{'state': 'finished'}}]")
        joined = _joined([translate(one) for one in value], "AND" if key == "$and" else "OR")
        return _not(joined) if key == "$nor" else joined
    if key.startswith("$"):
        raise _unknown(key)
    return _condition(find_field(key), value)


def _condition(field: Field, value: Any) -> Condition:
    """Return the condition for what stands right of a field's name: a value, or operators."""
    operators = isinstance(value, Mapping) and any(str(key).startswith("$") for key in value)
    if not operators:
        return _any_of(field, [value])
    parts = [
        _operator(field, str(name), operand, value)
        for name, operand in value.items()
        if name != "$options"
    ]
    return _joined(parts, "AND")


def _operator(field: Field, name: str, operand: Any, around: Mapping[str, Any]) -> Condition:
    if name in _ORDERS:
        return _compared(field, name, _plain(field, operand))
    if name in {"$eq", "$ne"}:
        condition = _any_of(field, [operand])
        return _not(condition) if name == "$ne" else condition
    if name in {"$in", "$nin"}:
        if isinstance(operand, str | Mapping) or not isinstance(operand, Iterable):
            raise UsageError(f"{name} takes a list of values, not {operand!r}")
        condition = _any_of(field, list(operand))
        return _not(condition) if name == "$nin" else condition
    if name == "$exists":
        exists = _type_of(field)
        return f"{exists[0]} IS {'NOT ' if operand else ''}NULL", exists[1]
    if name == "$regex":
        return _any_of(field, [_pattern(operand, around.get("$options", ""))])
    if name == "$not":
        if not isinstance(operand, Mapping | re.Pattern):
            raise UsageError(f"$not takes operators such as {{'$gt': 1}}, not {operand!r}")
        return _not(_condition(field, operand))
    raise _unknown(name)


def _unknown(name: str) -> UsageError:
    near = get_close_matches(name, [*_OPERATORS, *_LOGICAL], n=1)
    guess = f" (did you mean {near[0]}?)" if near else ""
    return UsageError(
        f"the operator {name!r} is unknown{guess}; use one of "
        f"{', '.join(dict.fromkeys([*_LOGICAL, *_OPERATORS]))}"
    )


def _type_of(field: Field) -> Condition:
    """Return SQL for the type of what is there, NULL when nothing is."""
    if not field.paths:
        return f"nullif(typeof({field.column}), 'null')", []
    path, values = _path(field)
    return f"json_type({field.column}, {path})", values


def _path(field: Field) -> Condition:
    *others, last = field.paths
    if not others:
        return "?", [last]
    tests = " ".join([f"WHEN json_type({field.column}, ?) IS NOT NULL THEN ?"] * len(others))
    return f"CASE {tests} ELSE ? END", [*(path for path in others for _ in range(2)), last]


def _has(field: Field, condition: str, values: list[Any]) -> Condition:
    """Return SQL that holds when the value, or one element of a list, meets a condition.

    The condition names the type {t} and the value {v}.
    """
    if not field.paths:
        return condition.format(t=f"typeof({field.column})", v=field.column), values
    path, keys = _path(field)
    condition = condition.format(t="one.type", v="one.value")
    sql = (
        f"json_type({field.column}, {path}) IS NOT 'object' AND EXISTS (SELECT 1 FROM"
        f" json_each({field.column}, {path}) AS one WHERE {condition})"
    )
    return sql, [*keys, *keys, *values]


def _any_of(field: Field, operands: Iterable[Any]) -> Condition:
    """Return the condition that a field has one of some values."""
    texts, numbers, named, others = list[str](), list[Any](), list[str](), list[Condition]()
    for operand in operands:
        value = _plain(field, operand)
        if value is None:
            others += [_absent(field), _has(field, "{t} = 'null'", [])]
        elif isinstance(value, re.Pattern):
            regex = "{t} = 'text' AND matches(?, ?, {v})" + _no_number(field)
            others.append(_has(field, regex, [value.pattern, value.flags]))
        elif isinstance(value, bool):
            others.append(_has(field, "{t} = ?", ["true" if value else "false"]))
        elif isinstance(value, str):
            texts += [] if field.paths and value in NAMED else [value]
        elif isinstance(value, list | dict):
            others += _containers(field, value)
        elif math.isfinite(value):
            numbers.append(value)
        else:
            named.append(_name_of(value))
    if texts:
        among = "{t} = 'text' AND {v} IN (SELECT value FROM json_each(?))"
        others.append(_has(field, among, [dumps(texts)]))
    if numbers:
        among = "{t} IN ('integer', 'real') AND {v} IN (SELECT value FROM json_each(?))"
        others.append(_has(field, among, [dumps(numbers)]))
    if named:
        others.append(_named(field, named))
    return _joined(others, "OR")


def _compared(field: Field, name: str, value: Any) -> Condition:
    """Return the condition for $gt, $gte, $lt and $lte; only values of one kind compare."""
    sign, holds = _ORDERS[name]
    if value is None:
        return _any_of(field, [None]) if "=" in sign else ("0", [])
    if isinstance(value, bool):
        return _has(field, f"{{t}} IN ('true', 'false') AND {{v}} {sign} ?", [int(value)])
    if isinstance(value, str):
        return _has(field, f"{{t}} = 'text' AND {{v}} {sign} ?" + _no_number(field), [value])
    if not isinstance(value, int | float):
        raise UsageError(f"{name} takes a number or a text, not {value!r}")
    if math.isnan(value):
        return _any_of(field, [value]) if "=" in sign else ("0", [])
    names = [word for word, number in NAMED.items() if holds(number, value)]
    bound = value if -(2**63) <= value < 2**63 else _float(value)
    number = _has(field, f"{{t}} IN ('integer', 'real') AND {{v}} {sign} ?", [bound])
    return _joined([number, _named(field, names)], "OR")


def _absent(field: Field) -> Condition:
    sql, values = _type_of(field)
    return f"{sql} IS NULL", values


def _containers(field: Field, value: Any) -> list[Condition]:
    """Return the conditions for equality with a list or dictionary: whole, or as an element."""
    if not field.paths:
        return []
    # CASE, because the parts of AND may be evaluated in any order.
    path, keys = _path(field)
    text = dumps(value)
    whole = (
        f"CASE WHEN json_type({field.column}, {path}) IN ('array', 'object')"
        f" THEN is_same_json(json_extract({field.column}, {path}), ?) ELSE 0 END"
    )
    element = _has(
        field, "CASE WHEN {t} IN ('array', 'object') THEN is_same_json({v}, ?) ELSE 0 END", [text]
    )
    return [(whole, [*keys, *keys, text]), element]


def _named(field: Field, names: list[str]) -> Condition:
    """Return the condition for numbers that a JSON column holds by their names."""
    if not field.paths or not names:
        return "0", []
    return _has(field, "{t} = 'text' AND {v} IN (SELECT value FROM json_each(?))", [dumps(names)])


def _name_of(value: float) -> str:
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _no_number(field: Field) -> str:
    return f" AND {{v}} NOT IN ({_NAMES})" if field.paths else ""


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


# What people give as values


def _plain(field: Field, value: Any) -> Any:
    """Return a value as plain data; a time where the field is one, in seconds since the epoch."""
    if hasattr(value, "item") and hasattr(value, "dtype"):  # a number of numpy or torch
        value = value.item()
    if isinstance(value, date):
        value = value.isoformat()
    if field.is_time and isinstance(value, str):
        return _seconds(value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UsageError(f"the text {value!r} is no valid unicode") from None
        return str(value)
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    if value is None or isinstance(value, bool | int | float | list | dict | re.Pattern):
        return value
    raise UsageError(
        f"a filter cannot compare with {value!r}; use a number, text, boolean, None, list or time"
    )


def _seconds(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"the time {text!r} is not valid; write it as 2026-01-31T12:00:00 (UTC)"
        ) from None
    return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()


def _pattern(operand: Any, options: str) -> re.Pattern[str]:
    if isinstance(operand, re.Pattern):
        return operand
    try:
        flags = sum(_FLAGS[letter] for letter in set(options))
        return re.compile(operand, flags)
    except KeyError as error:
        raise UsageError(f"$options {options!r}: {error} is unknown; use i, m, s or x") from None
    except (re.error, OverflowError, RecursionError, TypeError) as error:
        raise UsageError(f"$regex {operand!r} is no regular expression: {error}") from None


@lru_cache(maxsize=64)
def _compiled(pattern: str, flags: int) -> re.Pattern[str]:
    return re.compile(pattern, flags)


def _matches(pattern: str, flags: int, text: str) -> bool:
    return isinstance(text, str) and _compiled(pattern, flags).search(text) is not None


def _is_same_json(one: str, other: str) -> bool:
    return _is_same(loads(one), loads(other))


def _is_same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal where True is not 1, NaN equals NaN, and 1 equals 1.0."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_is_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    both_nan = isinstance(one, float) and isinstance(other, float) and one != one and other != other  # noqa: PLR0124
    return both_nan or bool(one == other)


# Order


def _ordering(order: str) -> Condition:
    """Return what stands after ORDER BY for `-summary_metrics.loss`; runs without it come last."""
    if not isinstance(order, str) or not order.lstrip("+-"):
        raise UsageError(f"order {order!r} is not valid; use '+created_at' or '-config.lr'")
    direction = "DESC" if order.startswith("-") else "ASC"
    field = find_field(order.removeprefix("-").removeprefix("+"))
    value, keys = field.column, list[Any]()
    if field.paths:
        path, keys = _path(field)
        value = f"json_extract({field.column}, {path})"
        numbers = "WHEN 'NaN' THEN NULL WHEN 'Infinity' THEN 9e999 WHEN '-Infinity' THEN -9e999"
        value = f"CASE {value} {numbers} ELSE {value} END"
        keys *= 2
    sql = f"{value} IS NULL, typeof({value}) = 'text', {value} {direction}, run.number {direction}"
    return sql, keys * 3

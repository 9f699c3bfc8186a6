"""Points of metrics: from rows as they were logged to blocks of arrays, and their statistics.

Rows that share their keys share a `block` (steps and times); each metric has one `chunk` row
of up to WIDTH values in it. Numbers and text are kept as SQLite's own types; what SQLite has no
type for (NaN, booleans, None, integers beyond 64 bits, lists, records of media) is JSON in a blob.
"""

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from homerun.store.schema import WIDTH

_INSERT_CHUNK = f"INSERT INTO chunk VALUES ({', '.join('?' * (WIDTH + 2))})"
_VALUES = ", ".join(f"v{i}" for i in range(WIDTH))
_NUMBERS = {int, float}
_PADDING = (None,) * WIDTH


@dataclass
class Group:
    """Rows with the same keys, in the order in which they were logged."""

    keys: tuple[str, ...]
    steps: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    rows: list[tuple[Any, ...]] = field(default_factory=list)  # values in the order of the keys
    last_index: int = -1  # of the journal record that gave the last row; -1: not from log()

    def add(self, step: int, time: float, values: tuple[Any, ...]) -> None:
        """Append one row."""
        self.steps.append(step)
        self.times.append(time)
        self.rows.append(values)


@dataclass
class Stats:
    """A row of the table `metric`: what is known of all points of one key of one run."""

    id: int = 0
    count: int = 0
    numbers: int = 0
    first: Any = None
    first_step: int | None = None
    last: Any = None
    last_step: int | None = None
    min: Any = None
    min_step: int | None = None
    max: Any = None
    max_step: int | None = None
    mean: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return first, last, min, max and mean by name."""
        return {name: getattr(self, name) for name in ("first", "last", "min", "max", "mean")}

    def add(self, steps: Sequence[int], values: Sequence[Any]) -> None:
        """Take further points into account; NaN and what is no number only counts."""
        self.count += len(values)
        present = [i for i, value in enumerate(values) if value is not None]
        if not present:
            return
        if self.first_step is None:
            self.first, self.first_step = values[present[0]], steps[present[0]]
        self.last, self.last_step = values[present[-1]], steps[present[-1]]
        numbers, number_steps = _numbers(steps, values)
        if not numbers:
            return
        low, high = min(numbers), max(numbers)
        if self.min is None or low < self.min:
            self.min, self.min_step = low, number_steps[numbers.index(low)]
        if self.max is None or high > self.max:
            self.max, self.max_step = high, number_steps[numbers.index(high)]
        total = self.numbers + len(numbers)
        self.mean = _mean(self.mean, self.numbers, numbers, total)
        self.numbers = total


_STATS = ", ".join(f.name for f in fields(Stats))


def encode(value: Any) -> Any:
    """Return a value as SQLite keeps it; `decode` gives it back as it was."""
    kind = type(value)
    if kind is float:
        return value if value == value else b"NaN"  # noqa: PLR0124  SQLite would make it NULL
    if kind is int:
        return value if -(2**63) <= value < 2**63 else str(value).encode()
    if kind is str and not _has_surrogates(value):
        return value
    return json.dumps(value, default=str).encode()


def decode(value: Any) -> Any:
    """Return a value as it was logged."""
    return json.loads(value) if type(value) is bytes else value


def flatten(groups: dict[tuple[str, ...], Group]) -> dict[tuple[str, ...], Group]:
    """Spread nested dictionaries over dotted keys; records of media (`_type`) stay whole."""
    flat: dict[tuple[str, ...], Group] = {}
    for keys, group in groups.items():
        if not any(dict in set(map(type, column)) for column in zip(*group.rows, strict=True)):
            _merge(flat, keys, group)
            continue
        for step, time, row in zip(group.steps, group.times, group.rows, strict=True):
            pairs = dict(_dotted(zip(keys, row, strict=True)))
            spread = flat.setdefault(tuple(pairs), Group(tuple(pairs)))
            spread.add(step, time, tuple(pairs.values()))
            spread.last_index = max(spread.last_index, group.last_index)
    return flat


def load_stats(db: sqlite3.Connection, run: int) -> dict[str, Stats]:
    """Return what is known of each metric of a run."""
    rows = db.execute(f"SELECT key, {_STATS} FROM metric WHERE run = ?", (run,)).fetchall()
    return {key: Stats(*map(decode, values)) for key, *values in rows}


def save_groups(
    db: sqlite3.Connection, run: int, groups: Iterable[Group], stats: dict[str, Stats]
) -> None:
    """Store points inside a transaction and bring the statistics up to date."""
    chunks: list[tuple[Any, ...]] = []
    touched: dict[str, Stats] = {}
    for group in groups:
        if not group.keys:
            continue
        columns = list(zip(*group.rows, strict=True))
        for key, column in zip(group.keys, columns, strict=True):
            touched[key] = _metric(db, run, key, stats)
            touched[key].add(group.steps, column)
        ids = [stats[key].id for key in group.keys]
        chunks += _blocks(db, run, ids, group, [_encoded(column) for column in columns])
    db.executemany(_INSERT_CHUNK, chunks)
    assignments = ", ".join(f"{f.name} = ?" for f in fields(Stats) if f.name != "id")
    db.executemany(
        f"UPDATE metric SET {assignments} WHERE id = ?",
        [
            (*(encode(value) if value is not None else None for value in row[1:]), row[0])
            for row in (tuple(vars(stat).values()) for stat in touched.values())
        ],
    )


def block_points(
    count: int, step: int, stride: int | None, steps: str | None, time: float, times: str
) -> tuple[list[int], list[float]]:
    """Return the steps and times (s since the epoch) of a row of the table `block`."""
    all_steps = json.loads(steps or "[]")
    if stride is not None:
        all_steps = [step + index * stride for index in range(count)]
    return all_steps, [time + ms / 1000 for ms in json.loads(times)]


def _metric(db: sqlite3.Connection, run: int, key: str, stats: dict[str, Stats]) -> Stats:
    known = stats.get(key)
    if known is None:
        row = db.execute(
            "INSERT INTO metric(run, key, count, numbers) VALUES (?, ?, 0, 0)", (run, key)
        )
        known = stats[key] = Stats(id=int(row.lastrowid or 0))
    return known


def _blocks(
    db: sqlite3.Connection, run: int, ids: list[int], group: Group, columns: list[Sequence[Any]]
) -> Iterator[tuple[Any, ...]]:
    """Store the steps and times of a group in blocks and yield the rows of `chunk`."""
    keys = json.dumps(ids, separators=(",", ":"))
    steps, times = group.steps, group.times
    last = db.execute(
        "SELECT id, count, step, stride, steps, time, times FROM block"
        " WHERE run = ? AND keys = ? ORDER BY id DESC LIMIT 1",
        (run, keys),
    ).fetchone()
    if last and last[1] < WIDTH:  # fill it up rather than leave many short blocks behind
        before_steps, before_times = block_points(*last[1:])
        steps, times = before_steps + steps, before_times + times
        columns = [
            [*_take_chunk(db, metric, last[0], last[1]), *column]
            for metric, column in zip(ids, columns, strict=True)
        ]
        db.execute("DELETE FROM block WHERE id = ?", (last[0],))
    for start in range(0, len(steps), WIDTH):
        some_steps, some_times = steps[start : start + WIDTH], times[start : start + WIDTH]
        stride = _stride(some_steps)
        block = db.execute(
            "INSERT INTO block(run, keys, count, step, stride, steps, time, times)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                run,
                keys,
                len(some_steps),
                some_steps[0],
                stride,
                _compact(some_steps) if stride is None else None,
                some_times[0],
                _compact([round((t - some_times[0]) * 1000) for t in some_times]),
            ),
        ).lastrowid
        padding = _PADDING[len(some_steps) :]
        for metric, column in zip(ids, columns, strict=True):
            yield (metric, block, *column[start : start + WIDTH], *padding)


def _take_chunk(db: sqlite3.Connection, metric: int, block: int, count: int) -> Sequence[Any]:
    rows: list[tuple[Any, ...]] = db.execute(
        f"DELETE FROM chunk WHERE metric = ? AND block = ? RETURNING {_VALUES}", (metric, block)
    ).fetchall()
    return rows[0][:count]


def _stride(steps: list[int]) -> int | None:
    if len(steps) == 1:
        return 1
    stride = steps[1] - steps[0]
    if stride <= 0:
        return None
    return stride if steps == list(range(steps[0], steps[-1] + 1, stride)) else None


def _compact(numbers: list[int]) -> str:
    return str(numbers).replace(" ", "")


def _encoded(column: Sequence[Any]) -> Sequence[Any]:
    """Encode a column; one of finite floats, the common case, as it is."""
    if set(map(type, column)) == {float} and math.isfinite(sum(column)):
        return column
    return [encode(value) for value in column]


def _numbers(steps: Sequence[int], values: Sequence[Any]) -> tuple[Sequence[Any], Sequence[int]]:
    kinds = set(map(type, values))
    if kinds == {float} and math.isfinite(sum(values)):
        return values, steps
    pairs = [
        (value, step)
        for value, step in zip(values, steps, strict=True)
        if type(value) in _NUMBERS and value == value  # noqa: PLR0124  not NaN
    ]
    return [value for value, _ in pairs], [step for _, step in pairs]


def _mean(mean: float | None, count: int, numbers: Sequence[Any], total: int) -> float | None:
    try:
        return (mean or 0.0) * (count / total) + math.fsum(numbers) / total
    except (OverflowError, ValueError):  # beyond float's range, or inf and -inf together
        return mean


def _merge(groups: dict[tuple[str, ...], Group], keys: tuple[str, ...], group: Group) -> None:
    known = groups.setdefault(keys, group)
    if known is not group:
        for point in zip(group.steps, group.times, group.rows, strict=True):
            known.add(*point)
        known.last_index = max(known.last_index, group.last_index)


def _dotted(pairs: Iterable[tuple[str, Any]], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in pairs:
        if isinstance(value, Mapping) and "_type" not in value and value:
            yield from _dotted(((str(k), v) for k, v in value.items()), f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _has_surrogates(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False

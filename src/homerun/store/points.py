"""Points of metrics: from rows as they were logged to blocks of arrays, and their statistics.

Rows that share their keys share a `block` (steps and times); each metric has one `chunk` row
of up to WIDTH values in it. Numbers and text are kept as SQLite's own types; what SQLite has no
type for (NaN, booleans, None, integers beyond 64 bits, lists, records of media) is JSON in a blob.
"""

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from homerun.core import leaves
from homerun.store.schema import VALUES, WIDTH

_INSERT_CHUNK = f"INSERT INTO chunk VALUES ({', '.join('?' * (WIDTH + 2))})"
_NUMBERS = {int, float}
_PADDING = (None,) * WIDTH


class Group:
    """Rows with the same keys, in the order in which they were logged."""

    def __init__(self, keys: tuple[str, ...], *, is_logged: bool = True) -> None:
        self.keys = keys
        self.indexes: list[int] = []  # of the journal's records
        self.steps: list[int] = []
        self.times: list[float] = []
        self.rows: list[tuple[Any, ...]] = []  # values in the order of the keys
        self.is_logged = is_logged  # False: not from log(), so not for the summary

    def add(self, index: int, step: int, time: float, values: tuple[Any, ...]) -> None:
        """Append one row."""
        self.indexes.append(index)
        self.steps.append(step)
        self.times.append(time)
        self.rows.append(values)

    def points(self) -> Iterator[tuple[int, int, float, tuple[Any, ...]]]:
        """Yield index, step, time and values of each row."""
        return zip(self.indexes, self.steps, self.times, self.rows, strict=True)

    def sort(self) -> None:
        """Bring rows that came from several groups into the order of logging."""
        if self.indexes != sorted(self.indexes):
            points = sorted(self.points(), key=lambda point: point[0])
            self.indexes, self.steps, self.times, self.rows = map(list, zip(*points, strict=True))


class Stats:
    """A row of the table `metric`: what is known of all points of one key of one run."""

    COLUMNS = (
        "count numbers first first_step last last_step min min_step max max_step mean"
    ).split()

    def __init__(self, metric: int = 0, values: Sequence[Any] = (0, 0, *[None] * 9)) -> None:
        self.id = metric
        self.count: int
        self.numbers: int
        self.first: Any
        self.first_step: int | None
        self.last: Any
        self.last_step: int | None
        self.min: Any
        self.min_step: int | None
        self.max: Any
        self.max_step: int | None
        self.mean: float | None
        vars(self).update(zip(self.COLUMNS, values, strict=True))

    def values(self) -> list[Any]:
        """Return what is known in the order of COLUMNS."""
        return [getattr(self, name) for name in self.COLUMNS]

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
        for index, step, time, row in group.points():
            pairs = dict(leaves(dict(zip(keys, row, strict=True))))
            spread = flat.setdefault(tuple(pairs), Group(tuple(pairs), is_logged=group.is_logged))
            spread.add(index, step, time, tuple(pairs.values()))
    for group in flat.values():
        group.sort()
    return flat


def load_stats(db: sqlite3.Connection, run: int) -> dict[str, Stats]:
    """Return what is known of each metric of a run."""
    columns = ", ".join(Stats.COLUMNS)
    rows = db.execute(f"SELECT key, id, {columns} FROM metric WHERE run = ?", (run,)).fetchall()
    return {key: Stats(metric, [decode(v) for v in values]) for key, metric, *values in rows}


def save_groups(
    db: sqlite3.Connection, run: int, groups: Iterable[Group], stats: dict[str, Stats]
) -> None:
    """Store points inside a transaction and bring the statistics up to date."""
    chunks: list[tuple[Any, ...]] = []
    found: dict[str, list[tuple[Group, Sequence[Any]]]] = {}  # by key, its groups and columns
    for group in groups:
        if not group.keys:
            continue
        columns = list(zip(*group.rows, strict=True))
        for key, column in zip(group.keys, columns, strict=True):
            _metric(db, run, key, stats)
            found.setdefault(key, []).append((group, column))
        ids = [stats[key].id for key in group.keys]
        chunks += _blocks(db, run, ids, group, [_encoded(column) for column in columns])
    db.executemany(_INSERT_CHUNK, chunks)
    for key, parts in found.items():
        stats[key].add(*_in_order(parts))
    db.executemany(
        f"UPDATE metric SET {', '.join(f'{name} = ?' for name in Stats.COLUMNS)} WHERE id = ?",
        [
            (*(None if value is None else encode(value) for value in stat.values()), stat.id)
            for stat in map(stats.__getitem__, found)
        ],
    )


def block_points(
    count: int, step: int, stride: int | None, steps: str | None, time: float, times: str
) -> tuple[list[int], list[float]]:
    """Return the steps and times (s since the epoch) of a row of the table `block`."""
    all_steps = list(steps_of(count, step, stride, steps))
    return all_steps, [time + ms / 1000 for ms in json.loads(times)]


def steps_of(count: int, step: int, stride: int | None, steps: str | None) -> Sequence[int]:
    """Return the steps of a row of the table `block`."""
    if stride is not None:
        return range(step, step + count * stride, stride)
    odd: list[int] = json.loads(steps or "[]")
    return odd


def _in_order(
    parts: list[tuple[Group, Sequence[Any]]],
) -> tuple[Sequence[int], Sequence[Any]]:
    """Return steps and values of a key in the order of logging, from whatever rows hold it."""
    if len(parts) == 1:
        return parts[0][0].steps, parts[0][1]
    points = [
        point
        for group, column in parts
        for point in zip(group.indexes, group.steps, column, strict=True)
    ]
    points.sort(key=lambda point: point[0])
    return [step for _, step, _ in points], [value for _, _, value in points]


def _metric(db: sqlite3.Connection, run: int, key: str, stats: dict[str, Stats]) -> Stats:
    known = stats.get(key)
    if known is None:
        row = db.execute(
            "INSERT INTO metric(run, key, count, numbers) VALUES (?, ?, 0, 0)", (run, key)
        )
        known = stats[key] = Stats(int(row.lastrowid or 0))
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
        f"DELETE FROM chunk WHERE metric = ? AND block = ? RETURNING {VALUES}", (metric, block)
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
        for point in group.points():
            known.add(*point)


def _has_surrogates(text: str) -> bool:
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False

"""CSV: W&B's export of its table of runs, and any table whose columns are named."""

import csv
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from homerun.compat.importing.scalars import column
from homerun.compat.importing.source import Record, Source, SourceRun, digest_of_texts, key_of
from homerun.core import RunState, UsageError
from homerun.store import journal as jr

# What a W&B export begins with; config and summary columns follow.
WANDB_COLUMNS = ("Name", "State", "Notes", "User", "Tags", "Created", "Runtime", "Sweep")
_OPTIONAL = ("ID", "Group", "Job Type", "Host", "End Time", "Hostname", "GitHub", "Commit")
_MEASURED = re.compile(
    r"^_|/|loss|acc|error|score|(?:^|_)(f1|auc|mse|mae|rmse|iou|err|epoch)(_|$)|perplexity|precision"
    r"|recall|reward|(^|_)(mem|time)(_|$)",
    re.IGNORECASE,
)
_STATES = {
    "finished": RunState.FINISHED,
    "failed": RunState.FAILED,
    "crashed": RunState.CRASHED,
    "killed": RunState.KILLED,
    "preempted": RunState.PREEMPTED,
    "running": RunState.CRASHED,  # it ran when the table was written; nothing more is known
}


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a table mean what; nothing given: those of a W&B export say it."""

    config: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    name: str = ""


def is_table(path: Path) -> bool:
    """Tell whether a path looks like a table."""
    return path.is_file() and path.name.lower().removesuffix(".gz").endswith(".csv")


def find(path: Path, columns: Columns) -> list[Source]:
    """Return one source per row of a table."""
    header, rows = _read(path)
    is_export = "Name" in header and "State" in header and "Created" in header
    if is_export:
        known = [title for title in (*WANDB_COLUMNS, *_OPTIONAL) if title in header]
    elif not columns.config and not columns.metrics:
        raise UsageError(
            f"{path} is no W&B export (its columns are {', '.join(header[:8])}): say what they "
            "mean with --config A,B --metric C"
        )
    else:
        known = []
    for title in filter(None, [*columns.config, *columns.metrics, columns.name]):
        if title not in header:
            raise UsageError(f"{path} has no column {title!r}; it has {', '.join(header)}")
    table = _Table(path, header, rows, is_export=is_export)
    config, metrics = list(columns.config), list(columns.metrics)
    if is_export and not (config and metrics):
        taken = {*known, *config, *metrics, ""}
        rest = [title for title in header if title not in taken]
        if config or metrics:
            config, metrics = config or rest, metrics or rest
        else:
            config, metrics = _split(rest, table)
    return list(_sources(table, config, metrics, columns.name or ("Name" if is_export else "")))


class _Table:
    """The cells of a table, as text and, column by column, as values."""

    def __init__(
        self, path: Path, header: list[str], rows: list[list[str]], *, is_export: bool
    ) -> None:
        self.path, self.header, self.rows = path, header, rows
        self._is_export = is_export
        self._values: dict[str, list[Any]] = {}

    def values(self, title: str) -> list[Any]:
        """Return a column as values of one type."""
        if title not in self._values:
            at = self.header.index(title)
            self._values[title] = column([row[at] for row in self.rows])
        return self._values[title]

    def cells(self, index: int, titles: Sequence[str]) -> dict[str, Any]:
        """Return the values of a row that are there."""
        pairs = ((title, self.values(title)[index]) for title in titles)
        return {title: value for title, value in pairs if value is not None}

    def told(self, index: int, title: str) -> str:
        """Return a cell of one of W&B's own columns; empty in other tables, and for a dash."""
        text = self.text(index, title) if self._is_export else ""
        return "" if text == "-" else text

    def text(self, index: int, title: str) -> str:
        """Return a cell as it is; empty where there is no such column."""
        return self.rows[index][self.header.index(title)].strip() if title in self.header else ""

    def runtime_s(self, index: int) -> float:
        """Return the runtime that W&B tells; 0 where it is not known."""
        is_told = self._is_export and "Runtime" in self.header
        runtime = self.values("Runtime")[index] if is_told else None
        return float(runtime) if isinstance(runtime, int | float) else 0.0


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            data = gzip.decompress(data)
        text = data.decode("utf-8-sig", errors="replace")
        lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    except (csv.Error, gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{path} is no table: {error}; save it anew as CSV") from error
    if not lines:
        raise UsageError(f"{path} is empty; a table begins with a line of column names")
    header, *rows = lines
    twice = [title for title, count in Counter(header).items() if count > 1 and title]
    if twice:
        raise UsageError(f"{path} has more than one column {twice[0]!r}; rename all but one")
    width = len(header)
    return header, [(row + [""] * width)[:width] for row in rows]


def _split(titles: list[str], table: _Table) -> tuple[list[str], list[str]]:
    """Return which columns of a W&B export are configuration, and which are summary.

    The export puts the configuration first and does not say where it ends: it ends before the first
    column of numbers whose name sounds like a measurement.
    """
    for at, title in enumerate(titles):
        kinds = {type(value) for value in table.values(title) if value is not None}
        if kinds <= {int, float} and _MEASURED.search(title):
            return titles[:at], titles[at:]
    return titles, []


def _sources(table: _Table, config: list[str], metrics: list[str], name: str) -> Iterator[Source]:
    twins: Counter[str] = Counter()
    for index, row in enumerate(table.rows):
        identity = _identity(table, index, config, name)
        twins[identity] += 1  # rows that say the same are different runs all the same
        key = key_of("csv", identity, twins[identity])
        run = _run(table, index, key, config=config, metrics=metrics, name=name)
        yield Source(
            kind="csv",
            where=f"{table.path}, row {index + 1}",
            digest=digest_of_texts([key, *table.header, *row]),
            read=lambda run=run: run,  # type: ignore[misc]
        )


def _identity(table: _Table, index: int, config: list[str], name: str) -> str:
    """Return what sets a row apart: W&B's id or name and time, else table, name and config."""
    own = [table.told(index, title) for title in ("ID", "Name", "Created", "User", "Sweep")]
    if own[0] or own[2]:
        return digest_of_texts(own)
    cells = [f"{key}={value!r}" for key, value in table.cells(index, config).items()]
    return digest_of_texts([str(table.path.resolve()), table.text(index, name), *cells])


def _run(
    table: _Table, index: int, key: str, *, config: list[str], metrics: list[str], name: str
) -> SourceRun:
    created = _moment(table.told(index, "Created")) or table.path.stat().st_mtime
    tags = [tag.strip() for tag in table.told(index, "Tags").split(",") if tag.strip()]
    metadata = {
        word: text
        for word, title in (("sweep", "Sweep"), ("user", "User"))
        if (text := table.told(index, title))
    }
    host = table.told(index, "Hostname") or table.told(index, "Host")
    return SourceRun(
        key=key,
        id=table.told(index, "ID"),
        project=table.path.name.split(".")[0] or "uncategorized",
        begin={
            "name": table.text(index, name),
            "config": table.cells(index, config),
            "labels": {
                "notes": table.told(index, "Notes"),
                "tags": tags,
                "group": table.told(index, "Group"),
                "job_type": table.told(index, "Job Type"),
            },
            "metadata": {"host": host, **({"wandb": metadata} if metadata else {})},
            "started_at": created,
        },
        records=lambda: _records(table, index, metrics, created),
    )


def _records(table: _Table, index: int, metrics: list[str], created: float) -> Iterator[Record]:
    summary = table.cells(index, metrics)
    if summary:
        yield [jr.SUMMARY, summary, []]
    state = _STATES.get(table.told(index, "State").lower(), RunState.FINISHED)
    end = {"state": state, "reason": "", "exit_code": None}
    if state != RunState.FINISHED:
        end["reason"] = f"its state in the table is {table.told(index, 'State')}"
    yield [jr.END, created + table.runtime_s(index), end]


def _moment(text: str) -> float | None:
    """Return an ISO 8601 time, UTC unless it says otherwise, in seconds since the epoch."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

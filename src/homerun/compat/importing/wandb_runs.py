"""W&B's offline runs: `run-ID.wandb` files, with what lies beside them.

Field numbers: github.com/wandb/wandb, wandb/proto/wandb_internal.proto (b6e2950).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from homerun.compat.importing.framing import FormatError, WandbLog
from homerun.compat.importing.source import (
    CopiedFile,
    Record,
    Source,
    SourceRun,
    digest_of,
    key_of,
)
from homerun.compat.importing.wire import Message, WireError, fields
from homerun.core import RunState, redact_argv, redact_url
from homerun.store import journal as jr

HISTORY, SUMMARY, CONFIG, STATS, ALERT, METRIC, OUTPUT_RAW = 2, 3, 5, 7, 10, 12, 13  # of Record
RUN, EXIT, ENVIRONMENT = 17, 18, 26
KINDS = {HISTORY, SUMMARY, CONFIG, STATS, ALERT, METRIC, OUTPUT_RAW, RUN, EXIT, ENVIRONMENT}
_INFO = 200  # only records that the program caused have it, not those that W&B computes
_AGGREGATIONS = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 8: "first"}
_GOALS = {1: "minimize", 2: "maximize"}
_TEXT_FILES = {".log", ".txt", ".yaml", ".yml", ".json", ".patch", ".diff", ".py", ".ipynb", ".md"}


def is_wandb(path: Path) -> bool:
    """Tell whether a path is a `.wandb` file, an offline run or a folder of such runs."""
    return path.suffix == ".wandb" or bool(_logs(path))


def find(path: Path) -> list[Source]:
    """Return the runs that lie at a path: a file, a run's folder, or a folder `wandb`."""
    return [_source(log) for log in ([path] if path.is_file() else _logs(path))]


def _logs(folder: Path) -> list[Path]:
    """Return the `.wandb` files of a folder; the link `latest-run` is none of its runs."""
    if not folder.is_dir():
        return []
    for pattern in ("run-*.wandb", "*run-*/run-*.wandb", "wandb/*run-*/run-*.wandb"):
        if found := sorted(p for p in folder.glob(pattern) if not p.parent.is_symlink()):
            return found
    return []


def _source(path: Path) -> Source:
    log = WandbLog(path)
    return Source(
        kind="wandb",
        where=str(path),
        digest=digest_of([path]),
        read=lambda: _read(log),
        dropped=lambda: log.dropped,
    )


def _read(log: WandbLog) -> SourceRun:
    run, environment = _heads(log)
    run_id = run.text(1)
    started = _time(run.message(17))
    facts = _environment(environment)
    metadata = facts["metadata"]
    theirs = {"entity": run.text(2), "sweep": run.text(12), "version": run.message(19).text(5)}
    metadata["wandb"] = {name: value for name, value in theirs.items() if value}
    remote, commit = run.message(21).text(1), run.message(21).text(2)
    if commit or remote:
        metadata["git"] = {"commit": commit, "remote": redact_url(remote)}
    metadata.setdefault("host", run.text(13))
    files = _files(log.path.parent / "files")
    return SourceRun(
        key=key_of("wandb", run.text(2), run.text(3), run_id, started),
        id=run_id,
        project=run.text(3) or "uncategorized",
        begin={
            "name": run.text(8),
            "config": {},
            "labels": {
                "notes": run.text(9),
                "tags": run.texts(10),
                "group": run.text(6),
                "job_type": run.text(7),
            },
            "metadata": metadata,
            "argv": facts["argv"],
            "cwd": facts["cwd"],
            "started_at": started,
        },
        records=lambda: _records(log, started),
        files=tuple(file for file in files if file.path != "output.log"),
        output=lambda: _output(log),
    )


def _heads(log: WandbLog) -> tuple[Message, Message]:
    """Return the run record and the environment, which stand at the beginning."""
    run, environment = None, Message(b"")
    for kind, data, _ in _typed(log):
        if kind == RUN and run is None:
            run = Message(data)
        elif kind == ENVIRONMENT:
            environment = Message(data)
        elif run is not None and kind in {HISTORY, EXIT}:
            break
        if run is not None and environment.has(6):
            break
    if run is None:
        raise FormatError(f"{log.path} holds no run: it was cut off before its first record")
    return run, environment


def _typed(log: WandbLog) -> Iterator[tuple[int, bytes, bool]]:
    """Yield kind and content of each record, and whether the program itself caused it.

    One that is no protobuf message counts as dropped.
    """
    for data in log:
        try:
            found = dict(fields(data))
        except WireError:
            log.dropped += 1
            continue
        for kind in KINDS & found.keys():
            content = found[kind]
            if isinstance(content, bytes):
                yield kind, content, _INFO in found


def _records(log: WandbLog, started: float) -> Iterator[Record]:
    state = _State(started)
    for kind, data, is_own in _typed(log):
        try:
            if is_own or kind != SUMMARY:  # the rest of the summary follows from the history
                yield from state.take(kind, data)
        except (WireError, ValueError):  # ValueError: a value is no JSON
            log.dropped += 1
    yield from state.end()


class _State:
    """What has to be known of earlier records to understand the next one."""

    def __init__(self, started: float) -> None:
        self.config: dict[str, Any] = {}
        self.time = self._started = started
        self.samples = 0
        self.rows = 0
        self.exit: Message | None = None
        self.known_run = False

    def take(self, kind: int, data: bytes) -> Iterator[Record]:
        """Yield what a record means to us."""
        if kind == HISTORY:
            yield self._row(data)
        elif kind == SUMMARY:
            yield from _summary(Message(data))
        elif kind == STATS:
            yield self._sample(Message(data))
        elif kind == RUN:
            yield from self._run(Message(data))
        elif kind == CONFIG:
            yield self._config(Message(data))
        elif kind == METRIC:
            yield from _definition(Message(data))
        elif kind == ALERT:
            alert = Message(data)
            yield [jr.ALERT, self.time, alert.text(1), alert.text(2), alert.text(3) or "INFO"]
        elif kind == EXIT:
            self.exit = Message(data)

    def end(self) -> Iterator[Record]:
        """Yield how the run ended; without a record of it the program was killed."""
        if self.exit is None:
            reason = "its W&B file has no record of an end"
            end = {"state": RunState.CRASHED, "reason": reason, "exit_code": None}
            yield [jr.END, self.time, end]
            return
        code = self.exit.integer(1)
        state = RunState.FAILED if code else RunState.FINISHED
        reason = f"exit code {code}" if code else ""
        ended = max(self.time, self._started + self.exit.integer(2))
        yield [jr.END, ended, {"state": state, "reason": reason, "exit_code": code}]

    def _row(self, data: bytes) -> Record:
        names: list[tuple[str, ...]] = []
        texts: list[str] = []
        step = self.rows
        for number, value in fields(data):
            if number == 1 and isinstance(value, bytes):
                name, text = _item(value)
                names.append(name)
                texts.append(text)
            elif number == 2 and isinstance(value, bytes):
                step = Message(value).integer(1)
        row = _nested(names, json.loads(f"[{','.join(texts)}]"))
        self.rows = step + 1
        self.time = _number(row.pop("_timestamp", None), self.time)
        row.pop("_runtime", None)
        return [jr.ROW, int(_number(row.pop("_step", None), step)), self.time, row]

    def _sample(self, message: Message) -> Record:
        values = {item.text(1): json.loads(item.raw(16)) for item in message.messages(3)}
        self.samples += 1
        moment = _time(message.message(2)) or self.time
        self.time = max(self.time, moment)
        return [jr.SYSTEM, self.samples - 1, moment, values]

    def _run(self, run: Message) -> Iterator[Record]:
        """Take the config of every run record, and the labels of all but the first."""
        if run.has(4):
            yield self._config(run.message(4))
        if self.known_run:
            labels: dict[str, Any] = {
                name: run.text(number)
                for name, number in (("name", 8), ("notes", 9), ("group", 6), ("job_type", 7))
                if run.has(number)
            }
            if run.has(10):
                labels["tags"] = run.texts(10)
            yield [jr.LABELS, labels]
        self.known_run = True

    def _config(self, message: Message) -> Record:
        for data in message.raws(1):
            name, text = _item(data)
            _put(self.config, name, json.loads(text))
        for data in message.raws(2):
            for top in _item(data)[0][:1]:
                self.config.pop(top, None)
        self.config.pop("_wandb", None)
        return [jr.CONFIG, dict(self.config)]


def _item(data: bytes) -> tuple[tuple[str, ...], str]:
    """Return name and JSON of a HistoryItem, SummaryItem or ConfigItem."""
    name: list[str] = []
    text = "null"
    for number, value in fields(data):
        if isinstance(value, bytes):
            if number == 16:
                text = value.decode()
            elif number in {1, 2}:
                name.append(value.decode(errors="replace"))
    return tuple(name), text


def _nested(names: Sequence[tuple[str, ...]], values: Sequence[Any]) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in zip(names, values, strict=True):
        if len(name) == 1:
            row[name[0]] = value
        else:
            _put(row, name, value)
    return row


def _put(tree: dict[str, Any], name: Sequence[str], value: Any) -> None:
    for part in name[:-1]:
        inner = tree.get(part)
        if not isinstance(inner, dict):
            inner = tree[part] = {}
        tree = inner
    if name:
        tree[name[-1]] = value


def _summary(message: Message) -> Iterator[Record]:
    changed = {}
    for data in message.raws(1):
        name, text = _item(data)
        if name and not name[0].startswith("_"):
            changed[".".join(name)] = json.loads(text)
    deleted = [".".join(_item(data)[0]) for data in message.raws(2)]
    if changed or deleted:
        yield [jr.SUMMARY, changed, deleted]


def _definition(metric: Message) -> Iterator[Record]:
    name = metric.text(1) or metric.text(2)
    if not name or not metric.message(6).integer(3):  # W&B made it of a glob or a step metric
        return
    options, summary = metric.message(6), metric.message(7)
    yield [
        jr.DEFINE,
        {
            "name": name,
            "summary": [word for number, word in _AGGREGATIONS.items() if summary.integer(number)],
            "goal": _GOALS.get(metric.integer(8)),
            "step_metric": metric.text(4) or None,
            "step_sync": bool(options.integer(1)) if options.has(1) else None,
            "hidden": True if options.integer(2) else None,
        },
    ]


def _environment(record: Message) -> dict[str, Any]:
    """Return metadata under our names, command line and folder; see EnvironmentRecord."""
    names = {"os": 1, "python": 2, "program": 7, "host": 12, "executable": 14, "gpu": 18}
    metadata: dict[str, Any] = {
        name: record.text(number) for name, number in names.items() if record.text(number)
    }
    git = record.message(9)
    if git.has(2):
        metadata["git"] = {"commit": git.text(2), "remote": redact_url(git.text(1))}
    program = record.text(6)
    argv = redact_argv([record.text(14) or "python", program, *record.texts(5)]) if program else []
    return {"metadata": metadata, "argv": argv, "cwd": record.text(11)}


def _files(folder: Path) -> list[CopiedFile]:
    return [
        CopiedFile(
            source=path,
            path=(name := path.relative_to(folder).as_posix()),
            kind="media" if name.startswith("media/") else "saved",
            is_text=path.suffix in _TEXT_FILES and not name.startswith("media/"),
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def _output(log: WandbLog) -> bytes:
    """Return what the program wrote: output.log, else the records of its output."""
    kept = log.path.parent / "files" / "output.log"
    if kept.is_file():
        return kept.read_bytes()
    return b"".join(Message(data).raw(3) for kind, data, _ in _typed(log) if kind == OUTPUT_RAW)


def _time(stamp: Message) -> float:
    """Return a google.protobuf.Timestamp in seconds since the epoch."""
    return stamp.integer(1) + stamp.integer(2) / 1e9


def _number(value: Any, otherwise: float) -> float:
    return value if isinstance(value, int | float) else otherwise

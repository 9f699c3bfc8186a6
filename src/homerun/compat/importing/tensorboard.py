"""TensorBoard's event files: scalars, text and the hyperparameters of its plugin.

Field numbers: github.com/tensorflow/tensorboard, compat/proto/{event,summary,tensor}.proto and
plugins/hparams/plugin_data.proto (2.21).
"""

import math
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homerun.compat.importing.framing import TFRecords
from homerun.compat.importing.source import (
    Record,
    Source,
    SourceRun,
    digest_of,
    digest_of_texts,
    key_of,
)
from homerun.compat.importing.wire import Message, WireError, float32, varints
from homerun.core import RunState
from homerun.store import journal as jr

_PATTERN = "events.out.tfevents.*"
_FLOAT, _DOUBLE, _INT32, _STRING, _INT64, _BOOL = 1, 2, 3, 7, 9, 10  # types.proto: DataType
_FORMATS = {_FLOAT: "<f", _DOUBLE: "<d", _INT32: "<i", _INT64: "<q", _BOOL: "<?"}
_FAILURE = 2  # plugins/hparams/api.proto: Status


def is_tensorboard(path: Path) -> bool:
    """Tell whether a path is an event file or a folder with some below it."""
    if path.is_file():
        return path.name.startswith("events.out.tfevents.")
    return next(path.rglob(_PATTERN), None) is not None


def find(path: Path) -> list[Source]:
    """Return one run for each folder that holds event files."""
    root = path.parent if path.is_file() else path
    found = [path] if path.is_file() else path.rglob(_PATTERN)
    folders: dict[Path, list[Path]] = {}
    for file in sorted(found, key=lambda file: (str(file.parent), _age(file))):
        folders.setdefault(file.parent, []).append(file)
    return [_source(root, folder, files) for folder, files in folders.items()]


def _age(file: Path) -> tuple[int, str]:
    """Return what sorts event files by age: the seconds in their name come first there."""
    seconds = file.name.split(".")[3]
    return (int(seconds) if seconds.isdecimal() else 0, file.name)


def _source(root: Path, folder: Path, files: list[Path]) -> Source:
    logs = [TFRecords(file) for file in files]
    name = os.path.relpath(folder, root)
    # The name of an event file holds time, host and process.
    key = key_of("tensorboard", folder.resolve().name, files[0].name)
    return Source(
        kind="tensorboard",
        where=str(folder),
        digest=digest_of_texts([key, digest_of(files)]),
        read=lambda: _read(key, logs, name, root.resolve().name, folder),
        dropped=lambda: sum(log.dropped for log in logs),
    )


def _read(key: str, logs: list[TFRecords], name: str, project: str, folder: Path) -> SourceRun:
    moments = [event.number(1) or 0.0 for log in logs for event in _first(log)]
    started = min(moments, default=folder.stat().st_mtime)
    return SourceRun(
        key=key,
        id="",
        project=project or "uncategorized",
        begin={
            "name": folder.resolve().name if name == "." else name,
            "config": {},
            "labels": {},
            "started_at": started,
        },
        records=lambda: _records(logs, started),
    )


def _first(log: TFRecords) -> Iterator[Message]:
    for data in log:
        yield Message(data)
        return


def _records(logs: list[TFRecords], started: float) -> Iterator[Record]:
    state = _State(started)
    for log in logs:
        for data in log:
            try:
                yield from state.take(Message(data))
            except (WireError, struct.error):
                log.dropped += 1
    yield from state.end()


class _State:
    """What has to be known of earlier events to understand the next one."""

    def __init__(self, started: float) -> None:
        self.time = started
        self.plugins: dict[str, str] = {}  # by tag; TensorFlow says it once
        self.left_out: dict[str, str] = {}
        self.has_failed = False

    def take(self, event: Message) -> Iterator[Record]:
        """Yield what an event means to us."""
        moment = event.number(1) or self.time
        self.time = max(self.time, moment)
        for value in event.message(5).messages(1):
            tag, plugin = value.text(1), value.message(9).message(1)
            if plugin.has(1):
                self.plugins[tag] = plugin.text(1)
            if self.plugins.get(tag) == "hparams":
                yield from self._parameters(Message(plugin.raw(2)))
                continue
            found = _value(value, self.plugins.get(tag, ""))
            if found is None:
                self.left_out[tag] = self.plugins.get(tag) or _kind(value)
            else:
                yield [jr.ROW, event.integer(2), moment, {tag: found}]

    def end(self) -> Iterator[Record]:
        """Yield the end, of which an event file says little."""
        if self.left_out:
            yield [jr.METADATA, {"tensorboard": {"left_out": self.left_out}}]
        if self.has_failed:
            end = {"state": RunState.FAILED, "reason": "its session failed", "exit_code": None}
        else:
            end = {"state": RunState.FINISHED, "exit_code": None}
        yield [jr.END, self.time, end]

    def _parameters(self, data: Message) -> Iterator[Record]:
        """Read HParamsPluginData: the configuration at the start, the status at the end."""
        if data.has(3):
            start = data.message(3)
            pairs = start.messages(1)
            yield [jr.CONFIG, {pair.text(1): _plain(pair.message(2)) for pair in pairs}]
            if start.text(4):
                yield [jr.LABELS, {"group": start.text(4)}]
        if data.has(4):
            self.has_failed = data.message(4).integer(1) == _FAILURE


def _kind(value: Message) -> str:
    kinds = {3: "histogram", 4: "image", 5: "histogram", 6: "audio", 8: "tensor"}
    return next((kind for number, kind in kinds.items() if value.has(number)), "unknown")


def _value(value: Message, plugin: str) -> Any:
    """Return a scalar or text, None for anything larger."""
    if value.has(2):
        return float32(value.raw(2))
    if not value.has(8) or plugin not in {"", "scalars", "text"}:
        return None
    tensor = value.message(8)
    sizes = [size.integer(1) for size in tensor.message(2).messages(2)]
    if tensor.integer(1) == _STRING:
        texts = [text.decode(errors="replace") for text in tensor.raws(8)]
        return "\n".join(texts) if plugin == "text" else None
    return _number(tensor) if math.prod(sizes) == 1 else None


def _number(tensor: Message) -> Any:
    kind = tensor.integer(1)
    form = _FORMATS.get(kind)
    if form is None:
        return None
    if tensor.has(4):
        return struct.unpack(form, tensor.raw(4))[0]
    if kind in {_FLOAT, _DOUBLE}:
        data = tensor.raw(5 if kind == _FLOAT else 6)
        return struct.unpack(form, data)[0] if data else 0.0
    number = {_INT32: 7, _INT64: 10, _BOOL: 11}[kind]
    packed = tensor.raw(number)
    whole = varints(packed)[0] if packed else tensor.integer(number)
    return bool(whole) if kind == _BOOL else whole


def _plain(value: Message) -> Any:
    """Return a google.protobuf.Value; a whole number, of which it knows none, as an integer."""
    if value.has(2):
        number = value.number(2) or 0.0
        return int(number) if number.is_integer() else number
    if value.has(3):
        return value.text(3)
    if value.has(4):
        return bool(value.integer(4))
    if value.has(6):
        return [_plain(item) for item in value.message(6).messages(1)]
    if value.has(5):
        return {pair.text(1): _plain(pair.message(2)) for pair in value.message(5).messages(1)}
    return None

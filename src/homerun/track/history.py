"""Rows and the summary: the part of `run` that logs."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from homerun.core import UsageError, leaves
from homerun.store import journal
from homerun.track.facts import Facts
from homerun.track.recorder import Recorder
from homerun.track.summary import Summary
from homerun.track.terminal import termwarn

if TYPE_CHECKING:
    from homerun.core import Definition
    from homerun.track.metrics import Known, Metrics

# Types that the encoder writes as they are; subclasses such as numpy.float64 are added when met.
_SIMPLE: set[type] = {float, int, str, bool}
_KEYS_LIMIT = 1000  # sets of keys that are remembered as checked


class RowError(UsageError, TypeError):
    """What log() was given is no row; W&B raises a TypeError."""


class History(Facts):
    """What was logged: `log` appends to it, `summary` says what it comes to."""

    summary: Summary

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(facts)
        self.recorder = Recorder(self._folder.path if self._folder else None)
        self._step = self.starting_step
        self._last: tuple[Any, ...] | None = None  # the last row
        self._simple_keys: set[tuple[str, ...]] = set()  # rows of these keys need no second look
        self._metrics: Metrics | None = None
        self._ignored = 0  # rows whose step came too late
        self._is_finished = False
        self.summary = Summary(self._record_summary, self._clock)
        self._values: dict[str, Any] = vars(self.summary)["_values"]

    def log(
        self,
        data: Mapping[str, Any] | None = None,
        step: int | None = None,
        commit: bool | None = None,
    ) -> None:
        """Record a row of values; when this returns, it survives kill -9.

        Without `step` the row gets the current step, which then goes up by one; with commit=False
        it stays for the next call. With `step` that becomes the current one; a row for a smaller
        step than the current one is ignored with a warning. log() and log({}) only commit.
        """
        if step is None and commit is None and type(data) is dict:
            recorder = self.recorder
            with recorder.lock:
                # The short way, for a row like one before: nothing to convert, nothing defined.
                if tuple(data) in self._simple_keys and _SIMPLE.issuperset(
                    map(type, data.values())
                ):
                    self._last = row = (journal.ROW, self._step, time.time(), data)
                    try:
                        recorder.append(recorder.pack(row))
                    except OSError as error:
                        recorder.lose(error)
                    self._step += 1
                    self._values.update(data)
                    return
        self._log_any(data, step, commit)

    def define_metric(
        self,
        name: str,
        step_metric: "str | Definition | None" = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> "Definition":
        """Say what the summary of a metric is, or of all that match a glob such as `val/*`.

        `summary`: a comma list of min, max, mean, first, last, best, none; `goal`: minimize or
        maximize, what best means. `step_metric` is added to rows that lack it unless step_sync is
        False. A second call adds to the first one, or with overwrite=True replaces it.
        """
        from homerun.track.metrics import definition  # noqa: PLC0415 - not every program needs it

        self._need_open("define_metric")
        new = definition(
            name, step_metric, step_sync=step_sync, hidden=hidden, summary=summary, goal=goal
        )
        with self.recorder.lock:
            merged = self._all_metrics().define(new, overwrite=bool(overwrite))
            self._simple_keys.clear()
            self.recorder.write(journal.DEFINE, merged._asdict())
        return merged

    def record(self, *record: Any) -> None:
        """Append a record of plain data to the journal."""
        self.recorder.write(*record)

    def go_on(self, summary: Mapping[str, Any], known: "Known", *, is_resumed: bool) -> None:
        """Take over where an earlier part of the run has ended, if there was one."""
        step = int(summary.get("_step", -1))
        self._step = step + 1
        self._facts.update(resumed=is_resumed or step >= 0, starting_step=self._step)
        self._values.update({k: v for k, v in summary.items() if not k.startswith("_")})
        if step >= 0:
            self._last = (journal.ROW, step, summary.get("_timestamp", self.start_time), {})
        if known[0]:
            self._all_metrics().restore(known)

    @property
    def step(self) -> int:
        """The step that the next row will have."""
        return self._step

    @property
    def dropped(self) -> int:
        """How many records were lost because the journal could not be written."""
        return self.recorder.dropped

    def _log_any(
        self, data: Mapping[str, Any] | None, step: int | None, commit: bool | None
    ) -> None:
        self._need_open("log")
        row = _checked(data)
        with self.recorder.lock:
            if step is not None and not self._go_to(step):
                return
            if row:
                self._write_row(row)
            if commit or (commit is None and step is None):
                self._step += 1

    def _go_to(self, step: Any) -> bool:
        """Make a step the current one; False when it lies in the past."""
        try:
            wanted = int(step)
        except (TypeError, ValueError):
            raise UsageError(f"log(step={step!r}): a step must be a whole number") from None
        if wanted < self._step:
            self._ignored += 1
            if self._ignored == 1:  # finish says how many there were
                termwarn(
                    f"Tried to log to step {wanted} that is less than the current step "
                    f"{self._step}. Steps must be monotonically increasing, so this data is "
                    "ignored; define_metric with a step_metric lets you log out of order"
                )
            return False
        self._step = wanted
        return True

    def _write_row(self, row: dict[str, Any]) -> None:
        now = time.time()
        if self._metrics is not None:
            row = self._metrics.with_steps(row)
        row = self._append(row, lambda row: (journal.ROW, self._step, now, row))
        self._last = (journal.ROW, self._step, now, row)
        if self._metrics is None:
            self._values.update((k, value) for k, value in leaves(row) if value is not None)
        else:
            for key, value in self._metrics.summarize(row, self._step).items():
                if value is None:
                    self._values.pop(key, None)
                else:
                    self._values[key] = value
        self._learn(row)

    def _append(
        self, values: dict[str, Any], record: Callable[[dict[str, Any]], tuple[Any, ...]]
    ) -> dict[str, Any]:
        """Append the record of some values; return them as the plain data that was written."""
        recorder = self.recorder
        try:
            try:
                payload = recorder.pack(record(values))
            except (TypeError, ValueError, OverflowError):
                if self._folder is None:
                    return values
                from homerun.track.media import tables_of  # noqa: PLC0415 - numbers have none

                values = {key: self._plain(key, value) for key, value in values.items()}
                values |= tables_of(values.values())
                payload = recorder.pack(record(values))
            recorder.append(payload)
        except OSError as error:
            recorder.lose(error)
        return values

    def _plain(self, key: str, value: Any) -> Any:
        """Return a value as plain data; the files it becomes are recorded."""
        from homerun.track.media import to_record  # noqa: PLC0415 - numbers need no conversion

        assert self._folder is not None
        record = to_record(value, folder=self._folder.files, key=key, step=self._step)
        if isinstance(record, dict | list):
            for name, kind in _files_in(record):
                self.recorder.write_file(name, kind)
        return record

    def _learn(self, row: dict[str, Any]) -> None:
        """Let rows like this one take the short way from now on."""
        for value in row.values():
            if type(value) not in _SIMPLE and isinstance(value, float | int | str):
                _SIMPLE.add(type(value))
        keys = tuple(row)
        if self._metrics is None or self._metrics.is_plain(keys):
            if len(self._simple_keys) >= _KEYS_LIMIT:
                self._simple_keys.clear()
            self._simple_keys.add(keys)

    def _need_open(self, what: str) -> None:
        if self._is_finished:
            raise UsageError(
                f"run {self.id} is finished: {what}() cannot be called any more; "
                "call homerun.init() for a new run"
            )

    def _all_metrics(self) -> "Metrics":
        from homerun.track.metrics import Metrics  # noqa: PLC0415 - not every program needs it

        self._metrics = self._metrics or Metrics(self._known)
        return self._metrics

    def _known(self) -> "Known":
        """Return definitions and statistics of all that was logged before."""
        from homerun.track.registry import known_so_far  # noqa: PLC0415

        if self._folder is None or (self._last is None and not self.resumed):
            return {}, {}
        definitions, stats = known_so_far(self._home, self.id)
        return definitions, stats

    def _clock(self) -> dict[str, Any]:
        """Return what W&B adds to the summary: step and time of the last row."""
        if self._last is None:
            return {}
        _, step, now, _ = self._last
        return {"_step": step, "_timestamp": now, "_runtime": max(0.0, now - self.start_time)}

    def _record_summary(self, changed: dict[str, Any], deleted: list[str]) -> None:
        self._need_open("summary")
        with self.recorder.lock:
            changed = self._append(changed, lambda new: (journal.SUMMARY, new, deleted))
            self._values.update(changed)


def _checked(data: Mapping[str, Any] | None) -> dict[str, Any]:
    if data is None:
        return {}
    if not isinstance(data, Mapping):
        raise RowError(f"homerun.log must be passed a dictionary, not {type(data).__name__}")
    for key in data:
        if not isinstance(key, str):
            raise RowError(f"Key values passed to `homerun.log` must be strings, not {key!r}.")
    return dict(data)


def _files_in(record: dict[str, Any] | list[Any]) -> Iterator[tuple[str, str]]:
    """Yield path and kind of the files of a logged value, also of those inside it."""
    if isinstance(record, dict):
        kind = record.get("_type")
        names = [record["path"]] if "path" in record else record.get("filenames", ())
        if kind is not None:
            yield from ((name, str(kind)) for name in names)
    for value in record.values() if isinstance(record, dict) else record:
        if isinstance(value, dict | list):
            yield from _files_in(value)

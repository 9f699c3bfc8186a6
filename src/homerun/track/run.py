"""The live run: what `homerun.init()` returns."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TextIO

from homerun.core import RunState, redact_config
from homerun.store import journal
from homerun.track import current, ending
from homerun.track.config import Config
from homerun.track.plain import plain
from homerun.track.run_artifacts import WithArtifacts
from homerun.track.terminal import termlog, termwarn

if TYPE_CHECKING:
    from datetime import timedelta

    from homerun.track.files import Files
    from homerun.track.keeper import Keeper


class Part(NamedTuple):
    """What a process does for a run beside logging to it."""

    is_first: bool  # nobody else has described the run's program and surroundings
    lock: int | None  # the proof of life; None: a supervisor or another process holds it
    keeper: "Keeper | None"
    resume_note: Path | None = None  # names the run to resume="auto", until it has finished


class ActiveRun(WithArtifacts):
    """One run as it happens: log to it, read and set config and summary, finish it."""

    config: Config

    def __init__(self, facts: dict[str, Any]) -> None:
        super().__init__(facts)
        self._part: Part | None = None  # None: a guest, that is a forked child or an unpickled run
        self._files: Files | None = None
        self._config_written: Any = None
        self._alerts: dict[str, float] = {}  # title: when it was last sent
        self._is_preempting = False
        self._is_ending = False
        self.config = Config(self._record_config, allow_val_change=facts["allow_val_change"])

    def _repr_html_(self) -> str:
        from homerun.core import markup  # noqa: PLC0415 - for notebooks alone

        state = "finished" if self._is_finished else "running"
        parts = [markup.heading(self.name, state_name=state, more=f"{self.project}/{self.id}")]
        parts.append(markup.beside({"config": dict(self.config), "summary": dict(self.summary)}))
        return markup.block([*parts, markup.note(f"homerun show {self.id}")])

    def alert(
        self,
        title: str,
        text: str = "",
        level: str | None = None,
        wait_duration: "float | timedelta | None" = None,
    ) -> None:
        """Record a message and print it; not twice with one title within wait_duration (s)."""
        from homerun.track.alerts import AlertLevel, level_of, seconds  # noqa: PLC0415

        self._need_open("alert")
        name, now = level_of(level), time.time()
        if now - self._alerts.get(title, 0.0) < seconds(wait_duration):
            return
        self._alerts[title] = now
        self.recorder.write(journal.ALERT, now, title, text, str(name))
        say = termlog if name == AlertLevel.INFO else termwarn
        say(f"{title}: {text}" if text else title)

    # Files

    def save(
        self,
        glob_str: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: str = "live",
        glob: bool = True,
    ) -> list[str]:
        """Keep files with the run, as they are (`now`) or will be at its end (`live`, `end`).

        Their paths below base_path stay. With glob=False the name is taken as it is. Returns where
        they are kept.
        """
        self._need_open("save")
        if self._folder is None:
            return []
        from glob import escape  # noqa: PLC0415 - few programs need it

        pattern = os.fspath(glob_str)
        return self._all_files().save(pattern if glob else escape(pattern), base_path, policy)

    def restore(
        self,
        name: str,
        run_path: str | None = None,
        replace: bool = False,
        root: str | None = None,
    ) -> TextIO:
        """Bring a saved file of this run, or of `project/id`, to `root`; return it open."""
        from homerun.store import run_folder  # noqa: PLC0415
        from homerun.track.files import restore  # noqa: PLC0415

        run_id = run_path.rsplit("/", 1)[-1] if run_path else self.id
        source = run_folder(self._home, run_id).files
        return restore(name, source, Path(root or "."), replace=replace)

    def log_code(
        self,
        root: str | None = ".",
        name: str | None = None,  # noqa: ARG002 - of W&B's artifact
        include_fn: Callable[[str], bool] | None = None,
        exclude_fn: Callable[[str], bool] | None = None,
    ) -> list[str]:
        """Keep the source files below `root`: *.py, unless include_fn(path) says otherwise."""
        self._need_open("log_code")
        if self._folder is None:
            return []
        return self._all_files().save_code(
            Path(root or ".").absolute(),
            include_fn or (lambda path: path.endswith(".py")),
            exclude_fn or (lambda _path: False),
        )

    def watch(self, *_models: Any, **_options: Any) -> None:
        """Accept W&B's call; gradients are not recorded, which is said once."""
        termwarn("watch(): gradients and parameters are not recorded", repeat=False)

    def unwatch(self, *_models: Any) -> None:
        """Accept W&B's call; nothing is watched."""

    def _label(self, *_labels: Any, **_options: Any) -> None:
        """Accept what libraries call themselves; Transformers' Trainer does."""

    # The end

    def status(self) -> dict[str, Any]:
        """Return state and next step, and how many records were lost and rows ignored."""
        return {
            "state": "finished" if self._is_finished else "running",
            "step": self.step,
            "dropped": self.dropped,
            "ignored": self._ignored,
        }

    def mark_preempting(self) -> None:
        """Say that the run is being preempted; it counts as that unless it still ends well."""
        self._need_open("mark_preempting")
        self._is_preempting = True
        self.recorder.write(journal.METADATA, {"preempting": True})

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: finished, or failed with an exit code other than 0."""
        self.end(ending.of_code(exit_code or 0), quiet=bool(quiet))

    def end(self, how: ending.Ending, *, quiet: bool = False) -> None:
        """End the run in the given way; a second time does nothing."""
        with self.recorder.lock:
            if self._is_ending:  # a signal handler may call finish() while we are here
                return
            self._is_ending = True
            if self._part is not None:
                self._last_words()
            self._is_finished = True
            self._simple_keys.clear()
        current.remove(self)
        if self._part is None or self._folder is None:
            self.recorder.close()
            return
        from homerun.track.closing import close  # noqa: PLC0415 - not needed before

        if self._is_preempting and how.exit_code:
            reason = "the program said that it was being preempted"
            how = how._replace(state=RunState.PREEMPTED, reason=reason)
        close(self._home, self.id, self._part, self.recorder, how)
        self._say_goodbye(how, quiet=quiet)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(ending.of_code(0) if error is None else ending.of_exception(error))

    # Other processes

    @property
    def is_guest(self) -> bool:
        """Whether the run's end is another process's business: it forked or spawned this one."""
        return self._part is None and self._folder is not None

    def after_fork(self) -> None:
        """In a forked child: go on with a journal of our own, and leave the end to the parent."""
        if self._part is not None and self._part.lock is not None:
            os.close(self._part.lock)
        self._part = None
        self.recorder.after_fork()
        self.recorder.announce(self.late_note)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as a handle that logs to the same run."""
        from homerun.track.guests import join  # noqa: PLC0415

        facts = {**self._facts, "resumed": True, "starting_step": self.step}
        return join, (plain(facts), self._plain_config())

    # The beginning

    def take(self, part: Part) -> None:
        """Take up the part that this process has beside logging."""
        self._part = part
        self._config_written = self._plain_config()

    def rename(self, name: str) -> None:
        """Take the name that the database has given."""
        self._facts["name"] = name

    def save_program(self, program: Path) -> None:
        """Keep the source file that was started."""
        if program.is_file():
            self._all_files().save_code_file(program, program.parent)

    def _last_words(self) -> None:
        """Record what may have changed without our notice: files and nested configuration."""
        if self._folder is not None and (self._files is not None or self._is_dir_used):
            self._all_files().close()
        if self._plain_config() != self._config_written:
            self._record_config()

    def _say_goodbye(self, how: ending.Ending, *, quiet: bool) -> None:
        if self._ignored:
            termwarn(f"{self._ignored} calls of log() were ignored: their step came too late")
        is_supervised = self._part is None or self._part.lock is None
        if not (quiet or is_supervised):
            why = f": {how.reason}" if how.reason else ""
            termlog(f"run {self.name} ({self.id}) {how.state}{why}; see {self.sync_dir}")

    def _all_files(self) -> "Files":
        from homerun.track.files import Files  # noqa: PLC0415 - few programs need it

        assert self._folder is not None
        self._files = self._files or Files(self._folder.files, self.recorder)
        return self._files

    def _plain_config(self) -> Any:
        return plain(self.config.as_dict())

    def _record_config(self) -> None:
        self._need_open("config.update")
        self._config_written = self._plain_config()
        self.recorder.write(journal.CONFIG, redact_config(self._config_written))

    def _record_labels(self, **labels: Any) -> None:
        self._need_open("name, notes or tags")
        self.recorder.write(journal.LABELS, labels)

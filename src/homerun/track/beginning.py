"""The beginning of a run: its folder, its proof of life, its entry and its first record."""

import contextlib
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homerun.core import (
    RunState,
    StoreError,
    check_id,
    friendly_name,
    new_id,
    redact_argv,
    redact_config,
    redact_text,
)
from homerun.store import (
    RunFolder,
    find_home,
    identity,
    journal,
    make_home,
    read_json,
    run_folder,
)
from homerun.track import ending
from homerun.track.config import read_values
from homerun.track.plain import plain
from homerun.track.registry import Registry, known_so_far
from homerun.track.resuming import check_resume, note_of, remember, resumable
from homerun.track.run import ActiveRun, Part
from homerun.track.settings import Request, check_project, default_project
from homerun.track.terminal import termlog, termwarn

_LOCK_PATIENCE_S = 0.1  # readers of the home test a lock by taking it for an instant


def disabled(request: Request, values: Mapping[str, Any]) -> ActiveRun:
    """Return a run that does nothing and writes nothing."""
    facts = {**_asked_for(request), "mode": "disabled", "home": str(find_home())}
    run_id = check_id(request.id or new_id())
    run = ActiveRun({**facts, "id": run_id, "name": request.name or friendly_name(run_id)})
    run.config.start(values, {})
    return run


def begin(request: Request, values: Mapping[str, Any]) -> ActiveRun:
    """Return a run that is recorded; one that is not, with a warning, where nothing can be."""
    home, cwd = find_home(), _cwd()
    project = check_project(request.project or default_project(cwd))
    note = note_of(home, project, cwd) if request.resume == "auto" else None
    run_id = check_id(request.id or resumable(note) or new_id())
    folder = run_folder(home, run_id)
    lock = None
    try:
        make_home(home)
        # The connection is closed before a thread starts: it must not be carried over a fork.
        with contextlib.closing(Registry(home, run_id)) as registry:
            is_known = _is_known(registry, folder)
            check_resume(request, run_id, is_known=is_known)
            folder.make()
            is_supervised = _is_supervised(request, folder)
            lock = None if is_supervised else folder.hold(patience_s=_LOCK_PATIENCE_S)
            beginning = _Beginning(request, home, folder, registry, lock, is_known=is_known)
            run = beginning.run({"project": project, "is_supervised": is_supervised}, values, cwd)
        beginning.take_part(run, note, cwd)
    except BaseException as error:
        if lock is not None:
            os.close(lock)
        if isinstance(error, OSError | StoreError):
            why = f"{folder.path}: {error.strerror}" if isinstance(error, OSError) else error
            termwarn(f"{why}. Nothing of this run is recorded; training goes on")
            return disabled(request, values)
        raise
    ending.watch_exit()
    return run


class _Beginning:
    """The steps from a folder to a run that is being recorded."""

    def __init__(
        self,
        request: Request,
        home: Path,
        folder: RunFolder,
        registry: Registry,
        lock: int | None,
        *,
        is_known: bool,
    ) -> None:
        self._request = request
        self._home = home
        self._folder = folder
        self._registry = registry
        self._lock = lock
        self._run_id = folder.path.name
        self._is_first = lock is not None or not _is_begun(folder)
        # A further process of a run begins at step 0, unless it asks for what came before.
        asks = request.resume in {"allow", "must", "auto"}
        self._goes_on = is_known and (lock is not None or asks)

    def run(self, facts: dict[str, Any], values: Mapping[str, Any], cwd: Path) -> ActiveRun:
        """Return the run, in the database if that is possible, its first records written."""
        request, registry = self._request, self._registry
        known: Any = ({}, {})
        if registry.entry is not None and (self._goes_on or not self._is_first):
            known = known_so_far(self._home, self._run_id)
            registry.refresh()
        before = registry.entry.config if registry.entry else {}
        run = ActiveRun(self._facts(facts))
        if self._lock is None:
            run.recorder.announce(run.late_note)
        run.config.start({**before, **values}, _sweep_values(request, self._folder))
        if self._goes_on and registry.entry is not None:
            run.go_on(registry.entry.summary, known, is_resumed=self._lock is not None)
            if self._lock is not None:
                self._forget_end(run)
        config = redact_config(plain(run.config.as_dict()))
        metadata = self._metadata(cwd)
        if self._lock is not None or registry.entry is None:
            registry.register(
                project=run.project,
                config=config,
                cwd=str(cwd),
                labels={**request.labels, "metadata": metadata},
                name=request.name or "",
            )
            if registry.entry is not None and request.name is None:
                run.rename(registry.entry.name)
        if self._is_first:
            run.record(journal.BEGIN, self._first_record(run, config, metadata, cwd))
        else:
            if config != before:
                run.record(journal.CONFIG, config)
            if request.labels:
                run.record(journal.LABELS, request.labels)
        return run

    def take_part(self, run: ActiveRun, note: Path | None, cwd: Path) -> None:
        """Start what goes on beside the run, in the process that is its first."""
        from homerun.track.keeper import SAMPLE_INTERVAL_S, Keeper  # noqa: PLC0415

        request, keeper = self._request, None
        if self._is_first:
            with_git = not request.flag("disable_git", "x_disable_meta")
            keeper = Keeper(
                run.recorder,
                self._folder.files,
                cwd=cwd,
                with_git=with_git,
                program=sys.argv[0],
            )
            is_alone = self._lock is not None
            with_output = is_alone and request.option("console") != "off"
            with_samples = is_alone and not request.flag("x_disable_stats", "_disable_stats")
            interval_s = request.option("x_stats_sampling_interval") or SAMPLE_INTERVAL_S
            keeper.start(
                output=self._folder.output if with_output else None,
                interval_s=float(interval_s) if with_samples else 0.0,
                age_s=time.time() - run.start_time,
            )
            if request.save_code and sys.argv[0]:
                run.save_program(Path(sys.argv[0]).absolute())
        if note is not None and self._lock is not None:
            remember(note, run.id)
        run.take(Part(self._is_first, self._lock, keeper, note))

    def _facts(self, more: dict[str, Any]) -> dict[str, Any]:
        entry, request = self._registry.entry, self._request
        facts = {**_asked_for(request), **more, "home": str(self._home), "id": self._run_id}
        if entry is not None:
            known = {
                "project": entry.project,
                "sweep": entry.sweep,
                "name": entry.name,
                "notes": entry.notes,
                "tags": entry.tags,
                "group": entry.group,
                "job_type": entry.job_type,
                "started_at": entry.started_at or facts["started_at"],
            }
            facts.update(known, **request.labels)
        return {**facts, "name": facts["name"] or friendly_name(self._run_id)}

    def _forget_end(self, run: ActiveRun) -> None:
        """Make a run that has ended one that runs, and say so."""
        (self._folder.path / "result.json").unlink(missing_ok=True)
        termlog(f"run {run.name} ({run.id}) goes on at step {run.step}")

    def _metadata(self, cwd: Path) -> dict[str, Any]:
        if not self._is_first:
            return {}
        from homerun.track.capture import quick  # noqa: PLC0415 - not in every process

        return quick(sys.argv, os.environ, cwd)

    def _first_record(
        self, run: ActiveRun, config: Any, metadata: dict[str, Any], cwd: Path
    ) -> dict[str, Any]:
        """Return all that is needed to restore the run without a database."""
        return {
            "id": run.id,
            "project": run.project,
            "name": run.name,
            "sweep": run.sweep_id,
            "config": config,
            "metadata": metadata,
            "labels": self._request.labels,
            "argv": redact_argv(sys.orig_argv),
            "cwd": redact_text(str(cwd)),
            "process": str(identity()),
            "started_at": run.start_time,
        }


def _asked_for(request: Request) -> dict[str, Any]:
    return {
        "project": request.project or "",
        "entity": request.entity,
        "name": request.name or "",
        "notes": request.notes or "",
        "tags": request.tags or (),
        "group": request.group or "",
        "job_type": request.job_type or "",
        "sweep": request.sweep_id,
        "mode": request.mode,
        "started_at": time.time(),
        "resumed": False,
        "is_supervised": False,
        "starting_step": 0,
        "allow_val_change": request.allow_val_change,
        "settings": vars(request.settings),
    }


def _cwd() -> Path:
    try:
        return Path.cwd()
    except OSError:  # deleted
        return Path("/")


def _is_known(registry: Registry, folder: RunFolder) -> bool:
    """Tell whether the run was ever started; without a database its folder tells."""
    if registry.trouble:
        return folder.path.exists()
    return registry.entry is not None and registry.entry.state != RunState.PENDING


def _is_supervised(request: Request, folder: RunFolder) -> bool:
    """Tell whether a supervisor started this program; its environment says so as no user does."""
    return request.is_assigned and os.environ.get("WANDB_DIR") == str(folder.path)


def _is_begun(folder: RunFolder) -> bool:
    """Tell whether another process has described the run already."""
    for path in journal.journal_paths(folder.path):
        records = journal.read(path, limit_bytes=64).records
        if records and records[0][0] == journal.BEGIN:
            return True
    return False


def _sweep_values(request: Request, folder: RunFolder) -> dict[str, Any]:
    """Return the values that the sweep has set: from our agent, or from W&B's parameter file."""
    if not request.is_assigned:
        return {}
    values = read_json(folder.path / "config.json")
    path = os.environ.get("WANDB_SWEEP_PARAM_PATH")
    if values is None and path and Path(path).exists():
        values = read_values(Path(path).read_text(encoding="utf-8"), path)
    return values or {}

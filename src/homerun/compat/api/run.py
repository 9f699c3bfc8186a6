"""A run, as W&B's Api gives it."""

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from homerun.agent import kill
from homerun.compat.api import artifacts
from homerun.compat.api.errors import CommError
from homerun.compat.api.files import File, Files
from homerun.compat.api.looks import run_html
from homerun.compat.api.place import Place, User
from homerun.compat.api.rows import all_rows, as_frame, history_rows
from homerun.core import ALIVE, ENDED, UsageError, redact_config
from homerun.store import (
    FoundRun,
    edit_run,
    edit_summary,
    found_runs,
    held_up,
    last_step,
    last_system_values,
    metadata_of,
)
from homerun.track import Artifact, Summary, plain, termwarn

if TYPE_CHECKING:
    from homerun.compat.api.sweeps import Sweep

_POLL_S = 0.5


class HTTPSummary(Summary):
    """The summary of a run that was read; what is set in it is written at once."""

    def __init__(self, place: Place, run_id: str, values: dict[str, Any]) -> None:
        def write(changed: dict[str, Any], deleted: list[str]) -> None:
            with place.store() as store:
                edit_summary(store, run_id, plain(changed), deleted)

        super().__init__(write, dict)
        self._values.update(values)

    @property
    def _json_dict(self) -> dict[str, Any]:
        """The values as a plain dictionary; analysis notebooks read this one."""
        return self._values


class Run:
    """A run of the home, with W&B's names; `update()` writes what was changed in it."""

    def __init__(self, place: Place, found: FoundRun, *, entity: str = "") -> None:
        self._place = place
        self._entity = entity or place.entity
        self._take(found)

    def _take(self, found: FoundRun) -> None:
        self.found = found
        self._summary: HTTPSummary | None = None
        self.config = found.config
        self.name = found.name
        self.tags = found.tags
        self.notes = found.notes
        self.group = found.group or None
        self.job_type = found.job_type or None
        self.state: str = found.state

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"

    def _repr_html_(self) -> str:
        return run_html(self.found, self.name, self.state)

    # What it is

    @property
    def id(self) -> str:
        """Return the id of the run."""
        return self.found.id

    @property
    def storage_id(self) -> str:
        """Return the number of the run in the home."""
        return str(self.found.number)

    @property
    def number(self) -> int:
        """Return the number that the commands take."""
        return self.found.number

    @property
    def display_name(self) -> str:
        """Return the name that people read."""
        return self.name

    @display_name.setter
    def display_name(self, name: str) -> None:
        self.name = name

    @property
    def description(self) -> str:
        """Return the notes."""
        return self.notes

    @description.setter
    def description(self, notes: str) -> None:
        self.notes = notes

    @property
    def entity(self) -> str:
        """Return the entity that the run was asked for with."""
        return self._entity

    @property
    def project(self) -> str:
        """Return the name of the project."""
        return self.found.project

    @property
    def path(self) -> list[str]:
        """Return entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def url(self) -> None:
        """Return None: a home has no web page."""
        return None

    @property
    def reason(self) -> str:
        """Return why the run is in its state."""
        return self.found.reason

    @property
    def exitcode(self) -> int | None:
        """Return the exit code of the program."""
        return self.found.exit_code

    @property
    def created_at(self) -> str:
        """Return when it was created, as `2026-01-31T12:00:00Z`."""
        return _iso(self.found.created_at)

    createdAt = created_at  # noqa: N815  W&B's name

    @property
    def heartbeat_at(self) -> str:
        """Return when it was last heard of, as `2026-01-31T12:00:00Z`."""
        found = self.found
        return _iso(
            found.ended_at
            or found.summary.get("_timestamp")
            or found.started_at
            or found.created_at
        )

    heartbeatAt = updated_at = heartbeat_at  # noqa: N815

    @property
    def duration(self) -> float | None:
        """Return how long it ran, in seconds."""
        return self.found.runtime_s

    @property
    def user(self) -> User:
        """Return who started it."""
        name = str(self.metadata.get("username") or self._place.entity)
        return User(name, name)

    @property
    def username(self) -> str:
        """Return the name of who started it."""
        return self.user.username

    # What it was called with, and what came out

    @property
    def rawconfig(self) -> dict[str, Any]:
        """Return a copy of the configuration."""
        return dict(self.config)

    @property
    def json_config(self) -> str:
        """Return the configuration as W&B keeps it: JSON in which each value is wrapped."""
        return json.dumps({key: {"value": value} for key, value in self.config.items()})

    @property
    def summary(self) -> HTTPSummary:
        """Return the summary; setting a key of it, or `summary.update(...)`, writes it."""
        if self._summary is None:
            self._summary = HTTPSummary(self._place, self.id, self.found.summary)
        return self._summary

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """Return the summary as a plain dictionary."""
        return self.summary._json_dict

    @property
    def system_metrics(self) -> dict[str, Any]:
        """Return the last sample of each metric of the machine."""
        with self._place.settled() as store:
            return last_system_values(store, self.id)

    @property
    def metadata(self) -> dict[str, Any]:
        """Return what is known of program, machine and git."""
        with self._place.store() as store:
            return metadata_of(store, self.id)

    @property
    def sweep(self) -> "Sweep | None":
        """Return the sweep of the run, None when it has none."""
        from homerun.compat.api.sweeps import find_sweep  # noqa: PLC0415 - they know each other

        sweep_id = self.found.sweep
        return find_sweep(self._place, sweep_id, self._entity) if sweep_id else None

    @property
    def sweep_name(self) -> str | None:
        """Return the id of the sweep, W&B's name of it."""
        return self.found.sweep

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802  W&B's name
        """Return the last step in which something was logged, -1 before the first."""
        with self._place.settled() as store:
            return last_step(store, self.id)

    def history(
        self,
        samples: int | None = None,
        keys: Sequence[str] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: str = "default",
    ) -> Any:
        """Return what was logged as a DataFrame, one row a step; a list of rows without pandas.

        Every row is there unless `samples` says how many are wanted.
        """
        rows = history_rows(
            self._place, self.found, keys=keys, x_axis=x_axis, stream=stream, samples=samples
        )
        if not pandas:
            return rows
        try:
            return as_frame(rows, [x_axis, *(keys or ())])
        except ImportError as error:
            termwarn(f"history() returns a list of rows: {error}")
            return rows

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 1000,  # noqa: ARG002  W&B's
        min_step: int | None = None,
        max_step: int | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Yield the rows of the history; with keys those that hold all of them, and these alone.

        `max_step` itself is left out.
        """
        return all_rows(
            self._place, self.found, keys=keys, min_step=min_step or 0, max_step=max_step
        )

    # Files

    def files(
        self, names: Sequence[str] | None = None, per_page: int = 50, pattern: str | None = None
    ) -> Files:
        """Return the files of the run: all, those named, or those that match a pattern with %."""
        return Files(self._place, self.id, names, per_page=per_page, pattern=pattern)

    def file(self, name: str) -> File:
        """Return one file; one that is not there says so when it is downloaded."""
        found = list(self.files([name]))
        return found[0] if found else File(self._place, self.id, name)

    def upload_file(self, path: str, root: str = ".") -> File:
        """Put a copy of a file beside those of the run, under its path below `root`."""
        return File.upload(self._place, self.id, path, root)

    def logged_artifacts(self, per_page: int = 100) -> list[Artifact]:  # noqa: ARG002  W&B's
        """Return the artifacts that the run made."""
        return artifacts.of_run(self._place, self.id, "logged")

    def used_artifacts(self, per_page: int = 100) -> list[Artifact]:  # noqa: ARG002  W&B's
        """Return the artifacts that the run used."""
        return artifacts.of_run(self._place, self.id, "used")

    # What can be done to it

    def load(self, force: bool = False) -> dict[str, Any]:  # noqa: ARG002  W&B's
        """Read the run anew; raise CommError when it was removed."""
        with self._place.settled() as store:
            found = found_runs(store, [self.found.number])
        if not found:
            raise not_found(self._place, self.path)
        self._take(found[0])
        return found[0]._asdict()

    def update(self) -> None:
        """Write configuration, name, notes, tags, group and job type as they are now."""
        self._check_there()
        labels = {
            "name": self.name,
            "notes": self.notes,
            "tags": list(self.tags),
            "group": self.group,
            "job_type": self.job_type,
        }
        config = redact_config(plain(self.config))
        with self._place.store() as store:
            edit_run(store, self.id, config=config, labels=labels)

    save = update

    def delete(self, delete_artifacts: bool = False) -> None:
        """Remove the run and its files; artifacts stay unless they are to go, too."""
        self._check_there()
        with self._place.settled() as store:
            run = store.run(self.id)
            if run.state in ALIVE and not run.is_waiting:
                raise UsageError(
                    f"run {run.id} is {run.state}, so it was not removed; first: run.stop()"
                )
            waits = [number for number, other, _ in held_up(store) if other == run.number]
            if waits:
                raise UsageError(
                    f"run {waits[0]} waits for run {run.number}, so it was not removed; "
                    f"first: homerun rm {waits[0]}"
                )
            if delete_artifacts:
                for artifact in self.logged_artifacts():
                    artifact.delete(delete_aliases=True)
            store.delete([run.id])
            shutil.rmtree(store.folder(run.id).path, ignore_errors=True)

    def stop(self) -> bool:
        """End the run with SIGTERM, after 10 s with SIGKILL; False when it had ended."""
        with self._place.settled() as store:
            ends = kill(store, store.run(self.id))
        self.load()
        return bool(ends)

    def wait_until_finished(self) -> None:
        """Return once the run has ended."""
        self.load()
        while self.state not in ENDED:
            time.sleep(_POLL_S)
            self.load()

    def to_html(self, *_args: object, **_options: object) -> str:
        """Refuse: a home has no web page to show."""
        raise UsageError(f"run {self.id} has no web page; use homerun show {self.number}")

    def _check_there(self) -> None:
        with self._place.store() as store:
            if not found_runs(store, [self.found.number]):
                raise not_found(self._place, self.path)


def not_found(place: Place, path: Sequence[str]) -> CommError:
    """Return the error for a run that is not there, in W&B's words."""
    return CommError(
        f"Could not find run <Run {'/'.join(path)} (not found)> in {place.home}; "
        "homerun ls shows those that are there"
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

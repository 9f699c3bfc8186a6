"""What is known of a run, by W&B's names."""

import json
from typing import TYPE_CHECKING, Any

from homerun.compat.api.place import Place, User
from homerun.compat.api.reading import iso
from homerun.store import FoundRun, edit_summary, last_step, last_system_values, metadata_of
from homerun.track import Summary, plain

if TYPE_CHECKING:
    from homerun.compat.api.sweeps import Sweep


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


class RunFacts:
    """A run of the home as it was read; some of it can be set and is written by `update()`."""

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
        return iso(self.found.created_at)

    createdAt = created_at  # noqa: N815  W&B's name

    @property
    def heartbeat_at(self) -> str:
        """Return when it was last heard of, as `2026-01-31T12:00:00Z`."""
        found = self.found
        return iso(
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

"""A run, as W&B's Api gives it."""

import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any

from homerun.agent import kill
from homerun.compat.api import artifacts
from homerun.compat.api.errors import CommError
from homerun.compat.api.files import File, Files
from homerun.compat.api.looks import run_html
from homerun.compat.api.place import Place
from homerun.compat.api.rows import all_rows, as_frame, history_rows
from homerun.compat.api.run_facts import RunFacts
from homerun.core import ALIVE, ENDED, UsageError, redact_config
from homerun.store import edit_run, found_runs, held_up
from homerun.track import Artifact, plain, termwarn

_POLL_S = 0.5


class Run(RunFacts):
    """A run of the home, with W&B's names; `update()` writes what was changed in it."""

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"

    def _repr_html_(self) -> str:
        return run_html(self.found, self.name, self.state)

    # What it logged

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

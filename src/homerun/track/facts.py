"""What a run is called and where it lies: the part of `run` that only says something."""

import contextlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from homerun.store import RunFolder
from homerun.track.settings import Settings


class Facts:
    """Names and places of a run, under W&B's names. name, notes and tags can be changed."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts  # plain data, see `start`; travels to processes that unpickle the run
        self._home = Path(facts["home"])
        self._folder: RunFolder | None = None
        self._is_dir_used = False  # the program may have put files there
        self._temporary = ""  # stands in for run.dir when nothing is written
        self.settings = Settings(**facts["settings"])
        if facts["mode"] != "disabled":
            self._folder = RunFolder(self._home / "runs" / facts["id"])

    @property
    def late_note(self) -> Path | None:
        """The note for readers of a process that does not decide when the run ends.

        None under a supervisor, who waits for all of them.
        """
        is_needed = self._folder is not None and not self._facts["is_supervised"]
        return self._home / "inbox" / self.id if is_needed else None

    def _record_labels(self, **labels: Any) -> None:
        """Write down changed labels."""
        raise NotImplementedError

    @property
    def id(self) -> str:
        """The id, unique in the home."""
        return str(self._facts["id"])

    @property
    def name(self) -> str:
        """The name for people, such as amber-falcon-12."""
        return str(self._facts["name"])

    @name.setter
    def name(self, name: str) -> None:
        self._facts["name"] = name
        self._record_labels(name=name)

    @property
    def notes(self) -> str:
        """What a person wrote about the run."""
        return str(self._facts["notes"])

    @notes.setter
    def notes(self, notes: str) -> None:
        self._facts["notes"] = notes
        self._record_labels(notes=notes)

    @property
    def tags(self) -> tuple[str, ...]:
        """The run's tags; `run.tags += ("good",)` adds one."""
        return tuple(self._facts["tags"])

    @tags.setter
    def tags(self, tags: Iterable[str]) -> None:
        self._facts["tags"] = tuple(dict.fromkeys(tags))
        self._record_labels(tags=self.tags)

    @property
    def project(self) -> str:
        """The project's name."""
        return str(self._facts["project"])

    @property
    def entity(self) -> str:
        """What init was given; homerun has no accounts, so else the user's name."""
        import getpass  # noqa: PLC0415 - few programs ask

        return self._facts["entity"] or getpass.getuser()

    @property
    def group(self) -> str:
        """The group that init was given."""
        return str(self._facts["group"])

    @property
    def job_type(self) -> str:
        """The job type that init was given."""
        return str(self._facts["job_type"])

    @property
    def sweep_id(self) -> str | None:
        """The id of the sweep the run belongs to, None without one."""
        return self._facts["sweep"]  # type: ignore[no-any-return]

    @property
    def start_time(self) -> float:
        """When the run was first started, in seconds since the epoch."""
        return float(self._facts["started_at"])

    @property
    def resumed(self) -> bool:
        """Whether the run goes on from an earlier part of itself."""
        return bool(self._facts["resumed"])

    @property
    def starting_step(self) -> int:
        """The first step of this part of the run; 0 unless it was resumed."""
        return int(self._facts["starting_step"])

    @property
    def disabled(self) -> bool:
        """Whether nothing is written."""
        return self._folder is None

    @property
    def offline(self) -> bool:
        """Always true: everything stays on this machine."""
        return True

    @property
    def dir(self) -> str:
        """The folder of the run's files; what is put there belongs to the run."""
        if self._folder is None:
            import tempfile  # noqa: PLC0415 - few programs ask

            self._temporary = self._temporary or tempfile.mkdtemp(prefix="homerun-disabled-")
            return self._temporary
        self._is_dir_used = True
        with contextlib.suppress(OSError):  # what is put there will fail with the right words
            self._folder.files.mkdir(mode=0o700, parents=True, exist_ok=True)
        return str(self._folder.files)

    @property
    def sync_dir(self) -> str:
        """The folder of all that is kept of the run."""
        return self.dir if self._folder is None else str(self._folder.path)

    @property
    def path(self) -> str:
        """The run as `project/id`, which every command understands."""
        return f"{self.project}/{self.id}"

    url: str | None = None  # as in W&B's offline mode: there is no server
    project_url: str | None = None
    sweep_url: str | None = None

    def get_url(self) -> str | None:
        """Return None: there is no server."""
        return self.url

    get_project_url = get_sweep_url = get_url

    def project_name(self) -> str:
        """Return the project's name."""
        return self.project

    def __repr__(self) -> str:
        return f"<homerun run {self.name} ({self.path})>"

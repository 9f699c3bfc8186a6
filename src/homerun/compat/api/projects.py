"""Projects, as W&B's Api gives them."""

from homerun.compat.api.looks import list_html
from homerun.compat.api.place import Place
from homerun.compat.api.reading import Listed, iso
from homerun.compat.api.runs import Runs
from homerun.compat.api.sweeps import Sweeps
from homerun.core import UsageError
from homerun.store import find_runs, found_runs, projects


class Project:
    """A project: a name that runs and sweeps share."""

    def __init__(self, place: Place, name: str, entity: str = "") -> None:
        self._place = place
        self.name = name
        self.entity = entity or place.entity

    def __repr__(self) -> str:
        return f"<Project {self.entity}/{self.name}>"

    def _repr_html_(self) -> str:
        return self.runs()._repr_html_() + self.sweeps()._repr_html_()

    @property
    def id(self) -> str:
        """Return the name: a project has no other id."""
        return self.name

    @property
    def path(self) -> list[str]:
        """Return entity and name."""
        return [self.entity, self.name]

    @property
    def url(self) -> None:
        """Return None: a home has no web page."""
        return None

    @property
    def created_at(self) -> str | None:
        """Return when its first run was created, as `2026-01-31T12:00:00Z`; None: no run yet."""
        with self._place.store() as store:
            first = found_runs(store, find_runs(store, project=self.name, limit=1))
        return iso(first[0].created_at) if first else None

    def runs(self) -> Runs:
        """Return its runs."""
        return Runs(self._place, entity=self.entity, project=self.name)

    def sweeps(self, per_page: int = 50) -> Sweeps:  # noqa: ARG002  W&B's
        """Return its sweeps."""
        return Sweeps(self._place, self.entity, self.name)

    def to_html(self, *_args: object, **_options: object) -> str:
        """Refuse: a home has no web page to show."""
        raise UsageError(f"project {self.name} has no web page; use homerun ls")


class Projects(Listed[Project]):
    """All projects of the home."""

    def __init__(self, place: Place, entity: str = "") -> None:
        self._place = place
        self.entity = entity or place.entity

    def __repr__(self) -> str:
        return f"<Projects {self.entity}>"

    def _repr_html_(self) -> str:
        rows = [
            {"project": one.name, "runs": str(len(one.runs())), "sweeps": str(len(one.sweeps()))}
            for one in self
        ]
        return list_html("projects", str(self._place.home), rows)

    def _read(self) -> list[Project]:
        with self._place.settled() as store:
            names = projects(store)
        return [Project(self._place, name, self.entity) for name in names]

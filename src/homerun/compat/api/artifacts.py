"""Artifacts as W&B's Api gives them: by name, by type, by run."""

from typing import NamedTuple

from homerun.compat.api.errors import CommError
from homerun.compat.api.place import Place, read_project
from homerun.core import NotFoundError, UsageError
from homerun.store import ArtifactVersion, artifact_versions, find_artifact
from homerun.track import Artifact

_DIRECTIONS = {"logged": "output", "used": "input"}


class Collection(NamedTuple):
    """An artifact with all its versions."""

    place: Place
    project: str
    name: str
    type: str

    def versions(self, per_page: int = 50) -> list[Artifact]:  # noqa: ARG002  W&B's
        """Return its versions, the newest first."""
        return _versions(self.place, self.project, self.name, self.type)

    def artifacts(self, per_page: int = 50) -> list[Artifact]:
        """Return its versions: W&B's second name for them."""
        return self.versions(per_page)

    @property
    def aliases(self) -> list[str]:
        """Return the aliases of all its versions."""
        return sorted({alias for version in self.versions() for alias in version.aliases})


class ArtifactType(NamedTuple):
    """A type of artifacts in a project, or in the home where the project is empty."""

    place: Place
    project: str
    name: str

    @property
    def type(self) -> str:
        """Return the name of the type."""
        return self.name

    def collections(self, per_page: int = 50) -> list[Collection]:  # noqa: ARG002  W&B's
        """Return its artifacts, each with all its versions."""
        with self.place.settled() as store:
            found = artifact_versions(store, project=self.project or None, type_name=self.name)
        names = dict.fromkeys((one.project, one.name) for one in found)
        return [Collection(self.place, project, name, self.name) for project, name in names]

    def collection(self, name: str) -> Collection:
        """Return the artifact with this name; raise CommError when there is none."""
        found = [one for one in self.collections() if one.name == name]
        if not found:
            raise CommError(
                f"Could not find artifact {name!r} of type {self.name!r}; there are: "
                f"{', '.join(one.name for one in self.collections()) or 'none'}"
            )
        return found[0]


def find(place: Place, ref: str, type_name: str | None, project: str | None) -> Artifact:
    """Return the version that a name such as `project/name:latest` means."""
    with place.settled() as store:
        try:
            known = find_artifact(store, ref, project=project)
        except NotFoundError as error:
            raise CommError(f"Could not find artifact {ref!r}: {error}") from error
    if type_name is not None and known.type != type_name:
        raise UsageError(f"artifact {ref!r} is of type {known.type!r}, not {type_name!r}")
    return _opened(place, [known])[0]


def exists(place: Place, ref: str, type_name: str | None, project: str | None) -> bool:
    """Tell whether a name means a version, of this type if one is given."""
    try:
        find(place, ref, type_name, project)
    except (CommError, UsageError):
        return False
    return True


def of_type_and_name(place: Place, type_name: str, ref: str, project: str | None) -> list[Artifact]:
    """Return all versions of an artifact, the newest first; `ref`: `[entity/][project/]name`."""
    above, _, name = ref.partition(":")[0].rpartition("/")
    return _versions(place, above.rpartition("/")[2] or project or "", name, type_name)


def of_run(place: Place, run_id: str, how: str) -> list[Artifact]:
    """Return the versions that a run `logged` or `used`, the oldest first."""
    with place.settled() as store:
        return _opened(place, artifact_versions(store, run=run_id, direction=_DIRECTIONS[how]))


def types(place: Place, path: str | None) -> list[ArtifactType]:
    """Return the types of artifacts in a project; without one, in the home."""
    project = read_project(path).project
    with place.settled() as store:
        found = artifact_versions(store, project=project or None)
    return [ArtifactType(place, project, name) for name in sorted({one.type for one in found})]


def type_named(place: Place, name: str, path: str | None) -> ArtifactType:
    """Return one type of artifacts; raise CommError when there is none."""
    found = [one for one in types(place, path) if one.name == name]
    if not found:
        there = ", ".join(one.name for one in types(place, path)) or "none"
        raise CommError(f"Could not find artifact type {name!r}; there are: {there}")
    return found[0]


def _versions(place: Place, project: str, name: str, type_name: str) -> list[Artifact]:
    with place.settled() as store:
        found = artifact_versions(store, project=project or None, name=name, type_name=type_name)
    return _opened(place, found)[::-1]


def _opened(place: Place, found: list[ArtifactVersion]) -> list[Artifact]:
    return [Artifact.of(place.home, known) for known in found]

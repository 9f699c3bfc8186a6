"""`homerun.Api()`: W&B's public Api on the home."""

import os
from collections.abc import Mapping
from typing import Any

from homerun.compat.api import artifacts
from homerun.compat.api.artifacts import ArtifactType, Collection
from homerun.compat.api.place import Address, Place, User, read_address, read_project, user_name
from homerun.compat.api.projects import Project, Projects
from homerun.compat.api.run import Run, not_found
from homerun.compat.api.runs import Runs
from homerun.compat.api.sweeps import Sweep, Sweeps, find_sweep
from homerun.core import NotFoundError
from homerun.store import find_home, find_runs, found_runs
from homerun.track import Artifact, check_project, env


class Api:
    """Runs, sweeps, projects and artifacts of the home, under W&B's names.

    Entities are taken and ignored. Without a project, `runs()` gives those of the whole home;
    `overrides={"project": ...}` or WANDB_PROJECT says otherwise.
    """

    def __init__(
        self,
        overrides: Mapping[str, Any] | None = None,
        timeout: int | None = None,  # noqa: ARG002  W&B's
        api_key: str | None = None,  # noqa: ARG002  a home needs none
    ) -> None:
        asked = dict(overrides or {})
        entity = asked.get("entity") or os.environ.get("WANDB_ENTITY") or user_name()
        self._place = Place(find_home(), str(entity))
        self._project = asked.get("project") or env("PROJECT")
        self.settings = {**asked, "entity": entity, "project": self._project}

    def __repr__(self) -> str:
        return f"<Api {self._place.home}>"

    # Who and where

    @property
    def default_entity(self) -> str:
        """Return the entity that paths without one mean: by default the user's name."""
        return self._place.entity

    @property
    def viewer(self) -> User:
        """Return the user."""
        return User(user_name(), user_name())

    @property
    def api_key(self) -> None:
        """Return None: a home needs no key."""
        return None

    def user(self, username_or_email: str) -> User | None:
        """Return the user if that is the name, else None: nobody else is here."""
        return self.viewer if username_or_email == self.viewer.username else None

    def users(self, username_or_email: str) -> list[User]:
        """Return the user in a list if that is the name."""
        found = self.user(username_or_email)
        return [found] if found else []

    def flush(self) -> None:
        """Forget nothing: every question is asked anew. Collections keep what they have read."""

    # Runs

    def runs(
        self,
        path: str | None = None,
        filters: Mapping[str, Any] | None = None,
        order: str = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = True,  # noqa: ARG002  W&B's
        lazy: bool = True,  # noqa: ARG002  W&B's
    ) -> Runs:
        """Return the runs of `entity/project`, `project` or the home that a filter lets through.

        `filters` are in MongoDB's form, over config.KEY, summary_metrics.KEY, state, tags and more;
        `order` is such a name after + or -.
        """
        entity, project, *_ = read_project(path or self._project)
        return Runs(
            self._place,
            entity=entity,
            project=project or None,
            filters=filters,
            order=order,
            per_page=per_page,
        )

    def run(self, path: str | int = "") -> Run:
        """Return the run with this path, id, number or name; raise CommError when none has it."""
        address = read_address(str(path))
        run = self._find_run(address)
        if run is None:
            entity = address.entity or self.default_entity
            where = [entity, address.project or self._project or "*", address.id]
            raise not_found(self._place, where)
        return run

    def _find_run(self, address: Address) -> Run | None:
        with self._place.settled() as store:
            project = address.project or None
            numbers = find_runs(store, {"id": address.id}, project=project)
            if not numbers:
                try:
                    run = store.run(address.id)
                except NotFoundError as error:
                    if "may be any of" in str(error):
                        raise
                    return None
                numbers = [run.number] if project in {None, run.project} else []
            found = found_runs(store, numbers)
        return Run(self._place, found[0], entity=address.entity) if found else None

    # Sweeps and projects

    def sweep(self, path: str = "") -> Sweep:
        """Return the sweep with this path, id or name; raise CommError when none has it."""
        address = read_address(path)
        return find_sweep(self._place, address.id, address.entity, address.project)

    def sweeps(self, path: str | None = None) -> Sweeps:
        """Return the sweeps of `entity/project` or `project`, oldest first; of the home without."""
        entity, project, *_ = read_project(path or self._project)
        return Sweeps(self._place, entity or self.default_entity, project)

    def project(self, name: str, entity: str | None = None) -> Project:
        """Return a project; one without runs is empty."""
        address = read_project(name)
        return Project(self._place, address.project, entity or address.entity)

    def projects(self, entity: str | None = None, per_page: int = 200) -> Projects:  # noqa: ARG002
        """Return all projects of the home."""
        return Projects(self._place, entity or "")

    def create_project(self, name: str, entity: str | None = None) -> Project:
        """Return the project of this name, which is there as soon as it has a run."""
        return self.project(check_project(name), entity)

    def from_path(self, path: str) -> Any:
        """Return what a path leads to: an artifact, sweep, run or project."""
        if ":" in path.partition("://")[2] or (":" in path and "://" not in path):
            return self.artifact(path)
        address = read_address(path)
        if address.kind == "sweeps":
            return self.sweep(path)
        if address.kind == "runs":
            return self.run(path)
        if not address.project:
            return self.project(address.id)
        run = self._find_run(address)
        if run is not None:
            return run
        return self.sweep(path) if address.entity else self.project(path)

    # Artifacts

    def artifact(self, name: str, type: str | None = None) -> Artifact:  # noqa: A002  W&B's name
        """Return the version that `entity/project/name:alias` names; `type` must be its type."""
        return artifacts.find(self._place, name, type, self._project)

    def artifact_exists(self, name: str, type: str | None = None) -> bool:  # noqa: A002
        """Tell whether there is such a version."""
        return artifacts.exists(self._place, name, type, self._project)

    def artifacts(
        self,
        type_name: str,
        name: str,
        per_page: int = 50,  # noqa: ARG002  W&B's
        tags: list[str] | None = None,
    ) -> list[Artifact]:
        """Return all versions of an artifact, the newest first; with tags those that have all."""
        found = artifacts.of_type_and_name(self._place, type_name, name, self._project)
        return [one for one in found if set(tags or ()) <= set(one.tags)]

    artifact_versions = artifacts

    def artifact_types(self, project: str | None = None) -> list[ArtifactType]:
        """Return the types of artifacts in a project; without one, in the home."""
        return artifacts.types(self._place, project or self._project)

    def artifact_type(self, type_name: str, project: str | None = None) -> ArtifactType:
        """Return one type of artifacts; raise CommError when there is none."""
        return artifacts.type_named(self._place, type_name, project or self._project)

    def artifact_collections(
        self,
        project_name: str,
        type_name: str,
        per_page: int = 50,  # noqa: ARG002  W&B's
    ) -> list[Collection]:
        """Return the artifacts of a type in a project, each with all its versions."""
        return self.artifact_type(type_name, project_name).collections()

    def artifact_collection(self, type_name: str, name: str) -> Collection:
        """Return an artifact with all its versions; `name`: `[entity/][project/]name`."""
        project, _, last = name.rpartition("/")
        return self.artifact_type(type_name, project or None).collection(last)

    def artifact_collection_exists(self, name: str, type: str) -> bool:  # noqa: A002
        """Tell whether there is such an artifact."""
        return bool(artifacts.of_type_and_name(self._place, type, name, self._project))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"homerun.Api has no {name!r}; see docs/api.md for what it has")

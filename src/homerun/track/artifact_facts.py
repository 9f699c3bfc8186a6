"""What an artifact is called and what it holds: the part that only says something."""

import getpass
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

from homerun.core import ArtifactNotLoggedError, UsageError
from homerun.store import (
    ArtifactVersion,
    Database,
    artifact_files,
    artifact_version,
    artifact_versions,
    find_home,
)
from homerun.track import current
from homerun.track.manifest import ArtifactManifest, ArtifactManifestEntry
from homerun.track.plain import as_dict

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")


class ArtifactCollection(NamedTuple):
    """What the versions of an artifact have in common."""

    entity: str
    project: str
    name: str
    type: str


class ArtifactFacts:
    """Name, version and content of an artifact, under W&B's names."""

    def __init__(
        self,
        name: str,
        type: str,  # noqa: A002 - W&B's
        description: str | None = None,
        metadata: dict[str, Any] | None = None,
        incremental: bool = False,
        use_as: str | None = None,
        storage_region: str | None = None,  # noqa: ARG002 - W&B's
        digest_algorithm: str = "SHA256",  # noqa: ARG002 - W&B's
    ) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(
                "Artifact name may only contain alphanumeric characters, dashes, underscores, and "
                f"dots. Invalid name: {name!r}"
            )
        if not isinstance(type, str) or not type or re.search(r"[/:\s]", type):
            raise UsageError(f"artifact type {type!r}: use a word such as model or dataset")
        run = current.run()
        self.home = run.home if run is not None else find_home()
        self.is_dry = run is not None and run.disabled
        self._name = name
        self._type = type
        self.description = description
        self.metadata: dict[str, Any] = as_dict(metadata)
        self.aliases: list[str] = []
        self.tags: list[str] = []
        self.ttl: timedelta | None = None
        self.incremental = incremental
        self.use_as = use_as
        self.distributed_id: str | None = None
        self.history_step: int | None = None
        self._manifest: ArtifactManifest | None = ArtifactManifest()
        self._added: dict[str, ArtifactManifestEntry] = {}  # by the path it came from
        self._objects: dict[int, tuple[Any, ArtifactManifestEntry]] = {}  # added, by their id()
        self._is_final = False
        self._is_deleted = False
        self._record: dict[str, Any] | None = None  # what the run has in its journal
        self._known: ArtifactVersion | None = None

    @classmethod
    def of(cls, home: Path, known: ArtifactVersion) -> Self:
        """Return a version of a home."""
        artifact = cls(known.name, known.type)
        artifact.home, artifact._manifest, artifact._is_final = home, None, True
        artifact._learn(known)
        return artifact

    # What it is called

    @property
    def name(self) -> str:
        """The name; with the version once that is known, as in `digits:v3`."""
        return self._name if self._known is None else f"{self._name}:{self.version}"

    @property
    def type(self) -> str:
        """What kind of thing it is: model, dataset."""
        return self._type

    @property
    def id(self) -> str | None:
        """The id of the version, None for a draft."""
        return None if self._known is None else self._known.id

    @property
    def version(self) -> str:
        """The version, such as v3."""
        return f"v{self._logged('version').version}"

    @property
    def project(self) -> str:
        """The project that it belongs to."""
        return self._logged("project").project

    @property
    def entity(self) -> str:
        """The user's name: there are no accounts."""
        self._logged("entity")
        return getpass.getuser()

    @property
    def qualified_name(self) -> str:
        """The name that finds it from everywhere: `entity/project/name:v3`."""
        return f"{self.entity}/{self.project}/{self.name}"

    @property
    def collection(self) -> ArtifactCollection:
        """What all its versions have in common."""
        return ArtifactCollection(self.entity, self.project, self._name, self._type)

    @property
    def is_link(self) -> bool:
        """Whether it is another artifact's version that was linked here."""
        return self._logged("is_link").link_of is not None

    @property
    def source_artifact(self) -> Self:
        """The version that a link leads to; of any other, itself."""
        link_of = self._logged("source_artifact").link_of
        with Database(self.home) as store:
            known = None if link_of is None else artifact_version(store, link_of)
        return self if known is None else self.of(self.home, known)

    @property
    def source_name(self) -> str:
        """The name of the version that a link leads to."""
        return self._name if self._known is None else self.source_artifact.name

    @property
    def source_version(self) -> str:
        """The version that a link leads to."""
        return self.source_artifact.version

    @property
    def source_project(self) -> str:
        """The project of the version that a link leads to."""
        return self.source_artifact.project

    @property
    def source_entity(self) -> str:
        """The user's name."""
        return self.entity

    @property
    def source_qualified_name(self) -> str:
        """The full name of the version that a link leads to."""
        return self.source_artifact.qualified_name

    @property
    def source_collection(self) -> ArtifactCollection:
        """What the versions of the artifact that a link leads to have in common."""
        return self.source_artifact.collection

    @property
    def linked_artifacts(self) -> list[Self]:
        """The links to this version."""
        number = self._logged("linked_artifacts").number
        with Database(self.home) as store:
            found = artifact_versions(store, link_of=number)
        return [self.of(self.home, known) for known in found]

    # What it is

    @property
    def manifest(self) -> ArtifactManifest:
        """What it holds."""
        if self._manifest is None:
            with Database(self.home) as store:
                files = artifact_files(store, self._logged("manifest").number)
            self._manifest = ArtifactManifest(
                ArtifactManifestEntry(path, digest, size, ref or None, home=self.home)
                for path, digest, size, ref in files
            )
        return self._manifest

    @property
    def digest(self) -> str:
        """The sha256 that versions with the same paths and contents share (W&B: an MD5)."""
        return self.manifest.digest() if self._known is None else self._known.digest

    commit_hash = digest

    @property
    def digest_algorithm(self) -> str:
        """How digests are made."""
        return "SHA256"

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return self.manifest.size() if self._known is None else self._known.size

    @property
    def file_count(self) -> int:
        """How many files it holds."""
        return len(self.manifest)

    @property
    def state(self) -> str:
        """PENDING until the database knows it, then COMMITTED, and DELETED."""
        return "DELETED" if self._is_deleted else "COMMITTED" if self._known else "PENDING"

    @property
    def created_at(self) -> str:
        """When the version was made, in ISO 8601."""
        return datetime.fromtimestamp(self._logged("created_at").created_at, UTC).isoformat()

    @property
    def updated_at(self) -> str:
        """When the version was last changed, in ISO 8601."""
        return datetime.fromtimestamp(self._logged("updated_at").updated_at, UTC).isoformat()

    url: str | None = None  # there is no server

    def is_draft(self) -> bool:
        """Tell whether it was not logged yet."""
        return self.state == "PENDING"

    def __repr__(self) -> str:
        return f"<Artifact {self.name} ({self.type}, {self.state.lower()})>"

    def _learn(self, known: ArtifactVersion) -> None:
        self._known, self._name, self._type = known, known.name, known.type
        self.description, self.metadata = known.description or None, known.metadata
        self.aliases, self.tags = list(known.aliases), list(known.tags)
        self.ttl = None if known.ttl_s is None else timedelta(seconds=known.ttl_s)
        self.history_step = known.step

    def _logged(self, what: str) -> ArtifactVersion:
        if self._known is None:
            raise ArtifactNotLoggedError(
                f"'Artifact.{what}' used prior to logging artifact {self._name}, or while the "
                "database cannot take it. Log it, then call wait()"
            )
        if self._is_deleted:
            raise ArtifactNotLoggedError(f"'Artifact.{what}': {self.name} was deleted")
        return self._known


def target_of(path: str, project: str) -> tuple[str, str]:
    """Return project and name of `[entity/][project/]name`."""
    *above, name = path.split("/")
    if not _NAME.fullmatch(name):
        raise UsageError(f"{path!r} cannot name an artifact; use project/name")
    return above[-1] if above else project, name


def check_alias(alias: Any) -> str:
    """Return an alias or tag; raise UsageError for one that cannot be written after a name."""
    if not isinstance(alias, str) or not alias or re.search(r"[/:,]", alias):
        raise UsageError(f"alias or tag {alias!r}: use text without '/', ':' and ','")
    return alias

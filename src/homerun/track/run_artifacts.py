"""What a run logs and uses of artifacts: the part of `run` that has versions."""

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homerun.core import HomerunError, StoreError, UsageError, new_id
from homerun.store import journal
from homerun.track.history import History
from homerun.track.terminal import termwarn

if TYPE_CHECKING:
    from homerun.track.artifacts import Artifact

_Path = str | os.PathLike[str]


class WithArtifacts(History):
    """The calls about artifacts, under W&B's names."""

    def log_artifact(
        self,
        artifact_or_path: "Artifact | _Path",
        name: str | None = None,
        type: str | None = None,  # noqa: A002 - W&B's
        aliases: "list[str] | None" = None,
        tags: "list[str] | None" = None,
    ) -> "Artifact":
        """Keep a version of an artifact, or of a file, folder or address under a name.

        The version gets the alias `latest` and those given. The same content again is the same
        version. Nothing here stops a training: in trouble it is said, and wait() raises.
        """
        self._need_open("log_artifact")
        artifact = self._prepared(artifact_or_path, name, type)
        return self._log_prepared(artifact, aliases, tags)

    def upsert_artifact(
        self,
        artifact_or_path: "Artifact | _Path",
        name: str | None = None,
        type: str | None = None,  # noqa: A002
        aliases: "list[str] | None" = None,  # noqa: ARG002 - finish_artifact gives them
        distributed_id: str | None = None,
    ) -> "Artifact":
        """Add a part to an artifact that several runs make; finish_artifact makes it whole."""
        from homerun.store import add_part  # noqa: PLC0415

        self._need_open("upsert_artifact")
        artifact = self._prepared(artifact_or_path, name, type)
        if self._folder is not None:
            record = artifact.keep(self.id, {"project": self.project})
            if record is not None:
                add_part(self._home, self._part_key(artifact, distributed_id), record["digest"])
        return artifact

    def finish_artifact(
        self,
        artifact_or_path: "Artifact | _Path",
        name: str | None = None,
        type: str | None = None,  # noqa: A002
        aliases: "list[str] | None" = None,
        distributed_id: str | None = None,
    ) -> "Artifact":
        """Log an artifact with all the parts that runs gave to upsert_artifact."""
        from homerun.store import remove_parts, take_parts  # noqa: PLC0415
        from homerun.track.manifest import ArtifactManifestEntry  # noqa: PLC0415

        self._need_open("finish_artifact")
        artifact = self._prepared(artifact_or_path, name, type)
        key = self._part_key(artifact, distributed_id)
        for path, digest, size, ref in take_parts(self._home, key):
            entry = ArtifactManifestEntry(path, digest, size, ref or None, home=self._home)
            artifact.manifest.entries.setdefault(path, entry)
        self._log_prepared(artifact, aliases, None)
        if artifact.state == "COMMITTED":
            remove_parts(self._home, key)
        return artifact

    def use_artifact(
        self,
        artifact_or_name: "Artifact | str",
        type: str | None = None,  # noqa: A002
        aliases: "list[str] | None" = None,
        use_as: str | None = None,  # noqa: ARG002 - W&B ignores it, too
    ) -> "Artifact":
        """Return an artifact that the run works with; a draft is logged first.

        A name is `[entity/][project/]name[:alias|:v3|:digest]`.
        """
        from homerun.track.artifact_facts import check_alias  # noqa: PLC0415
        from homerun.track.artifacts import Artifact, use  # noqa: PLC0415

        self._need_open("use_artifact")
        named = [check_alias(one) for one in _listed(aliases)]
        if isinstance(artifact_or_name, str):
            artifact = use(self._home, artifact_or_name, project=self.project)
        elif isinstance(artifact_or_name, Artifact):
            artifact = artifact_or_name
        else:
            raise UsageError(
                'You must pass an artifact name (e.g. "pedestrian-dataset:v1") or an Artifact '
                f"to use_artifact, not {artifact_or_name!r}"
            )
        if type is not None and type != artifact.type:
            raise UsageError(
                f"Supplied type {type} does not match type {artifact.type} of artifact "
                f"{artifact.name}"
            )
        if artifact.is_draft():
            return self._log_prepared(artifact, named, None, is_used=True)
        facts = {"project": artifact.project, "name": artifact.collection.name}
        self._record_about(artifact, {**facts, "do": "use", "aliases": named})
        return artifact

    def link_artifact(
        self, artifact: "Artifact", target_path: str, aliases: "list[str] | None" = None
    ) -> "Artifact | None":
        """Make a version of an artifact also one of `[project/]name`; return that."""
        from homerun.track.artifact_facts import check_alias, target_of  # noqa: PLC0415
        from homerun.track.artifacts import use  # noqa: PLC0415

        self._need_open("link_artifact")
        named = [check_alias(one) for one in _listed(aliases)]
        project, name = target_of(target_path, self.project)
        if self._folder is None:
            return None
        if artifact.is_draft():
            self.log_artifact(artifact)
        facts = artifact.address(self.project)
        target = {"do": "link", "target_project": project, "target_name": name, "aliases": named}
        if not self._record_about(artifact, {**facts, **target}):
            return None  # whoever reads the journal next makes the link
        return use(self._home, f"{name}:{artifact.digest}", project=project)

    def log_model(
        self, path: _Path, name: str | None = None, aliases: "list[str] | None" = None
    ) -> "Artifact":
        """Keep a file or folder as a version of a model; the name is the run's unless given."""
        return self.log_artifact(path, name, "model", aliases)

    def use_model(self, name: str) -> str:
        """Return the path of a logged model: of its file, or of a folder of several."""
        artifact = self.use_artifact(name)
        if "model" not in artifact.type.lower():
            raise UsageError(f"{artifact.name} is of type {artifact.type}; use use_artifact()")
        folder = artifact.download()
        inside = list(Path(folder).iterdir())
        return str(inside[0]) if len(inside) == 1 else folder

    def link_model(
        self,
        path: _Path,
        registered_model_name: str,
        name: str | None = None,
        aliases: "list[str] | None" = None,
    ) -> "Artifact | None":
        """Log a model and make it a version of a registered model, in project model-registry."""
        from homerun.store import REGISTRY  # noqa: PLC0415

        if "/" in registered_model_name:
            raise UsageError(
                f"{registered_model_name!r}: Please provide only the name of the registered model. "
                "Do not append the entity or project name."
            )
        artifact = self.log_model(path, name)
        return self.link_artifact(artifact, f"{REGISTRY}/{registered_model_name}", aliases)

    def logged_artifacts(self) -> "list[Artifact]":
        """Return the versions that the run made, the first first."""
        return self._artifacts("output")

    def used_artifacts(self) -> "list[Artifact]":
        """Return the versions that the run used."""
        return self._artifacts("input")

    @property
    def home(self) -> Path:
        """The folder in which everything is kept."""
        return self._home

    def _artifacts(self, direction: str) -> "list[Artifact]":
        from homerun.store import Database, artifact_versions, fold  # noqa: PLC0415
        from homerun.track.artifacts import Artifact  # noqa: PLC0415

        if self._folder is None:
            return []
        with Database(self._home) as store:
            fold(store, self.id)
            found = artifact_versions(store, run=self.id, direction=direction)
        return [Artifact.of(self._home, known) for known in found]

    def _prepared(
        self,
        artifact_or_path: "Artifact | _Path",
        name: str | None,
        type_name: str | None,
    ) -> "Artifact":
        from homerun.track.artifacts import Artifact  # noqa: PLC0415

        if isinstance(artifact_or_path, Artifact):
            return artifact_or_path
        if not isinstance(artifact_or_path, str | os.PathLike):
            raise UsageError(
                "You must pass an instance of Artifact or a valid file path to log_artifact, not "
                f"{artifact_or_path!r}"
            )
        path = os.fspath(artifact_or_path)
        base = os.path.basename(path.rstrip("/"))  # noqa: PTH119 - of an address, too
        artifact = Artifact(name or f"run-{self.id}-{base}", type_name or "unspecified")
        artifact.home, artifact.is_dry = self._home, self.disabled
        if Path(path).is_dir():
            artifact.add_dir(path)
        elif Path(path).is_file():
            artifact.add_file(path)
        elif "://" in path:
            artifact.add_reference(path)
        else:
            raise UsageError(
                f"{path!r}: path must be a file, directory or external reference like "
                "s3://bucket/path"
            )
        return artifact

    def _log_prepared(
        self,
        artifact: "Artifact",
        aliases: Any,
        tags: Any,
        *,
        is_used: bool = False,
    ) -> "Artifact":
        from homerun.track.artifact_facts import check_alias  # noqa: PLC0415

        named = [check_alias(one) for one in _listed(aliases)]
        marked = [check_alias(one) for one in _listed(tags)]
        artifact.finalize()
        if self._folder is None:
            return artifact
        artifact.home = self._home
        if artifact.incremental:
            self._add_base(artifact)
        wanted = artifact.type
        step = self.step - 1 if self._last is not None else None
        facts = {"project": self.project, "aliases": named, "tags": marked, "step": step}
        record = artifact.keep(self.id, {**facts, "is_used": is_used})
        if record is not None and self.recorder.write(journal.ARTIFACT, record):
            trouble = artifact.register()
            if trouble:
                termwarn(
                    f"artifact {artifact.name} is kept, and known as soon as the run's journal is "
                    f"read: {trouble}",
                    repeat=False,
                )
        if artifact.type != wanted:
            termwarn(f"{artifact.name} stays of type {artifact.type}; {wanted} is not what it is")
        return artifact

    def _record_about(self, artifact: "Artifact", facts: dict[str, Any]) -> bool:
        """Record what the run does with a version; False when the database does not know yet."""
        from homerun.store import Database, record_artifact  # noqa: PLC0415
        from homerun.track.artifacts import AT_ONCE_S  # noqa: PLC0415

        if self._folder is None:
            return False
        common = {"id": new_id(16), "digest": artifact.digest, "time": time.time()}
        record = {**common, **facts}
        self.recorder.write(journal.ARTIFACT, record)
        try:
            with Database(self._home, timeout_s=AT_ONCE_S) as store:
                return record_artifact(store, self.id, record)
        except StoreError:
            return False  # whoever reads the journal next takes it over

    def _add_base(self, artifact: "Artifact") -> None:
        """Add to an incremental draft what the latest version holds."""
        from homerun.track.artifacts import use  # noqa: PLC0415

        try:
            base = use(self._home, artifact.name, project=self.project)
        except HomerunError:
            return  # there is none yet
        for path, entry in base.manifest.entries.items():
            artifact.manifest.entries.setdefault(path, entry)

    def _part_key(self, artifact: "Artifact", distributed_id: str | None) -> str:
        key = distributed_id or self.group
        if not key:
            raise UsageError(
                "upsert_artifact and finish_artifact join what runs of one group make; give "
                "distributed_id=, or group= to init()"
            )
        import hashlib  # noqa: PLC0415 - it loads OpenSSL

        text = f"{self.project}\n{artifact.name}\n{key}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def _listed(names: Any) -> list[Any]:
    return [names] if isinstance(names, str) else list(names or ())

"""Artifacts: data sets, models and tables that have versions, kept once in the home."""

import contextlib
import os
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from homerun.core import (
    HomerunError,
    Run,
    StoreError,
    UsageError,
    WaitTimeoutError,
    new_id,
    redact_config,
    redact_text,
)
from homerun.store import (
    LATEST,
    ArtifactVersion,
    Database,
    Store,
    artifact_of_record,
    artifact_version,
    change_artifact,
    delete_artifact,
    digest_of,
    find_artifact,
    keep_manifest,
    link_artifact,
    object_path,
    record_artifact,
    runs_of_artifact,
    settle,
)
from homerun.track import current
from homerun.track.artifact_draft import ArtifactDraft
from homerun.track.artifact_facts import check_alias, target_of
from homerun.track.manifest import ArtifactManifestEntry, logical_path
from homerun.track.plain import plain
from homerun.track.terminal import termwarn

AT_ONCE_S = 0.5  # a training waits no longer for a database that somebody has locked


class Artifact(ArtifactDraft):
    """A set of files under one name: a draft until it is logged, then a version of the home."""

    # Looking into it

    def get_entry(self, name: str | os.PathLike[str]) -> ArtifactManifestEntry:
        """Return the file under a name; raise KeyError when there is none."""
        path = logical_path(name)
        with contextlib.suppress(KeyError):
            return self.manifest.entries[self._media_path(path) or path]
        raise KeyError(f"Path not contained in artifact: {path}")

    get_path = get_entry

    def get(self, name: str) -> Any:
        """Return the table, picture or other media under a name, None when there is none."""
        from homerun.track.artifact_media import media_of  # noqa: PLC0415

        path = self._media_path(logical_path(name))
        if path is None:
            return None
        root = self._default_root()
        text = Path(self.manifest.entries[path].download(root)).read_text(encoding="utf-8")
        return media_of(text, path, lambda inner: self.manifest.entries[inner].download(root))

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __setitem__(self, name: str, value: Any) -> None:
        self.add(value, name)

    def get_added_local_path_name(self, local_path: str) -> str | None:
        """Return the name in the artifact of a file that was added, None when it was not."""
        entry = self._added.get(local_path)
        return None if entry is None else entry.path

    def files(
        self,
        names: list[str] | None = None,
        per_page: int = 50,  # noqa: ARG002 - W&B's
    ) -> list[ArtifactManifestEntry]:
        """Return its files, or those with some names."""
        entries = self.manifest.entries.values()
        return [entry for entry in entries if names is None or entry.path in names]

    def file(self, root: str | None = None) -> str:
        """Write its only file below `root` and return where."""
        if len(self.manifest) != 1:
            raise UsageError(f"{self.name} holds {len(self.manifest)} files; use download()")
        return self.get_entry(next(iter(self.manifest.entries))).download(
            root or self._default_root()
        )

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        allow_missing_references: bool = False,
        skip_cache: bool | None = None,  # noqa: ARG002 - W&B's
        path_prefix: str | os.PathLike[str] | None = None,
        multipart: bool | None = None,  # noqa: ARG002 - W&B's
    ) -> str:
        """Write all files below `root` (default: ./artifacts/NAME:v3); return that folder."""
        if self._record is None:
            self._logged("download")
        folder = Path(root or self._default_root())
        folder.mkdir(parents=True, exist_ok=True)
        prefix = os.fspath(path_prefix or "")
        for path, entry in self.manifest.entries.items():
            if path.startswith(prefix):
                entry.download(folder, is_optional=allow_missing_references)
        return str(folder)

    def checkout(self, root: str | None = None) -> str:
        """Make a folder hold just what the artifact holds: other files in it are removed."""
        folder = Path(self.download(root))
        for path in sorted(folder.rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                with contextlib.suppress(OSError):  # it is not empty
                    path.rmdir()
            elif path.relative_to(folder).as_posix() not in self.manifest.entries:
                path.unlink()
        return str(folder)

    def verify(self, root: str | None = None) -> None:
        """Check every file below `root`, or as the home keeps it; raise UsageError if damaged."""
        entries = self.manifest.entries
        for path in Path(root).rglob("*") if root else ():
            if path.is_file() and path.relative_to(root or "").as_posix() not in entries:
                raise UsageError(
                    f"Found file {path} which is not a member of artifact {self.name}; "
                    "checkout() removes it"
                )
        for entry in entries.values():
            if entry.ref is not None:
                continue
            path = Path(root, entry.path) if root else object_path(self.home, entry.digest)
            if not path.is_file() or digest_of(path) != entry.digest:
                raise UsageError(
                    f"Digest mismatch for file: {entry.path} ({path}); "
                    f"{'download it again' if root else 'log it again from its source'}"
                )

    # Logging it

    def save(self, project: str | None = None, settings: Any = None) -> None:
        """Log a draft to the current run, or to one of its own; keep changes of a version."""
        if self._known is not None:
            self._keep_changes(self._known)
            return
        run = current.run()
        if run is not None:
            run.log_artifact(self)
            return
        from homerun.track.start import init  # noqa: PLC0415 - it loads this module's users

        with init(project=project, job_type="auto", settings=settings) as run:
            run.log_artifact(self)

    def wait(self, timeout: float | None = None) -> Self:
        """Return when the database knows the artifact; `timeout` in seconds.

        Raises WaitTimeoutError when that was not to be had, and ArtifactNotLoggedError for a draft.
        """
        if self._known is None and self._record is None:
            self._logged("wait")
        deadline = time.monotonic() + (30.0 if timeout is None else timeout)
        while self._known is None:
            left_s = deadline - time.monotonic()
            trouble = self.register(timeout_s=max(0.0, min(left_s, 1.0)))
            if trouble and left_s <= 0:
                raise WaitTimeoutError(
                    f"{self.name} is kept, but the database does not know it yet: {trouble}"
                )
            if trouble:
                time.sleep(min(0.05, max(0.0, left_s)))
        return self

    def keep(self, run_id: str, record: dict[str, Any]) -> dict[str, Any] | None:
        """Have all content and the manifest on the disk; return what to record, None in trouble."""
        try:
            for entry in self.manifest.entries.values():
                self._keep_entry(entry)
            digest = keep_manifest(self.home, self.manifest.files())
        except (HomerunError, OSError) as error:
            termwarn(f"artifact {self._name} is not logged: {error}. Training goes on")
            return None
        ttl_s = self.ttl.total_seconds() if isinstance(self.ttl, timedelta) else None
        self._is_final = True
        self._record = {
            "id": new_id(16),
            "do": "log",
            "name": self._name,
            "type": self._type,
            "digest": digest,
            "description": redact_text(self.description or ""),
            "metadata": redact_config(plain(self.metadata)),
            "ttl_s": ttl_s,
            "time": time.time(),
            "run": run_id,
            **record,
        }
        return self._record

    def register(self, *, timeout_s: float = AT_ONCE_S) -> str:
        """Have the database know what the run recorded; return why not, '' when it does."""
        assert self._record is not None
        try:
            with Database(self.home, timeout_s=timeout_s) as store:
                if not record_artifact(store, self._record["run"], self._record):
                    return f"run {self._record['run']} is not in the database yet"
                known = artifact_of_record(store, self._record)
        except StoreError as error:
            return str(error)
        if known is None:
            return "it was deleted meanwhile"
        self._learn(known)
        return ""

    # Afterwards

    def link(self, target_path: str, aliases: Iterable[str] | None = None) -> "Artifact | None":
        """Make it a version of `[project/]name`, too; return that."""
        run = current.run()
        if run is not None:
            return run.link_artifact(self, target_path, list(aliases or ()))
        known = self._logged("link")
        project, name = target_of(target_path, known.project)
        record = {
            "project": known.project,
            "name": known.name,
            "digest": known.digest,
            "target_project": project,
            "target_name": name,
            "aliases": list(aliases or ()),
            "time": time.time(),
        }
        with Database(self.home) as store:
            link_artifact(store, record)
            return Artifact.of(self.home, find_artifact(store, name, project=project))

    def address(self, project: str) -> dict[str, str]:
        """Return what finds the version, also where the database does not know it yet."""
        if self._known is not None:
            project = self._known.project
        return {"project": project, "name": self._name, "digest": self.digest}

    def unlink(self) -> None:
        """Undo link(), on the version that it returned."""
        if not self.is_link:
            raise UsageError(f"{self.name} is no link; use delete() to remove the version itself")
        self.delete(delete_aliases=True)

    def delete(self, delete_aliases: bool = False) -> None:
        """Delete the version; `homerun gc` then frees what no other version holds."""
        known = self._logged("delete")
        named = [alias for alias in known.aliases if alias != LATEST]
        if named and not delete_aliases:
            raise UsageError(
                f"{self.name} has the aliases {', '.join(named)}; "
                "delete(delete_aliases=True) deletes it all the same"
            )
        with Database(self.home) as store:
            delete_artifact(store, known.number)
        self._is_deleted = True

    def used_by(self) -> list[Run]:
        """Return the runs that used it."""
        return self._runs("input")

    def logged_by(self) -> Run | None:
        """Return the run that made it, None when that was removed."""
        return next(iter(self._runs("output")), None)

    def _runs(self, direction: str) -> list[Run]:
        number = self._logged("used_by" if direction == "input" else "logged_by").number
        with Store(self.home) as store:
            return [store.run(one) for one in runs_of_artifact(store, number, direction)]

    def _keep_changes(self, known: ArtifactVersion) -> None:
        with Database(self.home) as store:
            change_artifact(
                store,
                known.number,
                description=redact_text(self.description or ""),
                metadata=redact_config(plain(self.metadata)),
                tags=self.tags,
                aliases=[check_alias(alias) for alias in self.aliases],
                ttl_s=self.ttl.total_seconds() if self.ttl else None,
            )
            changed = artifact_version(store, known.number)
        if changed is not None:
            self._learn(changed)

    def _media_path(self, path: str) -> str | None:
        """Return the name under which `add` keeps a media, None when there is none."""
        from homerun.track.artifact_media import SUFFIXES  # noqa: PLC0415

        names = (path, *(f"{path}.{suffix}" for suffix in SUFFIXES))
        entries = self.manifest.entries
        return next((n for n in names if n in entries and n.endswith(SUFFIXES)), None)

    def _default_root(self) -> str:
        return str(Path(os.environ.get("WANDB_ARTIFACT_DIR", "artifacts"), self.name))


def use(home: Path, ref: str, *, project: str | None = None) -> Artifact:
    """Return the version of a home that `[entity/][project/]name[:alias]` names."""
    with Store(home) as store:
        try:
            known = find_artifact(store, ref, project=project)
        except HomerunError:
            settle(store)  # it may be in a journal that nobody has read
            known = find_artifact(store, ref, project=project)
    return Artifact.of(home, known)

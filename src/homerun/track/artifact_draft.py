"""A draft: an artifact that is being filled with files, references and media."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Self

from homerun.core import ArtifactFinalizedError, UsageError
from homerun.store import keep_file, object_path, touch_object
from homerun.track.artifact_facts import ArtifactFacts
from homerun.track.manifest import (
    ArtifactManifest,
    ArtifactManifestEntry,
    kept_entry,
    logical_path,
    referenced,
)

POLICIES = ("mutable", "immutable")

_THREADS = 8  # that copy the files of a folder, as W&B has it


class ArtifactDraft(ArtifactFacts):
    """What is added to an artifact, and taken out again, until it is logged."""

    def add_file(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        is_tmp: bool | None = False,
        skip_cache: bool | None = False,  # noqa: ARG002 - W&B's
        policy: str | None = "mutable",
        overwrite: bool = False,
    ) -> ArtifactManifestEntry:
        """Add a file as it is now.

        With policy "immutable" a hard link is enough, if the file will never be changed.
        """
        self._need_draft("add_file")
        path = Path(local_path)
        if not path.is_file():
            raise UsageError(f"Path is not a file: {str(local_path)!r}")
        entry = self._entry(path, logical_path(name or path.name), policy)
        if is_tmp:  # W&B: the name of a table that has none of its own says what it holds
            folder, _, base = entry.path.rpartition("/")
            _, dot, ending = base.partition(".")
            entry.path = f"{folder}/{entry.digest[:20]}{dot}{ending}".lstrip("/")
        return self._take_up(entry, overwrite=overwrite)

    def add_dir(
        self,
        local_path: str | os.PathLike[str],
        name: str | None = None,
        skip_cache: bool | None = False,  # noqa: ARG002 - W&B's
        policy: str | None = "mutable",
        merge: bool = False,
    ) -> None:
        """Add all files below a folder, at the root or below `name`."""
        self._need_draft("add_dir")
        root = Path(local_path)
        if not root.is_dir():
            raise UsageError(f"Path is not a directory: {str(local_path)!r}")
        found = [
            (path, logical_path(Path(name or "", path.relative_to(root))))
            for folder, _, names in os.walk(root, followlinks=True)
            for path in (Path(folder, one) for one in sorted(names))
            if path.is_file()
        ]
        with ThreadPoolExecutor(_THREADS) as pool:
            entries = list(pool.map(lambda one: self._entry(one[0], one[1], policy), found))
        for entry in entries:
            self._take_up(entry, overwrite=merge)

    @contextlib.contextmanager
    def new_file(
        self,
        name: str,
        mode: str = "x",
        encoding: str | None = None,
        policy: str | None = "mutable",
    ) -> Iterator[IO[Any]]:
        """Open a new file for writing; it is added when it is closed without an error."""
        self._need_draft("new_file")
        path = logical_path(name)
        if "x" in mode and self.manifest.get_entry_by_path(path) is not None:
            raise UsageError(f"File with name {name!r} already exists; use mode='w' to replace it")
        with tempfile.TemporaryDirectory(prefix="homerun-artifact-") as folder:
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open(mode, encoding=encoding) as file:
                yield file
            self.add_file(target, path, policy=policy, overwrite="x" not in mode)
        self._added.pop(str(target), None)

    def add(self, obj: Any, name: str, overwrite: bool = False) -> ArtifactManifestEntry:
        """Add a table, picture or other media; `get(name)` brings it back."""
        from homerun.track.artifact_media import saved_media  # noqa: PLC0415 - few need it

        self._need_draft("add")
        if id(obj) in self._objects:
            return self._objects[id(obj)][1]
        with tempfile.TemporaryDirectory(prefix="homerun-artifact-") as folder:
            full, files = saved_media(obj, logical_path(name), folder)
            for path, below in files:
                self.add_file(path, below, overwrite=overwrite)
                self._added.pop(str(path), None)
        entry = self.manifest.entries[full]
        self._objects[id(obj)] = obj, entry  # kept, so that its id() is not given to another
        return entry

    def add_reference(
        self,
        uri: ArtifactManifestEntry | str,
        name: str | os.PathLike[str] | None = None,
        checksum: bool = True,
        max_objects: int | None = None,
    ) -> Sequence[ArtifactManifestEntry]:
        """Add the address of a file that is not kept; those of file:// are read once."""
        self._need_draft("add_reference")
        address = uri if isinstance(uri, str) else uri.ref_target()
        wanted = None if name is None else logical_path(name)
        entries = list(referenced(address, wanted, checksum=checksum, max_objects=max_objects))
        for entry in entries:
            self.manifest.add_entry(entry)
        return entries

    def remove(self, item: str | os.PathLike[str] | ArtifactManifestEntry) -> None:
        """Take a file out of the draft, or a folder with all below it."""
        self._need_draft("remove")
        is_entry = isinstance(item, ArtifactManifestEntry)
        path = item.path if is_entry else logical_path(item)  # type: ignore[union-attr,arg-type]
        below = self.manifest.get_entries_in_directory(path)
        if path not in self.manifest.entries and not below:
            raise FileNotFoundError(f"No such file or directory: {path}")
        for entry in (path, *(entry.path for entry in below)):
            self.manifest.entries.pop(entry, None)

    def finalize(self) -> None:
        """Allow no more changes of what it holds."""
        self._is_final = True

    def new_draft(self) -> Self:
        """Return a draft of the next version, which holds what this one does."""
        draft = type(self)(self._name, self._type, self.description, dict(self.metadata))
        draft.home = self.home
        draft._manifest = ArtifactManifest(self.manifest.entries.values())
        return draft

    def _need_draft(self, what: str) -> None:
        if self._is_final:
            raise ArtifactFinalizedError(
                f"'Artifact.{what}' used on logged artifact. Can't modify finalized artifact; "
                "new_draft() begins the next version"
            )

    def _entry(self, path: Path, name: str, policy: str | None) -> ArtifactManifestEntry:
        if (policy or "mutable") not in POLICIES:
            raise UsageError(
                f"Invalid policy {policy!r}. Policy may only be `mutable` or `immutable`."
            )
        is_linked = policy == "immutable"
        return kept_entry(self.home, path, name, is_linked=is_linked, is_dry=self.is_dry)

    def _take_up(self, entry: ArtifactManifestEntry, *, overwrite: bool) -> ArtifactManifestEntry:
        self.manifest.add_entry(entry, overwrite=overwrite)
        if entry.local_path is not None:
            self._added[entry.local_path] = entry
        return entry

    def _keep_entry(self, entry: ArtifactManifestEntry) -> None:
        """Keep what could not be kept before, or lies in the home that was found then."""
        if entry.ref is not None or (entry.home == self.home and entry.is_kept):
            return
        if not touch_object(self.home, entry.digest):
            source = object_path(entry.home, entry.digest)
            if not entry.is_kept:
                source = Path(entry.local_path or source)
            entry.digest, entry.size = keep_file(self.home, source)
        entry.home, entry.is_kept = self.home, True

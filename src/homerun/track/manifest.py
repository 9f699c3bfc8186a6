"""What an artifact holds: its entries, each a kept file or the address of one."""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlparse

from homerun.core import StoreError, UsageError, redact_url
from homerun.store import (
    ArtifactFile,
    copy_object,
    digest_of,
    digest_of_files,
    keep_file,
)
from homerun.track.terminal import termwarn

_REFERENCES_LIMIT = 10_000_000  # W&B's


def logical_path(name: str | os.PathLike[str]) -> str:
    """Return a name inside an artifact; raise UsageError for one that leads out of it."""
    path = PurePosixPath(os.fspath(name).lstrip("/"))
    if not path.parts or ".." in path.parts or "\0" in str(path):
        raise UsageError(f"{os.fspath(name)!r} cannot name a file of an artifact; use a path in it")
    return str(path)


@dataclass(eq=False)
class ArtifactManifestEntry:
    """One file of an artifact."""

    path: str
    digest: str  # sha256 of the content; of the address, of a reference that was not read
    size: int | None  # bytes
    ref: str | None = None
    local_path: str | None = None  # where it comes from
    is_kept: bool = True  # its content is an object of the home; else the disk was full
    home: Path = Path()

    @property
    def name(self) -> str:
        """The path in the artifact, as W&B's files call it."""
        return self.path

    def as_file(self) -> ArtifactFile:
        """Return what is recorded of it."""
        return ArtifactFile(self.path, self.digest, self.size, self.ref or "")

    def ref_target(self) -> str:
        """Return the address that a reference leads to."""
        if self.ref is None:
            raise UsageError(f"{self.path} is no reference: its content is kept; use download()")
        return self.ref

    def download(
        self,
        root: str | os.PathLike[str] | None = None,
        skip_cache: bool | None = None,  # noqa: ARG002 - W&B's
        *,
        is_optional: bool = False,
    ) -> str:
        """Write the file below `root` (default: here) unless it is there; return its path."""
        target = Path(root or ".") / logical_path(self.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if _is_same(target, self.size, self.digest):
            return str(target)
        if self.ref is None:
            copy_object(self.home, self.digest, target)
        elif not _fetch(self.ref, self.digest, target):
            if not is_optional:
                raise UsageError(
                    f"{self.ref} is a reference that is not to be had here as it was; "
                    "download(allow_missing_references=True) leaves it out"
                )
            termwarn(f"{self.ref} is not to be had here as it was; {self.path} is left out")
        return str(target)


class ArtifactManifest:
    """All entries of an artifact, by path."""

    version = 1

    def __init__(self, entries: Iterable[ArtifactManifestEntry] = ()) -> None:
        self.entries = {entry.path: entry for entry in entries}

    def add_entry(self, entry: ArtifactManifestEntry, overwrite: bool = False) -> None:
        """Add an entry; another content under the same path is an error, unless overwrite."""
        known = self.entries.get(entry.path)
        if known is not None and known.digest != entry.digest and not overwrite:
            raise UsageError(
                f"Cannot add the same path twice: {entry.path!r}; give overwrite=True or a name"
            )
        self.entries[entry.path] = entry

    def get_entry_by_path(self, path: str) -> ArtifactManifestEntry | None:
        """Return the entry under a path, None when there is none."""
        return self.entries.get(path)

    def get_entries_in_directory(self, directory: str) -> list[ArtifactManifestEntry]:
        """Return the entries below a folder."""
        return [e for path, e in self.entries.items() if path.startswith(f"{directory}/")]

    def files(self) -> list[ArtifactFile]:
        """Return what is recorded of all entries."""
        return [entry.as_file() for entry in self.entries.values()]

    def digest(self) -> str:
        """Return the sha256 that artifacts with the same paths and contents share."""
        return digest_of_files(self.files())

    def size(self) -> int:
        """Return the bytes of all entries whose length is known."""
        return sum(entry.size or 0 for entry in self.entries.values())

    def __len__(self) -> int:
        return len(self.entries)


def kept_entry(
    home: Path, source: Path, name: str, *, is_linked: bool, is_dry: bool = False
) -> ArtifactManifestEntry:
    """Keep a file and return its entry; where the home cannot take it now, say so and go on.

    `is_dry`: for a run that writes nothing.
    """
    if not is_dry:
        try:
            digest, size = keep_file(home, source, is_linked=is_linked)
            return ArtifactManifestEntry(name, digest, size, None, str(source), home=home)
        except StoreError as error:
            termwarn(f"{error}. {source} is tried again when its artifact is logged")
    size = source.stat().st_size
    return ArtifactManifestEntry(
        name, digest_of(source), size, None, str(source), is_kept=False, home=home
    )


def referenced(
    uri: str, name: str | None, *, checksum: bool, max_objects: int | None
) -> Iterator[ArtifactManifestEntry]:
    """Yield the entries of an address; a file:// one is read, others are only recorded."""
    url = urlparse(uri)
    if not url.scheme:
        raise UsageError(
            f"{uri!r}: References must be URIs. To reference a local file, use file://"
        )
    path = Path(unquote(url.path))
    if url.scheme != "file" or not checksum:
        shown = redact_url(uri)
        last = PurePosixPath(url.path).name or url.netloc
        digest = hashlib.sha256(shown.encode()).hexdigest()
        yield ArtifactManifestEntry(logical_path(name or last), digest, None, shown)
        return
    if not path.exists():
        raise UsageError(f"{uri!r}: there is no such file or folder")
    if path.is_file():
        yield _read_reference(path, name or path.name)
        return
    limit = _REFERENCES_LIMIT if max_objects is None else max_objects
    for count, file in enumerate(sorted(p for p in path.rglob("*") if p.is_file())):
        if count >= limit:
            raise UsageError(f"{uri!r} holds more than {limit} files; give a larger max_objects")
        below = file.relative_to(path).as_posix()
        yield _read_reference(file, f"{name}/{below}" if name else below)


def _read_reference(path: Path, name: str) -> ArtifactManifestEntry:
    uri = path.absolute().as_uri()
    return ArtifactManifestEntry(logical_path(name), digest_of(path), path.stat().st_size, uri)


def _is_same(path: Path, size: int | None, digest: str) -> bool:
    return path.is_file() and path.stat().st_size == size and digest_of(path) == digest


def _fetch(uri: str, digest: str, target: Path) -> bool:
    """Copy what a file:// reference leads to, if it is there and as it was."""
    url = urlparse(uri)
    source = Path(unquote(url.path))
    is_read = digest != hashlib.sha256(uri.encode()).hexdigest()
    if url.scheme != "file" or not source.is_file() or (is_read and digest_of(source) != digest):
        return False
    shutil.copyfile(source, target)
    return True

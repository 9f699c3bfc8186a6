"""Manifests: what an artifact holds, as a content that is kept like any other.

Several runs may make one artifact together: the manifest of each is a part of it.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from homerun.core import UsageError
from homerun.store.files import private_folder
from homerun.store.objects import held_objects, keep_bytes, object_path, read_object, touch_object


class ArtifactFile(NamedTuple):
    """One file of an artifact."""

    path: str
    digest: str  # sha256
    size: int | None  # bytes
    reference: str = ""  # address of a file that is not kept

    @property
    def is_kept(self) -> bool:
        """Whether its content is an object of the home."""
        return not self.reference


def manifest_of(files: Iterable[ArtifactFile]) -> bytes:
    """Return the text that says what an artifact holds; its sha256 is the artifact's digest."""
    rows = [list(file) for file in sorted(files)]
    return json.dumps({"homerun_manifest": 1, "files": rows}, separators=(",", ":")).encode()


def digest_of_files(files: Iterable[ArtifactFile]) -> str:
    """Return the digest of an artifact that holds these files."""
    return hashlib.sha256(manifest_of(files)).hexdigest()


def keep_manifest(home: Path, files: Sequence[ArtifactFile]) -> str:
    """Keep the manifest of an artifact whose contents are all there; return its digest.

    Raises StoreError when the home cannot take it, UsageError when a content is gone.
    """
    with held_objects(home):
        for file in files:
            if file.is_kept and not touch_object(home, file.digest):
                raise UsageError(
                    f"the content of {file.path!r} was removed from {object_path(home, '')}; "
                    "make the artifact anew"
                )
        return keep_bytes(home, manifest_of(files)).digest


def read_manifest(home: Path, digest: str) -> list[ArtifactFile] | None:
    """Return the files of an artifact, None when its manifest is gone or damaged."""
    content = read_object(home, digest)
    return None if content is None else [ArtifactFile(*row) for row in json.loads(content)["files"]]


def add_part(home: Path, key: str, digest: str) -> None:
    """Note the manifest of what one run contributes to the artifact `key`."""
    folder = private_folder(home / "artifacts" / "parts" / key)
    (folder / digest).touch(mode=0o600)


def take_parts(home: Path, key: str) -> list[ArtifactFile]:
    """Return the files of all parts, of two with one path that of the later part."""
    files: dict[str, ArtifactFile] = {}
    folder = home / "artifacts" / "parts" / key
    if folder.is_dir():
        for part in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns):
            files.update({file.path: file for file in read_manifest(home, part.name) or []})
    return list(files.values())


def remove_parts(home: Path, key: str) -> None:
    """Forget the parts of an artifact that has become whole."""
    folder = home / "artifacts" / "parts" / key
    if folder.is_dir():
        for part in folder.iterdir():
            part.unlink(missing_ok=True)
        folder.rmdir()


def digests_in_parts(home: Path) -> set[str]:
    """Return the contents that parts need, and those of their manifests."""
    digests = {path.name for path in (home / "artifacts" / "parts").glob("*/*")}
    files = [file for digest in digests for file in read_manifest(home, digest) or []]
    return digests | {file.digest for file in files if file.is_kept}

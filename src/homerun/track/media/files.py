"""Files of logged media: where they lie and what is recorded of them."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homerun.core import UsageError
from homerun.store import private_folder

Record = dict[str, Any]

_PART = 2**20  # bytes read at once


@dataclass(frozen=True)
class Place:
    """Where the files of a logged value go: the run's folder, the key and the step it has."""

    folder: Path
    key: str
    step: int
    keeps_arrays: bool = False  # in full: large ones do not become histograms


class Media:
    """A value that becomes a file and leaves a record in the history."""

    def save(self, folder: Path, key: str, step: int) -> Record:
        """Write the file below the run's `folder` and return the record, in W&B's form."""
        raise NotImplementedError


def save_file(content: bytes | Path, place: Place, *, kind: str, suffix: str) -> Record:
    """Write media/KIND/KEY_STEP_SHA8.SUFFIX below the folder; return its path, sha256 and size."""
    digest = hashlib.sha256()
    size = 0
    for part in _parts(content):
        digest.update(part)
        size += len(part)
    sha256 = digest.hexdigest()
    name = f"{safe_name(place.key)}_{place.step}_{sha256[:8]}.{safe_name(suffix)}"
    path = Path("media", kind, name)
    _write(place.folder, path, content)
    return {"path": str(path), "sha256": sha256, "size": size}


def _parts(content: bytes | Path) -> Iterator[bytes]:
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while part := file.read(_PART):
            yield part


def _write(folder: Path, path: Path, content: bytes | Path) -> None:
    parent = (folder / path).parent
    if not parent.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"{parent} leads out of the run's folder {folder}; remove the link")
    private_folder(parent)
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    with os.fdopen(os.open(folder / path, flags, 0o600), "wb") as file:
        for part in _parts(content):
            file.write(part)


def safe_name(key: str) -> str:
    """Return the key with everything that could lead elsewhere replaced; never empty."""
    name = re.sub(r"[^A-Za-z0-9_.-]+|\.{2,}", "_", key).strip(".")
    return name[:64] or "_"


def existing_file(path: str | Path, what: str) -> Path:
    """Return the path if a file is there; raise UsageError otherwise."""
    path = Path(path)
    if not path.is_file():
        raise UsageError(f"{what}: {str(path)!r} is not a file; give an existing path or the data")
    return path


def suffix_of(path: Path, default: str) -> str:
    """Return the file's own suffix without the dot, lower case."""
    return path.suffix[1:].lower() or default

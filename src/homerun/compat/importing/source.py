"""What every reader of foreign runs gives: where a run comes from, and its records."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Record = list[Any]  # like those of a journal, see store/journal.py


@dataclass(frozen=True, kw_only=True)
class CopiedFile:
    """A file that belongs to a run: where it lies, and its path below runs/ID/files."""

    source: Path
    path: str
    kind: str = "saved"
    is_text: bool = False  # secrets in it are redacted


@dataclass(frozen=True, kw_only=True)
class SourceRun:
    """A run as its source has it."""

    key: str  # the same whenever this run is imported, wherever its file lies then
    id: str  # that it would like to have; empty: any
    project: str
    begin: dict[str, Any]  # name, config, labels, metadata, argv, cwd, started_at
    records: Callable[[], Iterator[Record]]  # those after BEGIN, the END included
    files: tuple[CopiedFile, ...] = ()
    output: Callable[[], bytes] | None = None  # what the program wrote


@dataclass(frozen=True, kw_only=True)
class Source:
    """Something that holds one run, found but not read yet."""

    kind: str  # wandb csv tensorboard fastgpu
    where: str  # for people
    digest: str  # changes with what the source holds
    read: Callable[[], SourceRun]
    dropped: Callable[[], int] = field(default=lambda: 0)  # damaged records, once all were read


def key_of(kind: str, *parts: object) -> str:
    """Return the key of a run: the same for the same parts."""
    return _hash([kind, *map(str, parts)])


def digest_of(paths: Iterable[Path]) -> str:
    """Return a fingerprint of the contents of files."""
    found = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()[:16]


def digest_of_texts(texts: Iterable[str]) -> str:
    """Return a fingerprint of texts, in their order."""
    return _hash(texts)


def _hash(texts: Iterable[str]) -> str:
    found = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(f"{len(data)}:".encode() + data)
    return found.hexdigest()[:16]

"""Content that is kept once: read-only files named after the sha256 of what they hold.

An object appears under its name in one step and complete, so whoever finds it can use it. What
killed processes left half done lies in artifacts/tmp; it goes with what nobody refers to.
"""

import contextlib
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from homerun.core import StoreError, UsageError
from homerun.store.files import private_folder, sync
from homerun.store.home import make_home

NEW_S = 24 * 3600.0  # an object that nobody refers to may belong to an artifact not logged yet

_FICLONE = 0x40049409  # linux/fs.h: share the blocks of another file, where the disk can
_PART = 1 << 20  # bytes read at once


class Kept(NamedTuple):
    """A content that is kept: its sha256 and its length in bytes."""

    digest: str
    size: int


def object_path(home: Path, digest: str) -> Path:
    """Return where the content with this sha256 lies."""
    return home / "artifacts" / "objects" / digest[:2] / digest[2:]


def keep_file(home: Path, source: Path, *, is_linked: bool = False) -> Kept:
    """Keep the content of a file: a copy, sharing its blocks where the disk can.

    `is_linked`: a hard link where that is possible, for a file that will not be changed. Raises
    StoreError when the home cannot take it, UsageError when the file cannot be read.
    """
    try:
        with source.open("rb") as file:
            # Read twice, because that costs a fraction of writing what is there already.
            kept = _digest(file)
            if _is_there(home, kept) or (is_linked and _is_linked(home, source, file, kept)):
                return kept
            file.seek(0)
            return _keep(home, file)
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror}; check its mode") from error


def keep_bytes(home: Path, content: bytes) -> Kept:
    """Keep some bytes; raises StoreError when the home cannot take them."""
    kept = Kept(hashlib.sha256(content).hexdigest(), len(content))
    if _is_there(home, kept):
        return kept
    with _written(home) as (target, temporary):
        target.write(content)
        _place(home, kept, target, temporary)
    return kept


def read_object(home: Path, digest: str) -> bytes | None:
    """Return a content, None when it is gone or damaged."""
    try:
        content = object_path(home, digest).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None


def copy_object(home: Path, digest: str, target: Path) -> None:
    """Write a content to a file in one step; raises StoreError when it is gone or damaged."""
    source = object_path(home, digest)
    try:
        file = source.open("rb")
    except OSError as error:
        raise StoreError(f"{source} cannot be read: {error.strerror}; homerun doctor") from error
    part = target.with_name(f".{target.name[:200]}.{os.getpid()}.part")
    try:
        with file, part.open("wb") as copy:
            if _copy(file, copy).digest != digest:
                raise StoreError(
                    f"{source} was damaged: it does not hold what its name says; "
                    "log the artifact again from the files it was made of"
                )
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def held_objects(home: Path, *, alone: bool = False) -> Iterator[None]:
    """Keep objects from being freed meanwhile; `alone`: while nobody makes use of them."""
    with _explained(home):
        fd = os.open(
            private_folder(home / "artifacts") / "lock",
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o600,
        )
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
    finally:
        os.close(fd)


def touch_object(home: Path, digest: str) -> bool:
    """Make an object new again, so that it stays; False when it is not there."""
    try:
        os.utime(object_path(home, digest))
    except FileNotFoundError:
        return False
    except PermissionError:  # a hard link to somebody else's file
        return True
    return True


def old_objects(home: Path, *, new_s: float = NEW_S) -> Iterator[tuple[Path, str, int]]:
    """Yield path, sha256 and bytes of objects and remains that were not touched for a while."""
    before = time.time() - new_s
    root = home / "artifacts"
    for folder in (*sorted((root / "objects").glob("??")), root / "tmp"):
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if status.st_mtime < before or status.st_mtime > time.time() + NEW_S:
                    is_object = folder.name != "tmp"
                    digest = folder.name + entry.name if is_object else ""
                    size = status.st_size if status.st_nlink == 1 else 0
                    yield Path(entry.path), digest, size


def _keep(home: Path, source: BinaryIO) -> Kept:
    with _written(home) as (target, temporary):
        try:
            fcntl.ioctl(target.fileno(), _FICLONE, source.fileno())
        except OSError:
            kept = _copy(source, target)
        else:
            kept = _digest(target)
        if not _is_there(home, kept):
            _place(home, kept, target, temporary)
    return kept


def _is_linked(home: Path, source: Path, file: BinaryIO, kept: Kept) -> bool:
    """Keep a file by a hard link; False where that is not possible."""
    target = object_path(home, kept.digest)
    try:
        private_folder(target.parent)
        os.fsync(file.fileno())
        os.link(os.path.realpath(source), target)
        sync(target.parent)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def _written(home: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Give a file to write to, which is gone afterwards unless it was placed."""
    temporary: Path | None = None
    with _explained(home):
        make_home(home)
        fd, name = tempfile.mkstemp(dir=private_folder(home / "artifacts" / "tmp"))
        temporary = Path(name)
        try:
            with os.fdopen(fd, "w+b") as target:
                yield target, temporary
        finally:
            temporary.unlink(missing_ok=True)


def _place(home: Path, kept: Kept, target: BinaryIO, temporary: Path) -> None:
    """Give a written file its name: its content is on the disk before."""
    target.flush()
    os.fchmod(target.fileno(), 0o400)
    os.fsync(target.fileno())
    path = object_path(home, kept.digest)
    private_folder(path.parent)
    temporary.replace(path)
    sync(path.parent)


def _is_there(home: Path, kept: Kept) -> bool:
    """Tell whether a content is kept; a power cut may have left another length."""
    try:
        is_whole = object_path(home, kept.digest).stat().st_size == kept.size
    except OSError:
        return False
    return is_whole and touch_object(home, kept.digest)


def _copy(source: BinaryIO, target: BinaryIO) -> Kept:
    digest, size = hashlib.sha256(), 0
    while part := source.read(_PART):
        digest.update(part)
        target.write(part)
        size += len(part)
    return Kept(digest.hexdigest(), size)


def _digest(file: BinaryIO) -> Kept:
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while part := file.read(_PART):
        digest.update(part)
        size += len(part)
    return Kept(digest.hexdigest(), size)


@contextlib.contextmanager
def _explained(home: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{home / 'artifacts'}: {error.strerror}; free some space (homerun gc) or check the "
            "owner and mode of the home"
        ) from error

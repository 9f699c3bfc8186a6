"""Files and folders of the home: their owner's alone, and whole where readers rely on it."""

import contextlib
import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def private_folder(path: Path) -> Path:
    """Make a folder, and those above it that are missing, that only its owner can enter."""
    if not path.is_dir():
        private_folder(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner can read."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(data)


def write_json(path: Path, data: Mapping[str, Any], *, durable: bool = True) -> None:
    """Replace a file in one step: readers see the old text or the new.

    `durable`: also after a power cut.
    """
    temporary = f"{path}.{os.getpid()}.tmp"
    text = json.dumps(data).encode()
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "wb") as file:  # which writes all of it or fails
            file.write(text)
            file.flush()
            if durable:
                os.fsync(fd)
        os.rename(temporary, path)  # noqa: PTH104  on the way of every run
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


def read_json(path: Path) -> dict[str, Any] | None:
    """Return the object in a file that `write_json` wrote; None: there is none that can be read."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) else None


def sync(path: Path) -> None:
    """Have a file's content, or a folder's names, on the disk before going on."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:  # some file systems do not sync folders
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(fd)

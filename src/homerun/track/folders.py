"""Folders inside the home, which belong to their owner alone."""

import contextlib
from pathlib import Path


def make_private(folder: Path) -> Path:
    """Create a folder and those above it that are missing, all with mode 0700."""
    if not folder.is_dir():
        make_private(folder.parent)
        with contextlib.suppress(FileExistsError):  # another process was faster
            folder.mkdir(mode=0o700)
    return folder

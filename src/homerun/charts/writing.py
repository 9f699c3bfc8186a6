"""Writes pictures to files, whole or not at all."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from homerun.core import UsageError


def save(path: str | os.PathLike[str], makers: Mapping[str, Callable[[], bytes]]) -> Path:
    """Write what one of `makers`, by how the name ends, makes; return the path."""
    target = Path(path)
    make = makers.get(target.suffix.lower())
    if make is None:
        ending = target.suffix or "no ending"
        known = f"one of {', '.join(makers)}" if len(makers) > 1 else "".join(makers)
        raise UsageError(f"{target.name} has {ending}; use {known}")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}: make it, or use another one")
    data = make()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
    return target

"""Finding out what a path is, and the runs that lie there."""

from collections.abc import Sequence
from pathlib import Path

from homerun.compat.importing import fastgpu, tables, tensorboard, wandb_runs
from homerun.compat.importing.source import Source
from homerun.compat.importing.tables import Columns
from homerun.core import NotFoundError, UsageError

KINDS = {
    "wandb": wandb_runs.is_wandb,
    "csv": tables.is_table,
    "fastgpu": fastgpu.is_fastgpu,
    "tensorboard": tensorboard.is_tensorboard,  # last: it looks at everything below a folder
}
_LOOKED_FOR = {
    "wandb": "a run-*.wandb file, or a folder of offline runs",
    "csv": "a file NAME.csv or NAME.csv.gz",
    "fastgpu": "a folder with out/ and complete/",
    "tensorboard": "an events.out.tfevents.* file, or a folder with some below it",
}


def find_sources(paths: Sequence[Path], *, kind: str = "", columns: Columns) -> list[Source]:
    """Return the runs that lie at paths; `kind` says what they are where they do not show it."""
    sources: list[Source] = []
    for path in paths:
        if not path.exists():
            raise NotFoundError(f"there is no {path}; give a file or folder with runs in it")
        try:
            sources += _found(path, kind, columns)
        except OSError as error:
            name = error.filename or path
            raise UsageError(f"{name} cannot be read: {error.strerror}; check its mode") from error
    return sources


def _found(path: Path, kind: str, columns: Columns) -> list[Source]:
    kind = kind or next((name for name, is_it in KINDS.items() if is_it(path)), "")
    if not kind:
        known = "; ".join(_LOOKED_FOR.values())
        raise UsageError(f"{path} holds nothing that can be imported; known are: {known}")
    if kind == "csv" and path.is_file():
        return tables.find(path, columns)
    if not KINDS[kind](path):
        raise UsageError(f"{path} is no source of kind {kind}: it must be {_LOOKED_FOR[kind]}")
    finders = {
        "wandb": wandb_runs.find,
        "fastgpu": fastgpu.find,
        "tensorboard": tensorboard.find,
    }
    return finders[kind](path)

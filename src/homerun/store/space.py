"""What takes up space in a home, and giving it back.

Only files go: configuration, summary, metrics and points stay in the database. Symbolic links are
never followed. The record of a file goes before the file does, so whatever ends us in between
leaves at most a file that nobody asks for, which the next look finds again.
"""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from homerun.core import ALIVE, ENDED, NotFoundError, Run, RunState, StoreError, UsageError
from homerun.store import journal as jr
from homerun.store.editing import remove_file
from homerun.store.fold import close_journals
from homerun.store.home import run_folder
from homerun.store.overview import run_lines
from homerun.store.store import Store

KEEP = "keep"  # the tag that protects the files of a run

_CHECKPOINT = (".pt", ".pth", ".ckpt", ".safetensors", ".h5", ".bin", ".onnx")
_NEEDED = (  # to repeat a run; the last is where W&B has the parameters
    *("files/requirements.txt", "files/diff.patch", "files/code/"),
    "wandb/sweep-",
)
_LOGS = ("output.log", "supervisor.log")
_NEW_S = 3600.0  # a folder without a run is no older before its run is registered


class Kind(StrEnum):
    """What a file of a run is."""

    CHECKPOINTS = "checkpoints"
    MEDIA = "media"
    FILES = "files"  # what the program saved besides
    LOGS = "logs"
    JOURNALS = "journals"
    RECORDS = "records"  # how the run was started and ended, its code: never freed


SAVED = frozenset({Kind.CHECKPOINTS, Kind.MEDIA, Kind.FILES})


@dataclass(frozen=True)
class Amount:
    """So many files, and the bytes that come free with them."""

    files: int = 0
    size: int = 0  # bytes
    linked: int = 0  # bytes that also lie elsewhere (hard links), so they do not come free

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.files + other.files, self.size + other.size, self.linked + other.linked)


NOTHING = Amount()


@dataclass(frozen=True, kw_only=True)
class RunSpace:
    """What the folder of a run holds."""

    run: Run
    kinds: dict[Kind, Amount] = field(default_factory=dict)

    def amount(self, kinds: Collection[Kind] = frozenset(Kind)) -> Amount:
        """Return the sum of some kinds."""
        return sum((self.kinds.get(kind, NOTHING) for kind in kinds), NOTHING)


@dataclass(frozen=True)
class DatabaseSpace:
    """What the database takes, in bytes."""

    size: int
    empty: int  # inside of it: what `vacuum` gives back
    free_on_disk: int

    @property
    def needed(self) -> int:
        """What `vacuum` needs on the disk for a while: the copy, and the log of its writing."""
        return 2 * (self.size - self.empty)


def measure(store: Store, runs: Iterable[Run]) -> Iterator[RunSpace]:
    """Yield what each run takes."""
    for run in runs:
        kinds: dict[Kind, Amount] = {}
        for kind, amount, _ in _walk(store, run.id):
            kinds[kind] = kinds.get(kind, NOTHING) + amount
        yield RunSpace(run=run, kinds=kinds)


def free(store: Store, run_id: str, kinds: Collection[Kind]) -> Amount:
    """Remove files of a run that has ended; return what that was, nothing if it may not be."""
    try:
        run = store.run(run_id)
    except NotFoundError:  # removed meanwhile
        return NOTHING
    if not is_free_to_go(store, run):
        return NOTHING
    found = [(path, amount) for kind, amount, path in _walk(store, run_id) if kind in kinds]
    folder = store.folder(run_id).path
    journals = {path: amount for path, amount in found if _is_journal(path)}
    if journals:
        close_journals(store, run_id)  # each into the database, then off the disk
    saved = [path.removeprefix("files/") for path, _ in found if path.startswith("files/")]
    if saved:
        with store.write():
            for path in saved:
                remove_file(store, run_id, path)
    gone = [amount for path, amount in journals.items() if not (folder / path).exists()]
    others = {path: amount for path, amount in found if path not in journals}
    return sum(gone, NOTHING) + _unlink(folder, others)


def is_free_to_go(store: Store, run: Run) -> bool:
    """Tell whether files of a run may be removed: it has ended and nobody wants to keep them."""
    return run.is_ended and KEEP not in run.tags and not store.folder(run.id).is_held()


def best_runs(
    store: Store, sweep_id: str, metric: str, count: int, *, is_maximized: bool
) -> set[str]:
    """Return the ids of the best runs of a sweep: so many that count, and what is not worse.

    A run that failed, or was stopped, with a better value is no best run, but may be wanted.
    """
    lines = run_lines(
        store, sweep=sweep_id, states=ENDED, best_by=metric, is_maximized=is_maximized
    )
    kept: set[str] = set()
    for line in lines if count else ():
        if not _has(line.summary, metric):
            break
        kept.add(line.id)
        count -= line.state == RunState.FINISHED and not line.censored
        if not count:
            break
    return kept


def _has(summary: Any, key: str) -> bool:
    """Tell whether a summary has a value under a dotted name, or nested."""
    if isinstance(summary, dict) and key not in summary and "." in key:
        first, _, rest = key.partition(".")
        return _has(summary.get(first), rest)
    return isinstance(summary, dict) and isinstance(summary.get(key), int | float)


# Folders that no run answers to


def leftovers(store: Store) -> dict[str, Amount]:
    """Return the folders of runs that were removed, and what they hold.

    A folder with a journal is none: its points may be nowhere else, and doctor can restore it.
    """
    known = {row[0] for row in store.rows("SELECT id FROM run")}
    found = {}
    for name in set(_folders(store.home / "runs")) - known:
        if _is_left_over(store, name):
            amounts = (amount for _, amount, _ in _walk(store, name))
            found[name] = sum(amounts, NOTHING)
    return found


def free_leftover(store: Store, name: str) -> Amount:
    """Remove the folder of a run that was removed."""
    is_known = store.row("SELECT 1 FROM run WHERE id = ?", (name,)) is not None
    if is_known or not _is_left_over(store, name):
        return NOTHING
    folder = store.home / "runs" / name
    amount = sum((amount for _, amount, _ in _walk(store, name)), NOTHING)
    # First what doctor would take for a run, in case we are interrupted.
    (folder / "result.json").unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    return NOTHING if folder.exists() else amount


def _is_left_over(store: Store, name: str) -> bool:
    try:
        folder = store.folder(name)
    except UsageError:  # no id of a run: somebody else's folder
        return False
    if (store.home / "inbox" / name).exists() or folder.is_held():
        return False
    is_new = time.time() - folder.path.stat().st_mtime < _NEW_S
    if is_new and not (folder.path / "result.json").exists():
        return False  # it may have been made for a run that is about to be registered
    return not jr.journal_paths(folder.path)


# The database


def database_space(store: Store) -> DatabaseSpace:
    """Return what the database takes."""
    files = [store.path.with_name(f"{store.path.name}{end}") for end in ("", "-wal", "-shm")]
    row = store.row(
        "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
    )
    return DatabaseSpace(
        size=sum(path.stat().st_size for path in files if path.exists()),
        empty=row[0] if row else 0,
        free_on_disk=shutil.disk_usage(store.home).free,
    )


def vacuum(store: Store) -> int:
    """Write the database anew without what is empty in it; return the bytes that came free.

    Raises UsageError while runs run, whose agents would wait for it, or with too little space.
    """
    before = database_space(store)
    alive = [run for run in store.runs(states=ALIVE) if not run.is_waiting]
    if alive:
        raise UsageError(
            f"run {alive[0].number} is {alive[0].state}, and its agent would have to wait; "
            "shrink the database when nothing runs"
        )
    if before.free_on_disk < before.needed:
        raise StoreError(
            f"to shrink the database {before.needed} bytes must be free for a while, there are "
            f"{before.free_on_disk}; free the files of runs first, see: homerun gc"
        )
    # Python sees Ctrl-C only between steps, so SQLite has to come back to it.
    store.db.set_progress_handler(lambda: 0, 100_000)
    os.environ["SQLITE_TMPDIR"] = str(store.home)  # where we know that there is space
    try:
        with store.explained():
            store.db.execute("VACUUM")
            store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except StoreError as error:
        cause = error.__cause__
        if getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT:
            raise KeyboardInterrupt from error
        raise
    finally:
        del os.environ["SQLITE_TMPDIR"]
        store.db.set_progress_handler(None, 0)
    return max(0, before.size - database_space(store).size)


# Files on disk


def _walk(store: Store, run_id: str) -> Iterator[tuple[Kind, Amount, str]]:
    """Yield kind, amount and path (below the folder) of each file of a run."""
    waiting = [""]
    root = run_folder(store.home, run_id).path
    if root.is_symlink():
        return
    while waiting:
        below = waiting.pop()
        with contextlib.suppress(OSError), os.scandir(root / below) as entries:
            for entry in entries:
                path = f"{below}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{path}/")
                    continue
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    is_linked = status.st_nlink > 1
                    size = 0 if is_linked else status.st_size
                    yield _kind(path), Amount(1, size, status.st_size - size), path


def _kind(path: str) -> Kind:
    if _is_journal(path):
        return Kind.JOURNALS
    if path in _LOGS:
        return Kind.LOGS
    if "/" not in path or path.startswith(_NEEDED):
        return Kind.RECORDS
    if path.startswith("files/media/"):
        return Kind.MEDIA
    *folders, name = path.lower().split("/")
    is_checkpoint = name.endswith(_CHECKPOINT) or any(f.startswith("checkpoint") for f in folders)
    return Kind.CHECKPOINTS if is_checkpoint else Kind.FILES


def _is_journal(path: str) -> bool:
    return path == "journal" or path.startswith("journal-")


def _unlink(root: Path, amounts: dict[str, Amount]) -> Amount:
    """Remove files below a folder, and the folders that get empty; return what was removed.

    Each is removed relative to its folder's descriptor, so no link leads us elsewhere.
    """
    gone = NOTHING
    for folder, _, names, fd in os.fwalk(root, topdown=False, follow_symlinks=False):
        below = os.path.relpath(folder, root)
        for name in names:
            amount = amounts.get(name if below == "." else f"{below}/{name}")
            if amount is not None:
                with contextlib.suppress(OSError):  # gone, or protected: then it is not counted
                    os.unlink(name, dir_fd=fd)
                    gone += amount
        if below not in {".", "files"}:
            with contextlib.suppress(OSError):  # it holds something else
                os.rmdir(folder)  # noqa: PTH106
    return gone


def _folders(path: Path) -> list[str]:
    with contextlib.suppress(OSError), os.scandir(path) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    return []

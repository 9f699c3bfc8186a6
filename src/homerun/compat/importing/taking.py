"""Taking a foreign run into the home: once, whole, and again only when its source has changed."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from homerun.compat.importing.source import CopiedFile, Record, Source, SourceRun
from homerun.core import UsageError, check_id, id_of, redact_bytes, redact_config
from homerun.store import (
    Imported,
    RunFolder,
    Store,
    imported_runs,
    look_up,
    private_folder,
    take_in,
    write_private,
)
from homerun.store import journal as jr


class Outcome(StrEnum):
    """What an import did with a run."""

    ADDED = "added"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    BUSY = "busy"  # another import has it in hand


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A run of a source, and what became of it here."""

    kind: str
    where: str
    outcome: Outcome
    run: str  # id; empty for one that would be added
    rows: int = 0  # of its history
    dropped: int = 0  # records of the source that were damaged


class Importer:
    """Takes runs into a home and knows those that it has already."""

    def __init__(self, store: Store, *, project: str = "", is_dry: bool = False) -> None:
        self._store = store
        self._project = project  # instead of that of the source
        self._is_dry = is_dry
        self._known = imported_runs(store)
        self._digests = {digest: run for run, digest in self._known.values() if digest}

    def take(self, source: Source) -> Taken:
        """Import a run, bring it up to date, or find that nothing is to be done."""
        unchanged = self._digests.get(source.digest)
        if unchanged is not None:  # without reading it
            return _taken(source, Outcome.UNCHANGED, unchanged)
        run = source.read()
        known = self._known.get(run.key)
        outcome = Outcome.UPDATED if known else Outcome.ADDED
        if self._is_dry:
            return _taken(source, outcome, known.run if known else "")
        run_id = known.run if known else self._free_id(run)
        folder = self._store.folder(run_id).make()
        lock = folder.hold()
        if lock is None:
            return _taken(source, Outcome.BUSY, run_id)
        try:
            records = _Records(source, run, project=self._project, is_new=known is None)
            records.copy_files(folder)
            take_in(self._store, run_id, records)
        finally:
            os.close(lock)
        self._known[run.key] = Imported(run_id, source.digest)
        self._digests[source.digest] = run_id
        return _taken(source, outcome, run_id, rows=records.rows)

    def _free_id(self, run: SourceRun) -> str:
        """Return the id that the run would like to have, or that with a number behind it."""
        wanted = run.id or id_of(int(run.key, 16))
        try:
            check_id(wanted)
        except UsageError:
            wanted = id_of(int(run.key, 16))
        free, index = wanted, 1
        # A folder with a journal is that of a run the database has not heard of yet.
        while look_up(self._store, free) or jr.journal_paths(self._store.folder(free).path):
            index += 1
            free = f"{wanted}-{index}"
        return free


class _Records:
    """The records of a run between a BEGIN and the mark that all of it is there."""

    def __init__(self, source: Source, run: SourceRun, *, project: str, is_new: bool) -> None:
        self._source, self._run = source, run
        self._project = project or run.project
        self._is_new = is_new  # otherwise its labels are in the hands of the user
        self._files: list[Record] = []
        self.rows = 0

    def copy_files(self, folder: RunFolder) -> None:
        """Bring files and output into the run's folder, secrets redacted."""
        if self._run.output is not None:
            write_private(folder.output, redact_bytes(self._run.output()))
        for file in self._run.files:
            target = folder.files / file.path
            private_folder(target.parent)
            _copy(file, target)
            state = target.stat()
            fact = {"path": file.path, "kind": file.kind}
            self._files.append([jr.FILE, {**fact, "size": state.st_size, "time": state.st_mtime}])

    def __iter__(self) -> Iterator[Record]:
        mark = {
            "key": self._run.key,
            "from": self._source.kind,
            "source": self._source.where,
            "digest": "",
        }
        begin = self._run.begin
        metadata = {**redact_config(begin.get("metadata", {})), "imported": mark}
        begin = {**begin, "project": self._project, "metadata": metadata}
        begin["config"] = redact_config(begin.get("config", {}))
        if not self._is_new:
            begin.pop("labels", None)
        yield [jr.BEGIN, begin]
        yield from self._files
        for record in self._run.records():
            if record[0] == jr.ROW:
                self.rows += 1
            elif record[0] == jr.CONFIG:
                record[1] = redact_config(record[1])
            elif record[0] == jr.END:  # after it nothing can go wrong any more
                done = {**mark, "digest": self._source.digest, "dropped": self._source.dropped()}
                yield [jr.METADATA, {"imported": done}]
            if self._is_new or record[0] != jr.LABELS:
                yield record


def _taken(source: Source, outcome: Outcome, run: str, *, rows: int = 0) -> Taken:
    return Taken(
        kind=source.kind,
        where=source.where,
        outcome=outcome,
        run=run,
        rows=rows,
        dropped=source.dropped(),
    )


def _copy(file: CopiedFile, target: Path) -> None:
    """Copy a file, never as a link, so that the source may go."""
    if file.is_text:
        write_private(target, redact_bytes(file.source.read_bytes()))
        return
    target.unlink(missing_ok=True)
    shutil.copyfile(file.source, target)
    shutil.copystat(file.source, target)
    target.chmod(0o600)


def by_outcome(taken: Sequence[Taken]) -> Mapping[Outcome, int]:
    """Return how many runs had each outcome, those of nothing left out."""
    counts = {outcome: sum(t.outcome == outcome for t in taken) for outcome in Outcome}
    return {outcome: count for outcome, count in counts.items() if count}

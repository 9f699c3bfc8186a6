"""The hand that writes: this process's own journal of a run, which never stops a training."""

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homerun.store import journal
from homerun.track.terminal import termwarn


class Recorder:
    """Appends records to this process's journal; what cannot be written is counted.

    `lock` guards the journal and the encoder; `pack` and `append` are for `log`, which holds it.
    """

    def __init__(self, folder: Path | None) -> None:
        self.lock = threading.RLock()  # a signal handler may log while its thread is logging
        self.pack = journal.packer().pack
        self.dropped = 0  # records that could not be written
        self._folder = folder  # None: a disabled run, which writes nothing
        self._note: Path | None = None
        self._writer: journal.JournalWriter | None = None
        self.append: Callable[[bytes], None] = _discard
        if folder is not None:
            self.append = self._open

    def write(self, *record: Any) -> bool:
        """Append a record of plain data; False when it could not be written."""
        with self.lock:
            try:
                self.append(self.pack(record))
            except OSError as error:
                self.lose(error)
                return False
        return True

    def write_file(self, name: str, kind: str) -> None:
        """Record a file below the run's files/, if it is there."""
        if self._folder is None:
            return
        try:
            size = (self._folder / "files" / name).stat().st_size
        except OSError:
            return
        facts = {"path": name, "kind": kind, "size": size, "time": time.time()}
        self.write(journal.FILE, facts)

    def lose(self, error: OSError) -> None:
        """Count a record that could not be written, and say so the first time."""
        self.dropped += 1
        if self.dropped == 1:
            termwarn(
                f"{self._folder} cannot be written: {error.strerror}; what is logged until that "
                "is mended is lost and counted, training goes on"
            )

    def close(self) -> bool:
        """Release the journal; False when somebody has deleted it meanwhile."""
        with self.lock:
            self.append = _discard
            if self._writer is None:
                return True
            is_there = os.fstat(self._writer.fd).st_nlink > 0
            self._writer.close()
            self._writer = None
        return is_there

    def announce(self, note: Path | None) -> None:
        """Leave this note with the first record: readers then find a journal that comes late.

        For processes that do not decide when the run ends.
        """
        self._note = note

    def after_fork(self) -> None:
        """In a forked child: leave the parent's journal alone; the next record opens our own."""
        self.lock = threading.RLock()
        self.pack = journal.packer().pack
        self.dropped = 0
        if self._writer is not None:
            self._writer.close()
            self._writer = None
            self.append = self._open

    def _open(self, payload: bytes) -> None:
        """Open a journal, then append to it; this is `append` until that succeeds."""
        assert self._folder is not None
        self._writer = journal.open_writer(self._folder)
        self.append = self._writer.append
        if self._note is not None:
            with contextlib.suppress(OSError):
                self._note.parent.mkdir(mode=0o700, exist_ok=True)
                self._note.touch(mode=0o600)
        self.append(payload)


def _discard(payload: bytes) -> None:
    """Write nothing."""

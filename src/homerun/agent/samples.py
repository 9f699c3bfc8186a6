"""What a run's processes use, every few seconds, into a journal of the supervisor's own."""

import contextlib
import time
from typing import TYPE_CHECKING

from homerun.store import RunFolder, journal

if TYPE_CHECKING:
    from homerun.devices import Sampler

EVERY_S = 5.0


class Samples:
    """Samples of one run; what they need is loaded at the first, so short runs pay nothing."""

    def __init__(self, folder: RunFolder, *, pid: int, started: float) -> None:
        self._folder = folder
        self._pid = pid
        self._started = started
        self._sampler: Sampler | None = None
        self._journal: journal.JournalWriter | None = None
        self.due_at = time.monotonic() + EVERY_S

    def take(self, now: float) -> None:
        """Take a sample when it is time; a full disk costs samples, never the run."""
        if now < self.due_at:
            return
        from homerun.devices import Sampler  # noqa: PLC0415  loads psutil

        self.due_at = now + EVERY_S
        if self._sampler is None:
            self._sampler = Sampler(self._pid)
        number = round((now - self._started) / EVERY_S)
        record = [journal.SYSTEM, number, time.time(), self._sampler.sample()]
        with contextlib.suppress(OSError):
            if self._journal is None:
                self._journal = journal.open_writer(self._folder.path)
            self._journal.append(journal.packer().pack(record))

    def close(self) -> None:
        """Release the journal, so that the database can take it over."""
        if self._journal is not None:
            self._journal.close()

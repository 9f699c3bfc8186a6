"""The run's entry in the database: best effort, because training does not wait for a database."""

from pathlib import Path
from typing import Any

from homerun.core import HomerunError, StoreError
from homerun.store import Database, Entry, identity, look_up, register
from homerun.track.ending import Ending
from homerun.track.terminal import termwarn

START_TIMEOUT_S = 5.0  # how long a start waits for a locked database
_END_TIMEOUT_S = 5.0
_FOLD_LIMIT_BYTES = 256 << 10  # a longer journal is left to whoever reads it first


class Registry:
    """What the database knows of a run; `trouble` says why nothing can be known."""

    def __init__(self, home: Path, run_id: str) -> None:
        self.entry: Entry | None = None
        self.trouble = ""
        self._home = home
        self._run_id = run_id
        self._database: Database | None = None
        try:
            self._database = Database(home, timeout_s=START_TIMEOUT_S)
        except StoreError as error:
            self.trouble = str(error)
        self.refresh()

    def refresh(self) -> None:
        """Look again what the database knows."""
        if self._database is None or self.trouble:
            return
        try:
            self.entry = look_up(self._database, self._run_id)
        except StoreError as error:
            self.trouble = str(error)

    def register(self, **facts: Any) -> None:
        """Make the run known as running, or have the next reader of the home do it."""
        if self._database is not None and not self.trouble:
            try:
                register(self._database, self._run_id, agent=str(identity()), **facts)
            except StoreError as error:
                self.trouble = str(error)
        if self.trouble:
            self._leave_note()
        self.refresh()

    def close(self) -> None:
        """Close the connection: it must not be carried over a fork."""
        if self._database is not None:
            self._database.close()

    def _leave_note(self) -> None:
        """Leave a note in the inbox; the journal holds all that the database will need."""
        inbox = self._home / "inbox"
        try:
            inbox.mkdir(mode=0o700, exist_ok=True)
            (inbox / self._run_id).touch(mode=0o600)
            then = "the next homerun command takes it over"
        except OSError:
            then = "it will not be found there by itself"
        termwarn(
            f"{self.trouble}. Training goes on and run {self._run_id} is kept in "
            f"{self._home / 'runs' / self._run_id}; {then}"
        )


def known_so_far(home: Path, run_id: str) -> Any:
    """Return definitions and statistics of all metrics of a run, folding its journals first."""
    from homerun.store import fold, known_metrics  # noqa: PLC0415 - few runs need it

    try:
        with Database(home, timeout_s=START_TIMEOUT_S) as store:
            fold(store, run_id)
            return known_metrics(store, run_id)
    except StoreError:
        return {}, {}


def settle_end(home: Path, run_id: str) -> None:
    """Take a small run over into the database at its end; any reader does the same later."""
    from homerun.store import close_journals, fold  # noqa: PLC0415 - not needed at the start

    try:
        with Database(home, timeout_s=_END_TIMEOUT_S) as store:
            if fold(store, run_id, limit_bytes=_FOLD_LIMIT_BYTES):
                close_journals(store, run_id)
    except HomerunError:
        pass  # locked, full or gone: the journal stays and the next reader folds it


def record_end(home: Path, run_id: str, how: Ending, *, ended_at: float) -> None:
    """Tell the database directly how a run ended whose journal could not be written."""
    from homerun.core import End  # noqa: PLC0415
    from homerun.store import Store  # noqa: PLC0415

    state, exit_code, reason, detail = how
    end = End(state=state, reason=reason, exit_code=exit_code, detail=detail, ended_at=ended_at)
    try:
        with Store(home, timeout_s=_END_TIMEOUT_S) as store:
            store.end({run_id: end})
    except HomerunError:
        pass  # then the next reader finds a run that has vanished

"""The connection to homerun.db: opened with care, every write one short transaction."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from homerun.core import StoreError
from homerun.store.home import check_local, find_home, make_home
from homerun.store.schema import MIGRATIONS, migrate, version_of

BUSY_TIMEOUT_S = 30.0
_NO_LOG = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}  # to read or to make


class Database:
    """One connection to the home's database. Never carry it over a fork."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        timeout_s: float = BUSY_TIMEOUT_S,
        may_be_read_only: bool = False,
    ) -> None:
        self.home = home if home is not None else find_home()
        self.path = self.home / "homerun.db"
        self.is_read_only = is_read_only(self.home)
        if not self.is_read_only:
            self._open(timeout_s)
        elif may_be_read_only:
            self._open_read_only(timeout_s)
        else:
            self._refuse()

    def _open(self, timeout_s: float) -> None:
        make_home(self.home)
        check_local(self.home)
        with self.explained():
            # Created here for the mode; SQLite gives its -wal and -shm files the same. Never
            # opened again by hand: closing such a descriptor would drop SQLite's locks.
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
            self.db = sqlite3.connect(
                self.path, timeout=timeout_s, isolation_level=None, check_same_thread=False
            )
        try:
            with self.explained():
                version_of(self.db, str(self.path))  # before anything in it is changed
                _enter_wal(self.db, timeout_s)
                self.db.execute("PRAGMA foreign_keys = ON")
                self.db.execute("PRAGMA synchronous = NORMAL")
                migrate(self.db, str(self.path))
        except BaseException:
            self.db.close()
            raise

    def _open_read_only(self, timeout_s: float) -> None:
        with self.explained():
            self.db = connect_read_only(self.home, timeout_s=timeout_s)
        try:
            with self.explained():
                version = version_of(self.db, str(self.path))
        except BaseException:
            self.db.close()
            raise
        if version < len(MIGRATIONS):
            self.db.close()
            raise StoreError(
                f"{self.path} is of an older homerun and cannot be brought up to date: the home "
                "is read-only; copy it, and set HOMERUN_HOME to the copy"
            )

    def _refuse(self) -> NoReturn:
        raise StoreError(
            f"the home {self.home} is read-only: you can look at it, but not change it; "
            "set HOMERUN_HOME to another"
        )

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def __enter__(self) -> "Database":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextlib.contextmanager
    def write(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """Hold the write lock for a few statements; `durable` survives a power cut at once.

        Inside of another one it is part of that, so that many changes cost one commit.
        """
        with self.explained():
            if self.is_read_only:
                self._refuse()
            if self.db.in_transaction:
                yield self.db
                return
            self.db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def rows(
        self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[tuple[Any, ...]]:
        """Return all rows of one reading statement."""
        with self.explained():
            return self.db.execute(sql, parameters).fetchall()

    def row(self, sql: str, parameters: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        """Return the first row of one reading statement, None when there is none."""
        rows = self.rows(sql, parameters)
        return rows[0] if rows else None

    def version(self) -> tuple[int, int]:
        """Return what is another one after every change of the database, ours or of others."""
        return self.rows("PRAGMA data_version")[0][0], self.db.total_changes

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """Turn errors of SQLite and of the disk into one line that says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"{self.path}: {advice(error)}") from error
        except OSError as error:
            raise StoreError(
                f"{self.path}: {error.strerror}; check the folder's owner and mode, "
                "or set HOMERUN_HOME to another"
            ) from error


def is_read_only(home: Path) -> bool:
    """Tell whether a home is there, and this user can only look at it."""
    path = home / "homerun.db"
    return os.access(path, os.R_OK) and not all(os.access(one, os.W_OK) for one in (home, path))


def connect_read_only(home: Path, *, timeout_s: float = BUSY_TIMEOUT_S) -> sqlite3.Connection:
    """Open the database so that nothing can be changed through the connection."""
    uri = (home / "homerun.db").absolute().as_uri()
    db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=timeout_s, check_same_thread=False)
    try:
        db.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        db.close()
        if error.sqlite_errorcode & 0xFF not in _NO_LOG or not is_read_only(home):
            raise
        # The files of the write-ahead log are not there and cannot be made: nobody writes.
        db = sqlite3.connect(f"{uri}?immutable=1", uri=True, check_same_thread=False)
    db.execute("PRAGMA query_only = ON")
    return db


def _enter_wal(db: sqlite3.Connection, timeout_s: float) -> None:
    """Switch to write-ahead logging; SQLite does not wait here when many start at once."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            mode = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
            continue
        if mode != "wal":
            raise sqlite3.OperationalError(f"journal mode stays {mode}, write-ahead log impossible")
        return


def advice(error: Exception) -> str:
    """Return what SQLite says and what to do about it, in one line."""
    text = str(error)
    if "locked" in text:
        return f"{text} by another program; close it and try again"
    if "full" in text:
        return (
            f"{text}; free some space (homerun gc) and run the command again; nothing is half done"
        )
    if "disk I/O error" in text:  # also where there is no room to open it
        return f"{text}; if the disk is full, remove any file of 100 KiB, then run: homerun gc"
    if "readonly" in text or "unable to open" in text:
        return f"{text}; check the owner and mode of the home, or set HOMERUN_HOME to another"
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return f"{text}; run: homerun doctor --repair"
    return text

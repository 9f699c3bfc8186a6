"""The connection to homerun.db: opened with care, every write one short transaction."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from homerun.core import StoreError
from homerun.store.home import check_local, find_home, make_home
from homerun.store.schema import migrate, version_of

BUSY_TIMEOUT_S = 30.0


class Database:
    """One connection to the home's database. Never carry it over a fork."""

    def __init__(self, home: Path | None = None, *, timeout_s: float = BUSY_TIMEOUT_S) -> None:
        self.home = make_home(home if home is not None else find_home())
        check_local(self.home)
        self.path = self.home / "homerun.db"
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

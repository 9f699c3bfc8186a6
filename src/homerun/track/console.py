"""Copy what a program prints into output.log, for runs that no supervisor watches.

The `write` of sys.stdout and sys.stderr is replaced in place, so that whoever holds the stream
already (logging handlers, progress bars) is copied too and all else about the stream stays as it
is. What bypasses `write` (C libraries, child programs, sys.stdout.buffer) is not seen.
"""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homerun.core import StreamRedactor

_PIECE = 256  # characters that wait for the end of their line: print writes each argument apart


class Console:
    """Append to output.log what goes to stdout and stderr, secrets redacted; never raise there."""

    def __init__(self, path: Path) -> None:
        self.lost = 0  # writes that did not reach the file
        self._fd: int | None = None
        self._pid = os.getpid()
        self._lock = threading.RLock()  # a signal handler may print while its thread prints
        self._copies: list[_Copy] = []
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            self.lost = 1
            return
        for stream in {id(stream): stream for stream in (sys.stdout, sys.stderr)}.values():
            if stream is not None:  # as under pythonw
                self._copies.append(_Copy(stream, self._append))

    def close(self) -> None:
        """Write what was held back and give the streams their own `write` back."""
        for copy in self._copies:
            copy.uninstall()
        with self._own_lock():
            for copy in self._copies:
                self._write(copy.take() + copy.redactor.flush())
            if self._fd is not None:
                os.close(self._fd)
                self._fd = None

    def _append(self, copy: "_Copy", text: str) -> None:
        with self._own_lock():
            if self._fd is None:
                return
            copy.waiting += text
            if "\n" in text or "\r" in text or len(copy.waiting) > _PIECE:
                self._write(copy.take())

    def _own_lock(self) -> Any:
        """Return the lock; a forked child gets its own, as the parent's may be held for ever."""
        if os.getpid() != self._pid:
            self._pid = os.getpid()
            self._lock = threading.RLock()
            for copy in self._copies:
                copy.waiting = ""  # what was held is the parent's to write
                copy.redactor = StreamRedactor()
        return self._lock

    def _write(self, data: bytes) -> None:
        try:
            while data and self._fd is not None:
                data = data[os.write(self._fd, data) :]
        except OSError:  # disk full, folder gone: the program prints on
            self.lost += 1


class _Copy:
    """A stream whose `write` hands its text to `append`, too."""

    def __init__(self, stream: Any, append: Callable[["_Copy", str], None]) -> None:
        self.waiting = ""
        self.redactor = StreamRedactor()
        self._stream = stream
        self._append = append
        self._original = stream.write
        self._replaced = vars(stream).get("write")  # of another program that copies, or nothing
        self._mine = self._write  # one object, to be known again
        stream.write = self._mine

    def take(self) -> bytes:
        """Return what waits, redacted."""
        text, self.waiting = self.waiting, ""
        return self.redactor.feed(text.encode("utf-8", "backslashreplace"))

    def uninstall(self) -> None:
        """Restore `write` unless someone else has replaced it since."""
        if vars(self._stream).get("write") is not self._mine:
            return
        if self._replaced is None:
            del self._stream.write
        else:
            self._stream.write = self._replaced

    def _write(self, text: str) -> Any:
        try:
            return self._original(text)
        finally:
            if isinstance(text, str):
                self._append(self, text)

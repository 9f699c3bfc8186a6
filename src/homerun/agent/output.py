"""What a program writes: from its pipe into output.log, redacted, progress bars thinned out."""

import contextlib
import os
from pathlib import Path

from homerun.core import StreamRedactor

_PIECE = 64 * 1024  # bytes: what a pipe holds
_PIECES = 16  # in one call, so that a flood does not keep the supervisor from its other duties
_LINE_LIMIT = 64 * 1024
_REWRITES_S = 1.0  # a line that is rewritten over and over is kept once in so many seconds
_TAIL = 4 * 1024


class Thinner:
    """Keeps of a line that is rewritten with carriage returns its last state, at times one between.

    A progress bar that moves ten times a second for a day would be a gigabyte otherwise.
    """

    def __init__(self) -> None:
        self.waiting = b""  # an unfinished line with rewrites in it
        self._is_open = False  # the line now being written has text in the file
        self._due_at = 0.0

    def feed(self, data: bytes, now: float) -> bytes:
        """Take the next bytes and return those to be written at this time (seconds, any clock)."""
        if b"\r" not in data and not self.waiting:
            self._is_open = not data.endswith(b"\n") if data else self._is_open
            return data
        *lines, rest = (self.waiting + data).split(b"\n")
        done = []
        for line in lines:
            done += [self._opened(_last_state(line)), b"\n"]
            self._is_open = False
        self.waiting = _last_state(rest)
        if b"\r" not in rest or now >= self._due_at or len(self.waiting) > _LINE_LIMIT:
            self._due_at = now + _REWRITES_S
            done.append(self.flush())
        return b"".join(done)

    def flush(self) -> bytes:
        """Return the unfinished line as it is now."""
        text, self.waiting = self._opened(self.waiting), b""
        self._is_open = self._is_open or bool(text)
        return text

    def _opened(self, text: bytes) -> bytes:
        """Drop the return to the start of a line that has nothing in the file yet."""
        if self._is_open:
            return text
        kept = text.lstrip(b"\r")
        self._is_open = bool(kept)
        return kept


def _last_state(line: bytes) -> bytes:
    """Return a line without what was overwritten; a return before it says that something was."""
    text = line.rstrip(b"\r")
    _, overwrites, last = text.rpartition(b"\r")
    return overwrites + last + (b"\r" if len(text) < len(line) else b"")


class Output:
    """The reading end of a program's output."""

    def __init__(self, pipe: Path, log: Path) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(pipe, 0o600)
        self.pipe = pipe
        self.fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.is_ended = False  # no process has the pipe open for writing any more
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._redactor = StreamRedactor()
        self._thinner = Thinner()
        self._tail = b""
        self._lost = 0  # bytes that could not be written

    def open_for_program(self) -> int:
        """Return the end to give to the program.

        It can read, too: so the pipe has a reader as long as the program lives, and the program
        does not die of SIGPIPE when its supervisor does.
        """
        return os.open(self.pipe, os.O_RDWR | os.O_CLOEXEC)

    @property
    def is_waiting(self) -> bool:
        """Whether some output waits for its time to be written."""
        return bool(self._thinner.waiting)

    def pump(self, now: float) -> bool:
        """Carry over what the pipe holds; tell whether there may be more at once."""
        for _ in range(_PIECES):
            try:
                data = os.read(self.fd, _PIECE)
            except BlockingIOError:
                if self.is_waiting:
                    self._write(self._thinner.feed(b"", now))
                return False
            if not data:
                self.is_ended = True
                return False
            self._write(self._thinner.feed(self._redactor.feed(data), now))
        return True

    def close(self, now: float) -> None:
        """Carry over the rest and remove the pipe."""
        self._write(self._thinner.feed(self._redactor.flush(), now) + self._thinner.flush())
        if self._lost:
            self._write(b"\n")
        self.pipe.unlink(missing_ok=True)
        os.close(self.fd)
        os.close(self._log)

    def last_line(self) -> str:
        """Return the last line that is not empty, at most 200 characters of it."""
        text = (self._tail + self._thinner.waiting).decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:200] if lines else ""

    def _write(self, data: bytes) -> None:
        if not data:
            return
        self._tail = (self._tail + data)[-_TAIL:]
        note = f"\n[homerun: {self._lost} bytes lost, disk full]\n".encode() if self._lost else b""
        try:
            written = os.write(self._log, note + data) - len(note)
        except OSError:  # the program must go on; what is lost is counted
            written = -1
        self._lost = len(data) - written if written >= 0 else self._lost + len(data)

"""What a program writes: from its pipes into output.log, redacted, progress bars thinned out."""

import contextlib
import os
from pathlib import Path

from homerun.core import StreamRedactor
from homerun.store import RunFolder

_PIECE = 64 * 1024  # bytes: what a pipe holds
_PIECES = 16  # in one call, so that a flood does not keep the supervisor from its other duties
_LINE_LIMIT = 64 * 1024
_REWRITES_S = 1.0  # a line that is rewritten over and over is kept once in so many seconds
_TAIL = 16 * 1024  # bytes: a Python traceback fits in


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


class Log:
    """A file to append to; what a full disk does not take is counted, and the count written."""

    def __init__(self, path: Path | str, *, mode: int = 0o600) -> None:
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, mode)
        self._lost = 0  # bytes that could not be written

    def write(self, data: bytes) -> None:
        """Append bytes; never raise, for the program must go on."""
        note = f"\n[homerun: {self._lost} bytes lost, disk full]\n".encode() if self._lost else b""
        try:
            written = os.write(self.fd, note + data) - len(note)
        except OSError:
            written = -1
        self._lost = len(data) - written if written >= 0 else self._lost + len(data)

    def close(self) -> None:
        """Write down what is lost for good, and close the file."""
        if self._lost:
            self.write(b"\n")
        os.close(self.fd)


class Output:
    """The reading end of a pipe to which a program writes, and the files where that goes."""

    def __init__(self, pipe: Path, *logs: Log) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkfifo(pipe, 0o600)
        self.pipe = pipe
        self.fd = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        self.is_ended = False  # no process has the pipe open for writing any more
        self._logs = logs
        self._redactor = StreamRedactor()
        self._thinner = Thinner()
        self._tail = b""

    def open_for_program(self) -> int:
        """Return the end to give to the program.

        It can read, too: so the pipe has a reader as long as the program lives, and the program
        does not die of SIGPIPE when its supervisor does.
        """
        self.is_ended = False
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
        for log in self._logs:
            log.close()
        self.pipe.unlink(missing_ok=True)
        os.close(self.fd)

    def last_lines(self) -> str:
        """Return the last that was written."""
        return (self._tail + self._thinner.waiting).decode(errors="replace")

    def forget(self) -> None:
        """Begin anew with the last lines: another program writes from now on."""
        self._tail = b""

    def _write(self, data: bytes) -> None:
        if not data:
            return
        self._tail = (self._tail + data)[-_TAIL:]
        for log in self._logs:
            log.write(data)


class Outputs:
    """All that a program writes: through one pipe, or stdout and stderr through one each.

    Both go to output.log, as on a terminal; `stdout` and `stderr` name files that get them apart.
    A program that is adopted has the pipes with which it was started.
    """

    def __init__(self, folder: RunFolder, *, stdout: str = "", stderr: str = "") -> None:
        self._all = [Output(folder.pipe, *_logs(folder, stdout))]
        if stderr or folder.error_pipe.exists():
            self._all.append(Output(folder.error_pipe, *_logs(folder, stderr)))

    @property
    def fds(self) -> set[int]:
        """The descriptors that can be read when there is something to pump."""
        return {output.fd for output in self._all if not output.is_ended}

    def open_for_program(self) -> list[int]:
        """Return the ends to give to the program: the first for stdout, the last for stderr."""
        return [output.open_for_program() for output in self._all]

    @property
    def is_waiting(self) -> bool:
        """Whether some output waits for its time to be written."""
        return any(output.is_waiting for output in self._all)

    def pump(self, now: float) -> bool:
        """Carry over what the pipes hold; tell whether there may be more at once."""
        more = [output.pump(now) for output in self._all if not output.is_ended]
        return any(more)

    def close(self, now: float) -> None:
        """Carry over the rest and remove the pipes."""
        for output in self._all:
            output.close(now)

    def last_lines(self) -> str:
        """Return the last that was written; where they are apart, stderr comes last."""
        return "\n".join(output.last_lines() for output in self._all)

    def forget(self) -> None:
        """Begin anew with the last lines: another program writes from now on."""
        for output in self._all:
            output.forget()


def _logs(folder: RunFolder, more: str) -> list[Log]:
    """Open output.log, and a file of the user's; without that one the run goes on."""
    logs = [Log(folder.output)]
    if more:
        with contextlib.suppress(OSError):
            logs.append(Log(more, mode=0o666))
    return logs

"""Signals as bytes on a descriptor, so that one poll(2) waits for everything."""

import os
import signal
from collections.abc import Iterable
from types import FrameType


class Signals:
    """Catches signals of this process until closed; outside the main thread it catches none.

    A signal that is ignored stays so: `nohup` means SIGHUP, a shell's `&` SIGINT.
    """

    def __init__(self, numbers: Iterable[int]) -> None:
        self.fd, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before: dict[int, object] = {}
        try:
            self._wakeup = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        except ValueError:  # not the main thread
            return
        for number in numbers:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, _caught)

    def take(self) -> list[int]:
        """Return the signals that came since the last call, in their order."""
        try:
            return [number for number in os.read(self.fd, 4096) if number in self._before]
        except BlockingIOError:
            return []

    def close(self) -> None:
        """Give the signals back to whoever had them before."""
        if self._before:
            signal.set_wakeup_fd(self._wakeup)
        for number, handler in self._before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)  # type: ignore[arg-type]
        self._before.clear()
        os.close(self.fd)
        os.close(self._write)


def _caught(number: int, frame: FrameType | None) -> None:
    """Do nothing: the interpreter has written the number to the descriptor."""

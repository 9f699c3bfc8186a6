"""What an agent says: each thing once, and never while a transaction is open."""

import re
import time
from collections.abc import Callable
from dataclasses import replace

from homerun.agent.events import Event, Progress, Trouble, Waiting

_PROGRESS_S = 0.2  # between two looks at how far the sweep is: counting takes its time


class Voice:
    """Keeps events until they may be told, and what was said last of trouble, waiting, progress."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self._on_event = on_event
        self._events: list[Event] = []  # not told yet
        self._trouble = ""
        self._waiting = ""
        self._progress: Progress | None = None
        self.progress_at = 0.0  # when to look again how far the sweep is

    def say(self, event: Event) -> None:
        """Keep an event until no transaction is open."""
        self._events.append(event)

    def flush(self) -> None:
        """Tell the events that were kept."""
        events, self._events = self._events, []
        for event in events:
            self._on_event(event)

    def trouble(self, text: str) -> None:
        """Say what went wrong, unless that was said last."""
        if text != self._trouble:
            self._trouble = text
            self.say(Trouble(text=text))

    def waiting(self, reason: str) -> bool:
        """Say what is waited for (empty: nothing), unless that was said last; tell whether not."""
        is_new = _without_sizes(reason) != _without_sizes(self._waiting)
        if is_new:
            self._waiting = reason
            if reason:
                self.say(Waiting(reason=reason))
        return is_new

    def progress(self, look: Callable[[], Progress], *, is_last: bool = False) -> None:
        """Look how far the sweep is, a few times a second at most, and say so if that is new."""
        now = time.monotonic()
        if now < self.progress_at and not is_last:
            return
        self.progress_at = now + _PROGRESS_S
        progress, known = look(), self._progress
        if known is None or replace(progress, eta_s=known.eta_s) != known:
            self._progress = progress
            self.say(progress)


def _without_sizes(reason: str) -> str:
    """Return a reason without how much memory is used, which is another at every look."""
    return re.sub(r"[\d.]+ GiB", "GiB", reason)

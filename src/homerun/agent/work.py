"""What an agent takes its runs from: a sweep, a folder of scripts, or the whole home."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from homerun.agent.events import Done, Progress, Trouble, Waiting
from homerun.agent.order import Order
from homerun.agent.room import Need, Place
from homerun.core import End, Run


class Work(Protocol):
    """Runs for an agent, one after the other; what it says is true at that moment."""

    @property
    def serves(self) -> str:
        """Id of the sweep or path of the folder; empty is the whole home."""

    @property
    def is_open(self) -> bool:
        """Whether there may be runs to start, so that it is worth preparing for them."""

    def heads(self) -> list[Run]:
        """Return the next runs, of which the first that finds room starts; in a transaction."""

    def need(self, run: Run) -> Need:
        """Return what a run needs."""

    def claim(self, run: Run, *, agent: str) -> Run | None:
        """Take one of the heads, in the same transaction; None when it is gone."""

    def order(self, run: Run, place: Place) -> Order:
        """Prepare the files of a claimed run and return the order to start it."""

    def fill(self, free: int) -> str:
        """Look for further runs, outside of a transaction, for so many free slots.

        Returns what is wrong with a search; empty: nothing.
        """

    def alive(self) -> list[Run]:
        """Return all runs of it that are running or paused, whoever has them."""

    def are_silent_about(self, ends: Iterable[End]) -> bool:
        """Tell whether these ends cannot keep further runs from starting."""

    def judge(self, ended: Sequence[tuple[Run, End]]) -> Done | Trouble | None:
        """Look at runs that have ended; Done: no more are to be started."""

    def refresh(self) -> Done | None:
        """See whether others have brought it to an end."""

    def idle(self, ours: int) -> Done | Waiting | None:
        """Say why there is no run to take, while `ours` go on in the hands of this agent."""

    def progress(self, elapsed_s: Iterable[float]) -> Progress:
        """Return how far it is; `elapsed_s`: for how long each run of this agent has gone on."""

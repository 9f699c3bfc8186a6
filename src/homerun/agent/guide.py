"""What an agent asks for the next runs of a sweep that learns, and what it does if that fails."""

import threading
import traceback
from contextlib import suppress

from homerun.agent.observing import observations, priors
from homerun.core import HomerunError, MissingExtraError, SpecError, SweepRecord
from homerun.search import Filled, fill_at_random, fill_guided, is_users, load_search
from homerun.spec import Sweep
from homerun.store import Store


class SearchFailedError(SpecError):
    """What to run next cannot be said, until the user puts something right."""


class Guide:
    """The search of one sweep, with what it learns from; all is computed outside transactions.

    `trouble` says what is wrong, such as why draws take the place of the search; empty: nothing.
    """

    def __init__(self, store: Store, sweep: Sweep, *, is_forking: bool = False) -> None:
        """Prepare; is_forking: runs are forked from this process, so it is to have no threads."""
        self._store = store
        self._sweep = sweep
        self._prior, self.trouble = priors(store, sweep)
        # Loading takes a second, which the first runs need not wait for. A process that is forked
        # meanwhile could never load the same.
        if not is_forking:
            threading.Thread(target=_load).start()

    def next(self, record: SweepRecord, n: int) -> Filled:
        """Return up to n next runs.

        Raises SearchFailedError for what the user has to put right, MissingExtraError for what is
        not installed here; where our own search fails, the runs are drawn at random.
        """
        seen = self._store.seen(record.id)
        known = observations(self._store, record, self._sweep, prior=self._prior)
        try:
            filled = fill_guided(
                self._sweep, known, cursor=record.cursor, n=n, seen=seen, folder=record.cwd
            )
        except HomerunError as error:
            if isinstance(error, MissingExtraError) and not is_users(self._sweep):
                raise
            raise SearchFailedError(str(error)) from error
        except Exception as error:  # the runs are worth more than what chooses them
            why = f"the search failed, so configurations are drawn at random: {_explained(error)}"
            self.trouble = why
            return fill_at_random(self._sweep, cursor=record.cursor, n=n, seen=seen, why=why)
        is_vain = not (filled.proposals or filled.exhausted or filled.waits)
        if is_vain and self._store.sweep(record.id).cursor == record.cursor:
            # Or else another agent was faster with the same, and there is a new state to look at.
            raise SearchFailedError("homerun.search: what it suggests has run already")
        return filled


def _load() -> None:
    with suppress(RuntimeError):  # the agent ends already; nothing can be loaded then
        load_search()


def _explained(error: Exception) -> str:
    """Return an error in one line, with the place where it was raised."""
    text = " ".join(str(error).split())
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {text} ({last.filename}:{last.lineno})"

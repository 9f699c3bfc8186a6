"""Bringing the ends of runs into the database."""

from collections.abc import Mapping

from homerun.core import End
from homerun.store import Store, close_journals, fold


def record_ends(store: Store, ends: Mapping[str, End]) -> None:
    """Record how runs ended, with all that their journals hold."""
    for run_id in ends:
        fold(store, run_id)  # first: a traceback the program told belongs to the end
    store.end(ends)
    for run_id in ends:
        close_journals(store, run_id)

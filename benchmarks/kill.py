"""Rows that are lost when a program is killed right after a burst of log calls."""

import time
from collections.abc import Iterator

from common import Row, ask, below, die, folder

CALLS = 5_000
PROCESSES = 4
TRACKERS = ("homerun", "trackio", "tensorboard", "wandb")


def rows(repeats: int) -> Iterator[Row]:
    """Kill each tracker once, then four of ours at once on a new home."""
    lost = {tracker: one(tracker) for tracker in TRACKERS}
    what = f"rows lost by kill -9 after log number {CALLS:,}"
    yield below(what, lost.pop("homerun"), 0, "", peers=lost)
    what = f"rows lost by kill -9 of {PROCESSES} processes x {CALLS:,} rows"
    yield below(what, max(many() for _ in range(repeats)), 0, "")


def one(tracker: str) -> int:
    """Return the rows lost by one process."""
    with folder() as cwd:
        die(tracker, CALLS, cwd=cwd)
        if tracker == "wandb":
            time.sleep(2)  # wandb-core still writes what it had received
        return CALLS - ask(tracker, "count", tracker, cwd=cwd)


def many() -> int:
    """Return the rows lost by four processes that start at once on a home that is not there yet."""
    with folder() as cwd:
        die("homerun", CALLS, cwd=cwd, count=PROCESSES)
        return PROCESSES * CALLS - ask("homerun", "count", "homerun", cwd=cwd)

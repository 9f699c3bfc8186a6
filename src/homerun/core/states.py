"""States of runs and sweeps."""

from enum import StrEnum


class RunState(StrEnum):
    """Where a run is in its life. Every state but finished carries a reason."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"  # exit code not 0, an out-of-memory kill too
    CRASHED = "crashed"  # died or vanished without an exit code
    KILLED = "killed"  # by the user or by a stopping rule
    PREEMPTED = "preempted"  # given back by an engine


class SweepState(StrEnum):
    """Whether agents may take runs from a sweep."""

    RUNNING = "running"
    PAUSED = "paused"  # by the user, or after failures in a row
    FINISHED = "finished"  # every planned run has ended
    CANCELED = "canceled"


ENDED = frozenset(
    {RunState.FINISHED, RunState.FAILED, RunState.CRASHED, RunState.KILLED, RunState.PREEMPTED}
)
ALIVE = frozenset({RunState.RUNNING, RunState.PAUSED})
BAD = frozenset({RunState.FAILED, RunState.CRASHED})  # something went wrong, nobody wanted the end

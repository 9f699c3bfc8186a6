"""What an agent tells whoever watches it: small facts, in the order in which they happen."""

from dataclasses import dataclass
from enum import StrEnum

from homerun.core import End, Run, Slot, duration


class Outcome(StrEnum):
    """Why an agent came to its end."""

    COMPLETE = "complete"  # every planned run of the sweep has ended
    TARGET = "target"  # the metric reached its target: no new runs
    SETTLED = "settled"  # nothing better is to be expected: no new runs
    COUNT = "count"  # as many runs as were asked for
    PAUSED = "paused"  # too many failures in a row: this agent paused the sweep
    CANCELED = "canceled"  # the sweep was canceled
    INTERRUPTED = "interrupted"  # Ctrl-C
    STOPPED = "stopped"  # homerun stop
    LEFT = "left"  # SIGTERM or SIGHUP: its runs go on without it


@dataclass(frozen=True, kw_only=True)
class Started:
    """A program was started, or a run that another agent left behind was taken over."""

    run: Run
    slot: Slot
    argv: tuple[str, ...]  # secrets redacted
    is_adopted: bool = False


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run has ended and the database knows it."""

    run: Run  # as it lies in the home now, with its summary
    end: End


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the sweep is; sent after every start and end."""

    done: int  # runs that have ended, of all agents
    planned: int | None  # None: the sweep has no end
    running: int
    failed: int  # of those done: failed or crashed
    eta_s: float | None  # seconds until the last planned run ends; None: not known yet

    def in_words(self, *, with_running: bool = False) -> str:
        """Return how far it is: `13 of 48 done, 2 running, 1 failed, ETA 3m20s`."""
        parts = [f"{self.done}{'' if self.planned is None else f' of {self.planned}'} done"]
        parts += [f"{self.running} running"] if self.running and with_running else []
        parts += [f"{self.failed} failed"] if self.failed else []
        is_over = self.done == self.planned
        parts += [f"ETA {duration(self.eta_s)}"] if self.eta_s and not is_over else []
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The agent has free slots and nothing to put there; sent once for each reason."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something outside went wrong (disk full, database locked); the agent tries again."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something worth knowing about what the agent does, such as the Python it uses."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Stopping:
    """The agent takes no more runs, and why."""

    text: str
    running: int


@dataclass(frozen=True, kw_only=True)
class Done:
    """The last event: the agent ends."""

    outcome: Outcome
    reason: str  # one line for a person, empty when there is nothing to add


Event = Started | Ended | Progress | Waiting | Trouble | Remark | Stopping | Done

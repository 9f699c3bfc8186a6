"""The best within a time: what is left of the budget of a sweep, for all its runs together.

Runs that have not ended count with the time they are expected to take.
"""

from collections.abc import Callable, Sequence
from statistics import median

from homerun.core import ENDED, RunState
from homerun.search.observations import Observation
from homerun.spec import Sweep


def is_spent(sweep: Sweep, observations: Sequence[Observation]) -> bool:
    """Return whether the budget of a sweep is used up: no run so far would fit into what is left.

    A sweep without a budget never is. An open run is expected to take as long as half of the
    finished ones.
    """
    budget_s = sweep.settings.budget_s
    if budget_s is None:
        return False
    known = finished_s(observations)
    usual_s = median(known) if known else 0.0
    return left_s(budget_s, observations, lambda _: usual_s) < min(known, default=1e-9)


def finished_s(observations: Sequence[Observation]) -> list[float]:
    """Return how long each finished run of the sweep took, in seconds."""
    return [run.runtime_s for run in observations if is_timed(run) and run.runtime_s]


def is_timed(run: Observation) -> bool:
    """Return whether a run of the sweep itself went to its end, and took a known time."""
    return not run.source and run.state is RunState.FINISHED and bool(run.runtime_s)


def left_s(
    budget_s: float,
    observations: Sequence[Observation],
    expected_s: Callable[[Observation], float],
) -> float:
    """Return what is left of a budget, in seconds; less than nothing where it was exceeded."""
    own = [run for run in observations if not run.source]
    used = sum(run.runtime_s or 0.0 for run in own if run.state in ENDED)
    taken = sum(max(run.runtime_s or 0.0, expected_s(run)) for run in own if run.state not in ENDED)
    return budget_s - used - taken

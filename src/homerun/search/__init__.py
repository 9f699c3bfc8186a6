"""What to run next: pure functions of a sweep, its cursor and what was run before."""

from typing import TYPE_CHECKING

from homerun import lazy
from homerun.search.counting import Count, count
from homerun.search.filling import Filled, Proposal, fill, restart
from homerun.search.guided import (
    NO_VALUES,
    check_extra,
    ends,
    fill_at_random,
    fill_guided,
    is_guided,
    is_users,
    load_search,
)
from homerun.search.observations import Observation, Suggestion
from homerun.search.space import check
from homerun.search.stopping import Course, course, planned_values, verdicts

if TYPE_CHECKING:
    from homerun.search.aims.budget import is_spent as is_spent
    from homerun.search.aims.front import hypervolume as hypervolume
    from homerun.search.aims.front import pareto_front as pareto_front
    from homerun.search.best.recommendation import Candidate as Candidate
    from homerun.search.best.recommendation import Recommendation as Recommendation
    from homerun.search.best.recommending import recommend as recommend
    from homerun.search.best.settled import Outlook as Outlook
    from homerun.search.best.settled import outlook as outlook
    from homerun.search.best.settled import runs_needed as runs_needed
    from homerun.search.engines.bridges import bridge as bridge
    from homerun.search.suggesting import suggest as suggest
    from homerun.search.suggesting import suggest_runs as suggest_runs

lazy.attach(
    __name__,
    {
        "engines.bridges": "bridge",
        "aims.budget": "is_spent",
        "aims.front": "hypervolume pareto_front",
        "best.recommendation": "Candidate Recommendation",
        "best.recommending": "recommend",
        "best.settled": "Outlook outlook runs_needed",
        "suggesting": "suggest suggest_runs",  # loads numpy and scipy
    },
)

__all__ = [
    "NO_VALUES",
    "Count",
    "Course",
    "Filled",
    "Observation",
    "Proposal",
    "Suggestion",
    "bridge",
    "check",
    "check_extra",
    "count",
    "course",
    "ends",
    "fill",
    "fill_at_random",
    "fill_guided",
    "hypervolume",
    "is_guided",
    "is_spent",
    "is_users",
    "load_search",
    "pareto_front",
    "planned_values",
    "restart",
    "verdicts",
]

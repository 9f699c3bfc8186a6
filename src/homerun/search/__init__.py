"""What to run next: pure functions of a sweep, its cursor and what was run before."""

from homerun.search.counting import Count, count
from homerun.search.filling import Filled, Proposal, ends, fill, restart
from homerun.search.space import check

__all__ = ["Count", "Filled", "Proposal", "check", "count", "ends", "fill", "restart"]

"""The next configurations of a sweep: a pure function of the sweep and a cursor.

The cursor is the number of runs proposed so far, plus 2**24 for each place of the order that was
skipped: excluded by a constraint, drawn before, or run already. So it is simply the number of runs
as long as nothing is skipped, and what is left of run_cap can be told from it at any place.
When a sweep is changed, the search starts again at the first place of the new order, minus 2**24
for each run that is there: these are not proposed again, and count for run_cap all the same.

A walk goes over all points with repeat 0, then over all with repeat 1, and so on: that way
information comes soonest. Draws make all repeats of a configuration before the next one is drawn.
When many draws in a row bring nothing new (20 for each point of a finite space, at most 10,000), a
finite space is walked for the points that are left, so that the least likely one is proposed too;
an endless one is given up.
"""

import math
import operator
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from homerun.core import SpecError, config_hash
from homerun.search.counting import is_empty
from homerun.search.draws import draw_config
from homerun.search.space import Walk, check, finite, leftovers, walk
from homerun.spec import Grid, Sweep

_SKIPPED = 2**24  # so a sweep proposes 16,777,215 runs at most
_LEFT = 2**38  # places from here on walk over what the draws have left
_LAST_CURSOR = 2**63 - 1  # what the database can hold
_VAIN_DRAWS = 10_000
_VAIN_DRAWS_A_POINT = 20
_VAIN_STEPS = 300_000
_REPLAYED = 2_000  # runs that `ends` goes through to reach the last


class Proposal(NamedTuple):
    """A configuration to run, and which of its repeats this is."""

    config: dict[str, Any]
    repeat: int = 0


@dataclass(frozen=True, kw_only=True)
class Filled:
    """What a search proposes next."""

    proposals: tuple[Proposal, ...]
    cursor: int  # to hand over the next time
    exhausted: bool  # nothing more will ever come
    waits: bool = False  # more may come once runs that are under way have ended
    reasons: tuple[Mapping[str, Any], ...] = ()  # why a model suggested each; none: no model did


# What stands at a place of the order: a proposal, or the next place that is worth a look.
_At = Callable[[int], Proposal | int]


def fill(
    sweep: Sweep, *, cursor: int, n: int, seen: Container[tuple[str, int]] = frozenset()
) -> Filled:
    """Return up to n next configurations; the same sweep and cursor always give the same ones.

    A sweep starts with cursor 0. `seen` holds what is not to be proposed again, by `config_hash`
    and repeat: all that the sweep has. A grid that was never changed does without.
    """
    check(sweep)
    if sweep.settings.configs:
        return _fill_listed(sweep, cursor, n, seen)
    grid = finite(sweep)
    order = walk(sweep, grid) if grid else None
    at, end = _places(sweep, grid, order, seen)
    skipped, made = divmod(cursor, _SKIPPED)
    place, vain = skipped + made, 0
    # After a change all runs there are may come once more, in a row.
    patience = min(_VAIN_DRAWS, _VAIN_DRAWS_A_POINT * grid.size) if grid else _VAIN_DRAWS + made
    most_vain = _VAIN_STEPS + made
    most = most_runs(sweep)
    if cursor == 0 and grid and is_empty(grid, sweep.settings.constraints):
        raise _excluding(sweep, "every configuration; loosen them")
    proposals: list[Proposal] = []
    while len(proposals) < n and made < most and place < end:
        found = at(place)
        if isinstance(found, Proposal):
            proposals.append(found)
            made, place, vain = made + 1, place + 1, 0
            continue
        place, vain = found, vain + 1
        if order is None and vain == patience and place < _LEFT:
            place = _LEFT
        elif vain == most_vain and proposals:
            break
        elif vain == most_vain:
            raise _excluding(
                sweep, f"{_VAIN_STEPS:,} combinations in a row; loosen them, or list fewer values"
            )
    if made == 0 and place >= end:
        raise _excluding(sweep, "every configuration; loosen them")
    cursor = (place - made) * _SKIPPED + made
    if place < end and cursor > _LAST_CURSOR:
        raise _excluding(sweep, "too many combinations in a row to go on; use order: shuffle")
    return Filled(
        proposals=tuple(proposals),
        cursor=min(cursor, _LAST_CURSOR),
        exhausted=made >= most or place >= end,
    )


def restart(runs: int) -> int:
    """Return the cursor of a sweep that has so many runs and was changed."""
    return runs - runs * _SKIPPED


def proposed(cursor: int) -> int:
    """Return how many runs a sweep has proposed."""
    return cursor % _SKIPPED


def most_runs(sweep: Sweep) -> int:
    """Return how many runs a sweep proposes at most, repeats counted."""
    return min(sweep.run_cap or _SKIPPED - 1, _SKIPPED - 1)


def ends(sweep: Sweep) -> tuple[Proposal, Proposal | None]:
    """Return the first and the last proposal; None for a last one that is not soon found."""
    (first,) = fill(sweep, cursor=0, n=1).proposals
    if sweep.settings.configs:
        return first, _listed(sweep)[-1]
    cap, grid = sweep.run_cap, finite(sweep)
    order = walk(sweep, grid) if grid else None
    if order is not None and not (cap and sweep.settings.constraints):
        at, end = _places(sweep, grid, order, frozenset())
        last = min(cap or end, end)
        backwards = range(last - 1, max(last - _VAIN_DRAWS, 0) - 1, -1)
        found = (at(place) for place in (backwards if last < 2**63 else ()))
        return first, next((one for one in found if isinstance(one, Proposal)), None)
    most = cap or (grid.size * sweep.settings.repeats if grid else None)
    if most is None or most > _REPLAYED:
        return first, None
    return first, fill(sweep, cursor=0, n=most).proposals[-1]


def _listed(sweep: Sweep) -> list[Proposal]:
    """Return the runs of a sweep that lists its configurations."""
    repeats = range(sweep.settings.repeats)
    runs = [Proposal(dict(one), repeat) for repeat in repeats for one in sweep.settings.configs]
    return runs[: sweep.run_cap]


def _fill_listed(sweep: Sweep, cursor: int, n: int, seen: Container[tuple[str, int]]) -> Filled:
    skipped, made = divmod(cursor, _SKIPPED)
    runs, place = _listed(sweep), skipped + made
    proposals: list[Proposal] = []
    while len(proposals) < n and place < len(runs):
        config, repeat = runs[place]
        if (config_hash(config), repeat) not in seen:
            proposals.append(runs[place])
        place += 1
    made += len(proposals)
    return Filled(
        proposals=tuple(proposals),
        cursor=(place - made) * _SKIPPED + made,
        exhausted=place >= len(runs),
    )


def _excluding(sweep: Sweep, what: str) -> SpecError:
    return SpecError(f"{sweep.source}: homerun.constraints: these exclude {what}")


def _places(
    sweep: Sweep, grid: Grid | None, order: Walk | None, seen: Container[tuple[str, int]]
) -> tuple[_At, int]:
    """Return what stands at each place, and the number of places."""
    repeats = sweep.settings.repeats
    if grid is None:
        return _drawn(sweep, None, seen), _LEFT
    if order is None:
        return _drawn(sweep, leftovers(sweep, grid), seen), _LEFT + grid.size * repeats
    return _walked(sweep, order, seen), grid.size * repeats


def _walked(sweep: Sweep, order: Walk, seen: Container[tuple[str, int]]) -> _At:
    size, refused = order.grid.size, _refused(sweep, order)

    def at(place: int) -> Proposal | int:
        repeat, index = divmod(place, size)
        digits = order.digits(index)
        if skip := refused(digits):
            # In sorted order nothing changes until the slowest refused axis moves on.
            return repeat * size + min((index // skip + 1) * skip, size)
        config = order.grid.config(digits)
        if seen and (config_hash(config), repeat) in seen:
            return place + 1
        return Proposal(config, repeat)

    return at


def _refused(sweep: Sweep, order: Walk) -> Callable[[list[int]], int]:
    """Return a function of a point: 0 if it may run, else how many places may be skipped at once.

    In sorted order that is the number of points which share the values a constraint looks at.
    """
    numbered = {axis.name: number for number, axis in enumerate(order.grid.axes)}
    sizes = [axis.size for axis in order.grid.axes]
    checks = []
    for constraint in sweep.settings.constraints:
        axes = [
            (name, numbered[name], order.grid.axes[numbered[name]]) for name in constraint.names
        ]
        last = max((number for _, number, _ in axes), default=-1)
        checks.append((constraint, axes, math.prod(sizes[last + 1 :]) if order.is_sorted else 1))

    def refused(digits: list[int]) -> int:
        for constraint, axes, shared in checks:
            values = {name: axis.value(digits[number]) for name, number, axis in axes}
            if constraint.refusal(values) is not None:
                return shared
        return 0

    return refused


def _drawn(sweep: Sweep, left: Walk | None, seen: Container[tuple[str, int]]) -> _At:
    repeats, constraints = sweep.settings.repeats, sweep.settings.constraints
    paths = {p.name: p.path for p in sweep.parameters}
    proposed: dict[str, int] = {}  # by this call: where each configuration was drawn first

    def at(place: int) -> Proposal | int:
        index, repeat = divmod(place if place < _LEFT else place - _LEFT, repeats)
        if place < _LEFT:
            config = draw_config(sweep.parameters, f"{sweep.settings.seed}/{index}")
        else:
            assert left is not None
            config = left.grid.config(left.digits(index))
        fingerprint, drawn_at = config_hash(config), place - repeat
        values = {name: reduce(operator.getitem, path, config) for name, path in paths.items()}
        if (
            proposed.setdefault(fingerprint, drawn_at) != drawn_at
            or all((fingerprint, again) in seen for again in range(repeat, repeats))
            or any(constraint.refusal(values) is not None for constraint in constraints)
        ):
            return drawn_at + repeats
        return place + 1 if (fingerprint, repeat) in seen else Proposal(config, repeat)

    return at

"""When to stop runs early: pure rules over what the runs of a sweep have logged so far.

A rule never sees all values of all runs: a `Course` holds what it has to know of one run, so that
courses of runs that have ended can be kept. Inside, smaller is better.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate
from typing import Any

from homerun.core import RunState
from homerun.spec import Asha, Hyperband, Median, Rule

_POINTS = 512  # of the course of a run that has logged more
_CHECKS = 100  # of a run, for the patience of a rule
_BANDS = 100  # at most, as in W&B's engine
_LONGEST = 1e15  # values of a run
_TINY = 1e-9  # relative: fractions of lengths are meant to be whole


@dataclass(frozen=True, kw_only=True)
class Course:
    """How a run goes, as far as a rule has to know; values of a maximised metric are negated."""

    run: str  # id
    state: RunState
    count: int  # values so far; of hyperband the finite ones, else NaN counts as the worst
    planned: float | None  # values it is going to log; None: not known
    best: float
    # Of hyperband: the value at each band reached. Else: the best after each value, or after every
    # `stride` of them.
    marks: Sequence[float]
    stride: int = 1

    def best_after(self, count: int) -> float:
        """Return the best of the first so many values."""
        if not self.marks:
            return math.inf
        return self.marks[min(max(count // self.stride, 1), len(self.marks)) - 1]


@cache
def bands(rule: Hyperband) -> tuple[int, ...]:
    """Return after how many values hyperband judges a run, ascending; W&B's `sweeps` 0.3.0.

    Its bands are int(min_iter * eta^k), k = 0..99, or int(max_iter / eta^k), k = 1..s, from 1 up.
    """
    found: list[int] = []
    if rule.max_iter is not None:
        band = float(rule.max_iter)
        for _ in range(int(rule.s or 0)):
            band /= rule.eta
            if band < 1:
                break
            found.append(int(band))
        return tuple(found[::-1])
    band = float(rule.min_iter or 1)
    while len(found) < _BANDS and math.isfinite(band):
        found.append(int(band))
        band *= rule.eta
    return tuple(found)


def course(
    rule: Rule,
    values: Iterable[float],
    *,
    run: str,
    state: RunState,
    planned: float | None = None,
    is_maximized: bool = False,
) -> Course:
    """Return how a run goes; `values` are those of the metric that are numbers, as logged."""
    sign = -1.0 if is_maximized else 1.0
    numbers = [sign * value if math.isfinite(value) else math.inf for value in values]
    stride = 1
    if isinstance(rule, Hyperband):
        numbers = [value for value in numbers if value != math.inf]
        marks = [numbers[band - 1] for band in bands(rule) if band <= len(numbers)]
    else:
        stride = -(-len(numbers) // _POINTS) or 1
        marks = list(accumulate(numbers, min))[stride - 1 :: stride]
    return Course(
        run=run,
        state=state,
        count=len(numbers),
        planned=planned,
        best=min(numbers, default=math.inf),
        marks=array("d", marks),
        stride=stride,
    )


def planned_values(rule: Rule, config: Mapping[str, Any]) -> float | None:
    """Return how many values a run of a configuration is going to log; None: nobody said."""
    budget = None if isinstance(rule, Hyperband) else rule.budget
    if not isinstance(budget, str):
        return budget
    found: Any = config.get(budget)
    if found is None:
        found = config
        for part in budget.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    is_number = isinstance(found, int | float) and not isinstance(found, bool)
    return float(found) if is_number and 1 <= found < _LONGEST else None


def verdicts(
    rule: Rule, courses: Sequence[Course], *, is_maximized: bool = False
) -> dict[str, str]:
    """Return which of the running runs are to be stopped, by id, and why, in one sentence."""
    sign = -1 if is_maximized else 1
    if isinstance(rule, Hyperband):
        return dict(_hyperband(rule, courses, sign))
    finished = [one for one in courses if one.state == RunState.FINISHED and one.count]
    if len(finished) < rule.min_runs:
        return {}
    longest = max(one.planned or one.count for one in finished)
    judged = [
        (one, length)
        for one in courses
        if one.state == RunState.RUNNING
        and rule.min_iter <= one.count < (length := one.planned or longest)
    ]
    if isinstance(rule, Median):
        return dict(_median(rule, judged, finished, sign))
    return dict(_asha(rule, judged, courses, longest, sign))


def _hyperband(rule: Hyperband, courses: Sequence[Course], sign: int) -> Iterator[tuple[str, str]]:
    """Judge each run at the highest band it has reached, against all runs that reached it."""
    positions = bands(rule)
    for one in courses:
        if one.state != RunState.RUNNING or not one.marks:
            continue
        last = len(one.marks) - 1
        there = sorted(other.marks[last] for other in courses if len(other.marks) > last)
        at = int(1.0 / rule.eta * len(there))  # as W&B: at a multiple of eta one more goes on
        value = one.marks[last] if rule.strict else one.best
        if value > there[at]:
            shown = _shown(value, sign)
            nth = _nth(positions[last])
            what = f"{shown} at its {nth} value" if rule.strict else f"{shown} is its best value"
            yield (
                one.run,
                f"hyperband: {what}, not among the best {at + 1} of {len(there)} runs "
                f"{'there' if rule.strict else f'at their {nth}'} "
                f"({_shown(there[at], sign)} or better goes on)",
            )


def _median(
    rule: Median, judged: Iterable[tuple[Course, float]], finished: Sequence[Course], sign: int
) -> Iterator[tuple[str, str]]:
    """Judge by the best so far, at the last checks, against that of finished runs by then."""
    for one, length in judged:
        step = max(1, int(length) // _CHECKS)
        checks = [one.count - back * step for back in range(rule.patience + 1)]
        if min(checks) < max(1, rule.min_iter, _part(rule.min_fraction, length)):
            continue
        limits = [
            _middle(
                other.best_after(_part(check / length, other.planned or other.count))
                for other in finished
            )
            for check in checks
        ]
        bests = [one.best, *map(one.best_after, checks[1:])]
        if all(best > limit for best, limit in zip(bests, limits, strict=True)):
            yield (
                one.run,
                f"median: its best is {_shown(one.best, sign)} after {_of(one, length)}, worse "
                f"than {_shown(limits[0], sign)}: the median of {len(finished)} finished runs then",
            )


def _asha(
    rule: Asha,
    judged: Iterable[tuple[Course, float]],
    courses: Sequence[Course],
    longest: float,
    sign: int,
) -> Iterator[tuple[str, str]]:
    """Judge by the best so far at the highest rung reached, against all runs that reached it."""
    rungs: dict[float, list[float]] = {}  # by fraction of the length, the best values there
    for one, length in judged:
        fraction = rule.min_fraction
        if one.count < _part(fraction, length):
            continue
        while fraction * rule.eta < 1 and one.count >= _part(fraction * rule.eta, length):
            fraction *= rule.eta
        there = rungs.get(fraction)
        if there is None:
            there = rungs[fraction] = sorted(_bests_at(fraction, courses, longest))
        at = _part(1 / rule.eta, len(there)) - 1
        if one.best > there[at]:
            yield (
                one.run,
                f"asha: its best is {_shown(one.best, sign)} after {_of(one, length)}, not among "
                f"the best {at + 1} of {len(there)} runs at {fraction:.0%} of their length "
                f"({_shown(there[at], sign)} or better goes on)",
            )


def _bests_at(fraction: float, courses: Iterable[Course], longest: float) -> Iterator[float]:
    """Yield the best value of each run by a fraction of its length, if it has come so far."""
    for one in courses:
        is_finished = one.state == RunState.FINISHED
        position = _part(fraction, one.planned or (one.count if is_finished else longest))
        if one.count and (is_finished or one.count >= position):
            yield one.best_after(position)


def _middle(values: Iterable[float]) -> float:
    """Return the median; the module `statistics` takes long to load."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return (ordered[half] + ordered[~half]) / 2


def _shown(value: float, sign: int) -> str:
    return "NaN" if math.isinf(value) else f"{sign * value:.4g}"


def _part(fraction: float, length: float) -> int:
    """Return the least whole number, from 1, that is at least a fraction of a length."""
    return max(1, math.ceil(fraction * length * (1 - _TINY)))


def _of(one: Course, length: float) -> str:
    return f"{one.count} of {'' if one.planned else 'about '}{length:g} values"


def _nth(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{'th' if number % 100 in (11, 12, 13) else ending}"

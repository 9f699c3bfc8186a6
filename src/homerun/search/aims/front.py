"""Which runs nothing beats in all goals at once: the Pareto front, and how much it covers."""

import math
from collections.abc import Sequence

from homerun.core import RunState
from homerun.search.observations import Observation
from homerun.spec import Metric

Point = tuple[float, ...]  # one value a goal, smaller is better


def pareto_front(observations: Sequence[Observation], metrics: Sequence[Metric]) -> list[int]:
    """Return the indices of the finished runs that no other one beats, sorted by the first goal.

    A run beats another if it is at least as good in every goal and better in one. A run that
    lacks the value of a goal is not compared.
    """
    found = {i: goal_values(run, metrics) for i, run in enumerate(observations)}
    points = {i: point for i, point in found.items() if point is not None}
    front: list[int] = []
    # Nothing that comes later in this order can beat what came before it.
    for i in sorted(points, key=lambda i: (points[i], i)):
        if not any(_beats(points[j], points[i]) for j in front):
            front.append(i)
    return front


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Return the volume of what these points are better than, down to a reference point.

    Sliced along the last goal, as in While et al., A Faster Algorithm for Calculating Hypervolume,
    IEEE Transactions on Evolutionary Computation 10, 2006.
    """
    inside = [one for one in points if all(a < b for a, b in zip(one, reference, strict=True))]
    if not inside:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(one[0] for one in inside)
    heights = sorted({one[-1] for one in inside})
    volume = 0.0
    for low, high in zip(heights, [*heights[1:], reference[-1]], strict=True):
        slab = [one[:-1] for one in inside if one[-1] <= low]
        volume += (high - low) * hypervolume(slab, reference[:-1])
    return volume


def goal_values(run: Observation, metrics: Sequence[Metric]) -> Point | None:
    """Return the values of a finished run, smaller is better; None if one is missing."""
    found = [run.values.get(metric.name) for metric in metrics]
    values = [float(value) for value in found if value is not None and math.isfinite(value)]
    if run.state is not RunState.FINISHED or len(values) < len(metrics):
        return None
    return tuple(
        -value if metric.is_maximized else value
        for value, metric in zip(values, metrics, strict=True)
    )


def _beats(one: Point, other: Point) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))

"""Several goals at once: each configuration is searched for with another weighting of the goals.

Knowles, ParEGO, IEEE Transactions on Evolutionary Computation 10, 2006: over many weightings the
searches for a single value reach all of the Pareto front.
"""

from collections.abc import Sequence

import numpy as np

from homerun.search.aims.front import goal_values
from homerun.search.models.dimensions import Array
from homerun.search.models.outcomes import Aim, warp_of
from homerun.search.observations import Observation
from homerun.spec import Metric

_AUGMENTED = 0.05  # part of the weighted sum, so that no goal is given away for nothing


def weighted_aim(
    observations: Sequence[Observation], metrics: Sequence[Metric], rng: np.random.Generator
) -> Aim:
    """Return the aim at several goals together, weighted at random: what is worst of them counts.

    Its outcomes have no unit.
    """
    weights = rng.dirichlet(np.ones(len(metrics)))
    points = {id(run): goal_values(run, metrics) for run in observations}
    known = {run: point for run, point in points.items() if point is not None}
    scores: dict[int, float] = {}
    if known:
        values = chebyshev(np.array(list(known.values())), weights)
        scores = dict(zip(known, values.tolist(), strict=True))
    shares = (f"{one.name} {share:.0%}" for one, share in zip(metrics, weights, strict=True))
    return Aim(
        score=lambda run: scores.get(id(run)),
        impute=metrics[0].impute,
        note="goals weighted: " + ", ".join(shares),
    )


def chebyshev(values: Array, weights: Array) -> Array:
    """Return one outcome a row for the values of several goals, smaller is better.

    Each goal, warped to look normal, is brought to 0 at its best and 1 at its worst.
    """
    parts = np.column_stack([_unit(column) for column in values.T]) * weights
    return np.asarray(parts.max(axis=1) + _AUGMENTED * parts.sum(axis=1), float)


def _unit(values: Array) -> Array:
    warped = warp_of(values)(values)
    return np.asarray((warped - warped.min()) / (np.ptp(warped) or 1.0), float)

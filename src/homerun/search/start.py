"""The first configurations: those a sweep names, then points that fill the space evenly."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from homerun.core import config_hash
from homerun.search.models.coordinates import Space
from homerun.search.models.dimensions import Dimension
from homerun.search.models.outcomes import Outcomes
from homerun.spec import MISSING, fits, nest, value_at

FEWEST, MOST = 3, 6  # configurations before a model is asked
PER_PARAMETER, EXTRA = 1.0, 1
FEWEST_WITH_PRIOR = 3  # of these, the best ones of other sweeps
_BLOCK = 64  # points of the sequence that are made at once
_LAST = 4096  # points of the sequence that are looked at


def size_of_start(space: Space, outcomes: Outcomes) -> int:
    """Return how many configurations come before a model is asked."""
    size = max(FEWEST, min(MOST, int(PER_PARAMETER * len(space.dimensions)) + EXTRA))
    prior = int((~outcomes.is_own).sum())
    return max(min(size, FEWEST_WITH_PRIOR), size - prior)


def given(space: Space) -> Iterator[dict[str, Any]]:
    """Yield the configurations that a sweep names to begin with, completed."""
    for partial in space.sweep.settings.defaults:
        config = completed(space, partial)
        if config is not None:
            yield config


def completed(space: Space, partial: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the configuration with these values; None if the sweep has none like it.

    What is missing is in the middle of its range or the most likely level. A number that cannot be
    becomes the nearest one.
    """
    exact, near = dict(space.constants), dict(space.constants)
    for one in space.dimensions:
        value = value_at(partial, one.path)
        place = _middle(one) if value is MISSING else one.position(value)
        if place is None:
            return None
        near[one.path] = one.value(float(one.snap(np.array([place]))[0]))
        exact[one.path] = near[one.path] if value is MISSING else value
    for values in (exact, near):
        config = nest((p.path, values[p.path]) for p in space.sweep.parameters)
        if fits(space.sweep, config):
            return config
    return None


def best_of_others(space: Space, outcomes: Outcomes) -> Iterator[dict[str, Any]]:
    """Yield the configurations of other sweeps that this one has too, the best first.

    The sweeps take turns, so that each has its say.
    """
    rows = []
    for source in np.unique(outcomes.sources[~outcomes.is_own]):
        mine = np.flatnonzero(outcomes.sources == source)
        order = mine[np.argsort(outcomes.y[mine], kind="stable")]
        rows += [(rank, source, row) for rank, row in enumerate(order)]
    for _, _, row in sorted(rows):
        point = space.snap(outcomes.points[row : row + 1])
        if space.allowed(point)[0]:
            yield space.config(point[0])


def sequence(space: Space, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the allowed configurations of a scrambled Sobol sequence, each once.

    Owen, Scrambling Sobol' and Niederreiter-Xing points, Journal of Complexity 14, 1998.
    """
    from scipy.stats import qmc  # noqa: PLC0415  half a second to load

    if not space.dimensions:
        yield space.config(np.empty(0))
        return
    sobol = qmc.Sobol(len(space.dimensions), rng=np.random.default_rng(seed))
    known = set()
    for _ in range(_LAST // _BLOCK):
        points = space.quantiles(np.clip(sobol.random(_BLOCK), 0, 1 - 2.0**-53))
        for point in points[space.allowed(points)]:
            config = space.config(point)
            key = config_hash(config)
            if key not in known:
                known.add(key)
                yield config


def _middle(one: Dimension) -> float:
    """Return the coordinate in the middle of a range, or of the most likely level."""
    if not one.is_category:
        return float(one.quantiles(np.array([0.5]))[0])
    assert one.levels is not None
    assert one.chances is not None
    return float(one.levels[int(np.argmax(one.chances))])

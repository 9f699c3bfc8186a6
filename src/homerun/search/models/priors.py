"""Runs of other sweeps beside the sweep's own: how many of them, and on which common scale."""

from dataclasses import replace

import numpy as np

from homerun.search.models.coordinates import Space
from homerun.search.models.gaussian import FitError, Kernel, condition, representative
from homerun.search.models.outcomes import Outcomes

MOST = 256  # configurations of other sweeps that a model is fitted to: the best, and others evenly
OWN_SCALE = 10.0  # of so many own configurations the scale is half their own
_NOISE = 0.1  # of the rough model that tells how good own configurations are among the others


def aligned(space: Space, outcomes: Outcomes) -> Outcomes:
    """Return the outcomes with the sweep's own on the scale of the others.

    Each source is standardised by itself, because another data set may have another scale. But own
    runs that begin with the best configurations known are not average: what the others say of
    them gives their mean and spread, the less the more of them there are.
    """
    if not outcomes.has_others:
        return outcomes
    own, others = np.flatnonzero(outcomes.is_own), np.flatnonzero(~outcomes.is_own)
    if len(others) > MOST:
        others = others[representative(outcomes.y[others], MOST)]
    rows = np.concatenate([own, others])
    outcomes = replace(
        outcomes,
        points=outcomes.points[rows],
        y=outcomes.y[rows],
        counts=outcomes.counts[rows],
        sources=outcomes.sources[rows],
        is_censored=outcomes.is_censored[rows],
    )
    n = len(own)
    if not n:
        return outcomes
    kernel = Kernel(np.ones(len(space.dimensions)), 1.0, _NOISE, space.is_category)
    try:
        rough = condition(kernel, outcomes.points[n:], outcomes.y[n:], outcomes.counts[n:])
        expected = rough.predict(outcomes.points[:n])[0]
    except FitError:
        return outcomes
    share = OWN_SCALE / (OWN_SCALE + n)
    center = share * float(expected.mean())
    spread = share * float(expected.std()) + (1 - share)
    warp = outcomes.warp
    y = outcomes.y.copy()
    y[:n] = center + spread * y[:n]
    warp = replace(
        warp, shift=warp.shift - center * warp.spread / spread, spread=warp.spread / spread
    )
    return replace(outcomes, y=y, warp=warp)

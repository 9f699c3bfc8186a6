"""Models of outcomes: other sweeps, runs ended early and runs without an outcome are worked in."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from homerun.search.models import gaussian
from homerun.search.models.acquisition import BEST
from homerun.search.models.coordinates import Mask, Space
from homerun.search.models.dimensions import Array
from homerun.search.models.forest import Forest, grow
from homerun.search.models.gaussian import Kernel, Process
from homerun.search.models.outcomes import Outcomes

MOST_CONDITIONED = 1200  # rows that a Gaussian process is given: time grows with their cube


@dataclass(frozen=True)
class Inputs:
    """What a model sees of a configuration: its point, families of names, and whose run it is.

    Families count once there are as many outcomes as families; before that, one bad run would
    speak against all of its family.
    """

    space: Space
    has_sources: bool
    rows: int  # outcomes

    def __call__(self, points: Array, sources: Array | None = None) -> Array:
        """Return points with the further coordinates; without `sources` for the sweep itself."""
        columns = [points]
        for column, families in self._families:
            columns.append(families[points[:, column].astype(int), None])
        if self.has_sources:
            columns.append(np.zeros((len(points), 1)) if sources is None else sources[:, None])
        return np.concatenate(columns, axis=1)

    @property
    def is_category(self) -> Mask:
        """Return which coordinates have no order."""
        more = len(self._families) + self.has_sources
        return np.concatenate([self.space.is_category, np.ones(more, dtype=bool)])

    @property
    def _families(self) -> list[tuple[int, Array]]:
        return [
            (column, one.families)
            for column, one in enumerate(self.space.dimensions)
            if one.families is not None and one.families.max() < self.rows
        ]


@dataclass(frozen=True)
class Model:
    """A model of the sweep's own outcomes, in warped units, of which smaller is better."""

    inner: Process | Forest
    inputs: Inputs
    best: float  # lowest mean at a point with an outcome
    near: Array  # the points with the lowest means

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation at points, without the noise of a run."""
        return self.inner.predict(self.inputs(points))


# Fits a model to points, outcomes and the number of runs behind each.
_Fit = Callable[[Array, Array, Array, Mask], Process | Forest]


def process_of(space: Space, outcomes: Outcomes, kernel: Kernel) -> Model:
    """Return the Gaussian process of a kernel, given outcomes."""

    def fit(points: Array, y: Array, counts: Array, _: Mask) -> Process:
        some = gaussian.representative(y, MOST_CONDITIONED)
        return gaussian.condition(kernel, points[some], y[some], counts[some])

    return _model(space, outcomes, fit)


def kernel_of(space: Space, outcomes: Outcomes) -> Kernel:
    """Return the kernel that explains the outcomes best; runs that were ended early left out."""
    inputs = Inputs(space, outcomes.has_others, len(outcomes.y))
    points = inputs(outcomes.points, outcomes.sources)
    sure = ~outcomes.is_censored
    if not sure.any():
        sure = ~sure
    return gaussian.fit(points[sure], outcomes.y[sure], outcomes.counts[sure], inputs.is_category)


def forest_of(space: Space, outcomes: Outcomes, seed: int) -> Model:
    """Return a forest grown on outcomes."""
    return _model(
        space,
        outcomes,
        lambda x, y, counts, is_category: grow(x, y, counts, is_category, seed=seed),
    )


def _model(space: Space, outcomes: Outcomes, fit: _Fit) -> Model:
    """Return a model of what is known, then of what it expects of the rest as well.

    A run that was ended early counts as the worse of its last value and the mean there, a pending
    one as the mean there (a kriging believer: Ginsbourger et al., 2010).
    """
    inputs = Inputs(space, outcomes.has_others, len(outcomes.y))
    points, is_category = inputs(outcomes.points, outcomes.sources), inputs.is_category
    y, counts, censored = outcomes.y.copy(), outcomes.counts, outcomes.is_censored
    if censored.any() and not censored.all():
        sure = fit(points[~censored], y[~censored], counts[~censored], is_category)
        y[censored] = np.maximum(y[censored], sure.predict(points[censored])[0])
    model = Model(fit(points, y, counts, is_category), inputs, 0.0, points)
    ended = outcomes.is_own & ~censored
    known = outcomes.points[ended if ended.any() else ~censored if not censored.all() else censored]
    means = model.predict(known)[0]
    near = known[np.argsort(means, kind="stable")[:BEST]]
    inner = model.inner
    if len(outcomes.pending):
        pending = inputs(outcomes.pending)
        expected = model.predict(outcomes.pending)[0]
        inner = fit(
            np.concatenate([points, pending]),
            np.concatenate([y, expected]),
            np.concatenate([counts, np.ones(len(expected))]),
            is_category,
        )
    return Model(inner, inputs, float(means.min()), near)

"""What is believed of finished configurations: by a model of all runs, or by repeats alone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import stdtrit

from homerun.search.best.judging import Array, Beliefs
from homerun.search.best.recommendation import REPEATS
from homerun.search.best.sampling import KERNELS, Rows, draw_kernels
from homerun.search.models.acquisition import BEST, acquire
from homerun.search.models.coordinates import Mask, Space, space_of
from homerun.search.models.gaussian import FitError, Process, condition, fit
from homerun.search.models.outcomes import FEWEST_MODELLED, Aim, Outcomes, Warp, aim_of, outcomes_of
from homerun.search.observations import Observation
from homerun.search.threads import one_thread
from homerun.spec import Metric, Sweep

_FEW = 6  # kernels that do for looks that are taken often
_NEAR = 0.1  # warped units to both sides, over which a slope is taken
_UNSURE = 1.25  # by which intervals are wider as long as it is not: a rough function looks the same
NORMAL = 1.645  # standard deviations to both sides that hold 90 % of a normal distribution


@dataclass(frozen=True, kw_only=True)
class View:
    """Beliefs about configurations, and how to say them in units of the metric."""

    beliefs: Beliefs
    back: Callable[[Array], Array]  # from the scale of the beliefs
    places: Sequence[int]  # of these configurations among all
    widened: float = 1.0  # what intervals are multiplied by

    def interval(self) -> tuple[Array, Array, Array]:
        """Return means, and the bounds of their 90 % intervals, in units of the metric."""
        mean, reach = self.beliefs.mean, NORMAL * self.widened * self.beliefs.sd()
        one, other = self.back(mean - reach), self.back(mean + reach)
        return self.back(mean), np.minimum(one, other), np.maximum(one, other)

    @property
    def noise(self) -> float:
        """Return the standard deviation of single runs around the best mean, in the same units."""
        best, spread = self.beliefs.mean[self.beliefs.best], math.sqrt(self.beliefs.noise)
        low, high = self.back(np.array([best - spread, best + spread]))
        return float(abs(high - low)) / 2


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A Gaussian process over the finished runs of a sweep."""

    space: Space
    outcomes: Outcomes
    processes: tuple[Process, ...]  # as likely as each other
    fine: tuple[Array, ...]  # (rows,) for each, variance of structure that is too fine for it
    fine_elsewhere: tuple[float, ...]  # of each, at points that have not run
    noise: float  # variance of a single run near the best

    def back(self, values: Array) -> Array:
        """Return values of the processes in units of the metric."""
        return self.outcomes.sign * self.outcomes.warp.inverse(values)

    def beliefs(self, points: Array) -> Beliefs:
        """Return what the processes together say of points, jointly."""
        is_own, is_same = _same(self.outcomes.points, points), _same(points, points)
        means, covariances = [], []
        for process, fine, elsewhere in zip(
            self.processes, self.fine, self.fine_elsewhere, strict=True
        ):
            cross = process.kernel(process.points, points) + fine[:, None] * is_own
            half = solve_triangular(process.factor, cross, lower=True)
            lasting = np.where(is_own.any(axis=0), fine @ is_own, elsewhere)
            means.append(cross.T @ process.alpha)
            covariances.append(process.kernel(points, points) + lasting * is_same - half.T @ half)
        apart = np.array(means) - np.mean(means, axis=0)
        return Beliefs(
            mean=np.mean(means, axis=0),
            covariance=np.mean(covariances, axis=0) + apart.T @ apart / len(means),
            noise=self.noise,
        )

    def candidates(self, best: float, *, most: int) -> Array:
        """Return points that have not run, the most promising first."""
        own = self.outcomes.points
        near = own[np.argsort(self.outcomes.y, kind="stable")[:BEST]]
        found = acquire(self, self.space, best=best, near=near, rng=np.random.default_rng(0))
        tried = {point.tobytes() for point in own}
        return found[[point.tobytes() not in tried for point in found]][:most]

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation at points, without the noise of a run."""
        means, squares = [], []
        for process in self.processes:
            mean, sd = process.predict(points)
            means.append(mean)
            squares.append(sd**2 + mean**2)
        center = np.mean(means, axis=0)
        return center, np.sqrt(np.maximum(np.mean(squares, axis=0) - center**2, 1e-12))


def thinned(
    sweep: Sweep, metric: Metric, runs: Sequence[Observation], *, most: int
) -> Sequence[int]:
    """Return which of many runs to look at: some evenly, and those near which the best must be.

    The second half follows from a model of the first, and not from the values of the runs
    themselves: these would be the lucky ones.
    """
    if len(runs) <= most:
        return range(len(runs))
    even = sorted({i * len(runs) // (most // 2) for i in range(most // 2)})
    space = space_of(sweep)
    process = _process(outcomes_of(space, [runs[i] for i in even], aim_of(metric)), space)
    if process is None:
        return even
    rest = sorted(set(range(len(runs))) - set(even))
    points = space.encode_all([runs[i].config for i in rest])
    rest = [i for i, point in zip(rest, points, strict=True) if point is not None]
    if not rest:
        return even
    means = process.predict(np.array([point for point in points if point is not None]))[0]
    order = np.argsort(means, kind="stable")[: most - len(even)]
    return sorted([*even, *(rest[i] for i in order)])


def fitted(
    sweep: Sweep, metric: Metric, runs: Sequence[Observation], *, is_quick: bool = False
) -> Fitted | None:
    """Fit processes to finished runs; None where nothing can be learned from them."""
    if not sweep.parameters:  # a function of the user defines them
        return None
    space, aim = space_of(sweep), aim_of(metric)
    runs = [one for one in runs if _has_value(one, metric)]
    outcomes = outcomes_of(space, runs, aim)
    points, y, counts = outcomes.points, outcomes.y, outcomes.counts
    first = _process(outcomes, space)
    if first is None:
        return None
    try:
        means = first.predict(points)[0]
        rows = Rows(
            points=points,
            y=y,
            counts=counts,
            slopes=_slopes(outcomes.warp, means),
            spread=_spread(space, outcomes, runs, aim),
        )
        drawn = draw_kernels(rows, first.kernel, n=_FEW if is_quick else KERNELS)
        processes = tuple(
            condition(one.kernel, points, y, rows.weights(one.following, one.lasting))
            for one in drawn
        )
    except FitError:
        return None
    steep = rows.slopes[means.argmin()]
    near = [one.kernel.noise * steep ** (2 * one.following) for one in drawn]
    lasting = [one.lasting for one in drawn]
    return Fitted(
        space=space,
        outcomes=outcomes,
        processes=processes,
        fine=tuple(
            one.lasting * one.kernel.noise * rows.slopes ** (2 * one.following) for one in drawn
        ),
        fine_elsewhere=tuple(
            float(share * noise) for share, noise in zip(lasting, near, strict=True)
        ),
        noise=float(np.mean(near * (1 - np.array(lasting)))),
    )


def _same(points: Array, others: Array) -> Mask:
    """Return which of some points are which of others, (points, others)."""
    return np.asarray((points[:, None] == others).all(axis=2))


def _process(outcomes: Outcomes, space: Space) -> Process | None:
    """Return the process of the kernel that explains outcomes best; None where there is none."""
    points, y, counts = outcomes.points, outcomes.y, outcomes.counts
    if not space.dimensions or len(y) < FEWEST_MODELLED:
        return None
    try:
        return condition(fit(points, y, counts, space.is_category), points, y, counts)
    except FitError:
        return None


def _has_value(run: Observation, metric: Metric) -> bool:
    value = run.values.get(metric.name)
    return value is not None and math.isfinite(value)


def _spread(space: Space, outcomes: Outcomes, runs: Sequence[Observation], aim: Aim) -> Array:
    """Return the sum of squares of the runs of each row around their mean, on the warped scale."""
    numbers = {point.tobytes(): number for number, point in enumerate(outcomes.points)}
    values: list[list[float]] = [[] for _ in numbers]
    points = space.encode_all([run.config for run in runs])
    for run, point in zip(runs, points, strict=True):
        score = aim.score(run)
        number = None if point is None else numbers.get(point.tobytes())
        if number is not None and score is not None:
            values[number].append(score)
    warped = [outcomes.warp(np.array(some)) for some in values]
    return np.array([float(((some - some.mean()) ** 2).sum()) for some in warped])


def _slopes(warp: Warp, y: Array) -> Array:
    """Return how much a warp stretches outcomes near warped values, 1 in the geometric mean."""
    y = np.clip(y, -3, 3)
    gaps = np.maximum(warp.inverse(y + _NEAR) - warp.inverse(y - _NEAR), 1e-12)
    logs = np.clip(-np.log(gaps / np.median(gaps)), -4, 4)
    return np.asarray(np.exp(logs - logs.mean()))


@one_thread()
def by_model(
    sweep: Sweep, metric: Metric, groups: Sequence[Sequence[Observation]], *, most: int
) -> View | None:
    """Return what a model of finished runs says; `groups`: the repeats of each configuration.

    At most so many configurations are looked at.
    """
    if not sweep.parameters:  # a function of the user defines them
        return None
    space = space_of(sweep)
    points = space.encode_all([some[0].config for some in groups])
    inside = [i for i, point in enumerate(points) if point is not None]
    some = thinned(sweep, metric, [groups[i][0] for i in inside], most=most)
    places = [inside[i] for i in some]
    model = fitted(sweep, metric, [run for i in places for run in groups[i]])
    if model is None:
        return None
    chosen = np.array([point for point in (points[i] for i in places) if point is not None])
    is_known = sum(len(some) - 1 for some in groups) >= REPEATS
    return View(
        beliefs=model.beliefs(chosen),
        back=model.back,
        places=places,
        widened=1.0 if is_known else _UNSURE,
    )


def by_repeats(values: Sequence[Sequence[float]], *, is_maximized: bool) -> View | None:
    """Return what repeats say, with the spread that all have around the mean of theirs.

    None where there are too few to know it.
    """
    freedom = sum(len(some) - 1 for some in values)
    if freedom < 1:
        return None
    sign = -1 if is_maximized else 1
    means = [math.fsum(some) / len(some) for some in values]
    squares = math.fsum(
        (one - mean) ** 2 for mean, some in zip(means, values, strict=True) for one in some
    )
    # Few repeats know their own spread badly: Student's t, by its 95 % quantile.
    noise = squares / freedom * (float(stdtrit(freedom, 0.95)) / NORMAL) ** 2
    beliefs = Beliefs(
        mean=sign * np.array(means),
        covariance=np.diag([noise / len(some) for some in values]),
        noise=noise,
    )
    return View(beliefs=beliefs, back=lambda some: sign * some, places=range(len(values)))

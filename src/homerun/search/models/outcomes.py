"""From what runs tell to what a model is fitted to: points, and values of which less is better."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from homerun.core import RunState
from homerun.search.models.coordinates import Mask, Space
from homerun.search.models.dimensions import Array
from homerun.search.observations import Observation
from homerun.spec import Metric

FEWEST_MODELLED = 2  # different configurations that a model is fitted to
_OPEN = frozenset({RunState.PENDING, RunState.RUNNING, RunState.PAUSED})
_OUTLIERS = 3.0  # values this many interquartile ranges above the third quartile are cut off
_FEWEST_WARPED = 5  # values that a power is fitted to
_POWERS = np.linspace(-3.0, 5.0, 161)
_DIGITS = 9  # of standardised values: hides the rounding errors of other units
_HUGE = 1e100


@dataclass(frozen=True, kw_only=True)
class Aim:
    """What a search goes for.

    `score` gives the outcome of a run, smaller is better and None where there is none. `extra` is
    added to the logarithm of the expected improvement of each point, such as the logarithm of the
    probability that it fits into memory.
    """

    score: Callable[[Observation], float | None]
    impute: str = "worst"  # what a failed run counts as: worst, best or latest
    impute_running: str = "false"
    sign: float = 1.0  # metric = sign * score
    extra: Callable[[Array], Array] | None = None
    note: str = ""  # for people


def aim_of(metric: Metric | None) -> Aim:
    """Return the aim at one metric; at nothing where a sweep has none."""
    if metric is None:
        return Aim(score=lambda _: None)
    sign = -1.0 if metric.is_maximized else 1.0

    def score(run: Observation) -> float | None:
        value = run.values.get(metric.name)
        return None if value is None else sign * float(value)

    return Aim(
        score=score,
        impute=metric.impute,
        impute_running=str(metric.impute_while_running),
        sign=sign,
    )


@dataclass(frozen=True, kw_only=True)
class Warp:
    """A monotone function that makes outcomes look normal, and its inverse.

    Values far above the rest are cut off, the rest standardised, raised to a power that Yeo and
    Johnson (Biometrika 87, 2000) choose by likelihood, and standardised again.
    """

    most: float = math.inf
    center: float = 0.0
    scale: float = 1.0
    power: float = 1.0
    shift: float = 0.0
    spread: float = 1.0

    def __call__(self, y: Array) -> Array:
        """Return warped outcomes."""
        z = np.round((np.minimum(y, self.most) - self.center) / self.scale, _DIGITS)
        return np.round((_yeo_johnson(z, self.power) - self.shift) / self.spread, _DIGITS)

    def inverse(self, warped: Array) -> Array:
        """Return the outcomes of warped values; beyond the range of the function its bound."""
        t = np.asarray(warped) * self.spread + self.shift
        return self.center + self.scale * _inverse_yeo_johnson(t, self.power)


def warp_of(y: Array) -> Warp:
    """Return the warp that suits these outcomes; constant ones all become 0."""
    first, third = np.quantile(y, [0.25, 0.75])
    most = third + _OUTLIERS * (third - first) if third > first else math.inf
    cut = np.minimum(y, most)
    center, scale = float(cut.mean()), float(cut.std())
    if not scale > 1e-12 * max(abs(center), np.abs(cut).max()):
        return Warp(most=most, center=center)
    z = np.round((cut - center) / scale, _DIGITS)
    power = _power(z) if len(set(z.tolist())) >= _FEWEST_WARPED else 1.0
    t = _yeo_johnson(z, power)
    return Warp(
        most=most,
        center=center,
        scale=scale,
        power=power,
        shift=float(t.mean()),
        spread=float(t.std()) or 1.0,
    )


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """What the runs so far say: one row for each configuration that has an outcome."""

    points: Array  # (n, parameters)
    y: Array  # (n,) warped, smaller is better
    counts: Array  # (n,) runs behind each value
    sources: Array  # (n,) 0: the sweep itself, 1 and up: other sweeps
    is_censored: Mask  # (n,) ended early: the value is a bound from below
    warp: Warp  # of the sweep's own outcomes
    sign: float  # metric = sign * inverse warp
    pending: Array  # (k, parameters) without an outcome yet
    runs: int  # of the sweep itself with an outcome of their own
    started: int  # of the sweep itself, in any state
    seen: frozenset[str]  # fingerprints of the sweep's own configurations

    @property
    def is_own(self) -> Mask:
        """Return which rows are of the sweep itself."""
        return np.asarray(self.sources == 0)

    @property
    def is_enough(self) -> bool:
        """Return whether a model can be fitted."""
        return len(self.y) >= FEWEST_MODELLED

    @property
    def has_others(self) -> bool:
        """Return whether there are rows of other sweeps."""
        return bool(self.sources.any())


@dataclass(frozen=True)
class _Row:
    point: Array
    score: float
    source: str
    is_censored: bool


def outcomes_of(space: Space, observations: Sequence[Observation], aim: Aim) -> Outcomes:
    """Return what the runs say about a space."""
    seen: set[str] = set()
    own = [run for run in observations if not run.source]
    started, runs = 0, 0
    pending: list[Array] = []
    rows: list[_Row] = []
    known = _scores(own, aim)
    points = space.encode_all([run.config for run in own])
    for run, point in zip(own, points, strict=True):
        key = space.key(run.config)
        if key is None:
            continue
        seen.add(key)
        started += 1
        score = _outcome(run, aim, known)
        runs += run.state is RunState.FINISHED and _score(run, aim) is not None
        if point is None:
            continue
        if score is not None:
            rows.append(_Row(point, score, "", run.is_censored))
        elif run.state in _OPEN:
            pending.append(point)
    others = [run for run in observations if run.source and run.state is RunState.FINISHED]
    points = space.encode_all([run.config for run in others])
    for run, point in zip(others, points, strict=True):
        value = _score(run, aim)
        if point is not None and value is not None:
            rows.append(_Row(point, value, run.source, run.is_censored))
    table = _table(rows, len(space.dimensions))
    return Outcomes(
        **table,
        sign=aim.sign,
        pending=np.array(pending).reshape(len(pending), len(space.dimensions)),
        runs=runs,
        started=started,
        seen=frozenset(seen),
    )


def _score(run: Observation, aim: Aim) -> float | None:
    value = aim.score(run)
    return value if value is not None and math.isfinite(value) else None


def _scores(own: Sequence[Observation], aim: Aim) -> list[float]:
    found = (_score(run, aim) for run in own if run.state is RunState.FINISHED)
    return [value for value in found if value is not None]


def _outcome(run: Observation, aim: Aim, known: Sequence[float]) -> float | None:
    """Return what a run counts as, W&B's rules for runs without a result; None: nothing yet."""
    value = _score(run, aim)
    if run.state is RunState.PREEMPTED:  # given back, not at fault
        return None
    if run.state in _OPEN:
        if aim.impute_running == "latest":
            return value
        return _imputed(aim.impute_running, None, known) if run.state is RunState.RUNNING else None
    if value is not None and (run.state is RunState.FINISHED or run.is_censored):
        return value
    return _imputed(aim.impute, value, known)


def _imputed(rule: str, latest: float | None, known: Sequence[float]) -> float | None:
    if rule == "latest" and latest is not None:
        return latest
    if rule == "false" or not known:
        return None
    return min(known) if rule == "best" else max(known)


def _table(rows: Sequence[_Row], d: int) -> dict[str, Any]:
    """Return rows with the same point and source as one, and the outcomes of each source warped."""
    merged: dict[tuple[str, bytes, bool], list[_Row]] = {}
    for row in rows:
        merged.setdefault((row.source, row.point.tobytes(), row.is_censored), []).append(row)
    names = ["", *sorted({row.source for row in rows if row.source})]
    sources = np.array([names.index(source) for source, _, _ in merged], dtype=float)
    scores = np.array([_mean([row.score for row in same]) for same in merged.values()])
    y, warp = np.zeros(len(scores)), Warp()
    for number in range(len(names)):
        mine = sources == number
        if mine.any():
            own = warp_of(scores[mine])
            y[mine] = own(scores[mine])
            warp = own if number == 0 else warp
    points = np.array([same[0].point for same in merged.values()])
    return {
        "points": points.reshape(len(merged), d),
        "y": y,
        "counts": np.array([float(len(same)) for same in merged.values()]),
        "sources": sources,
        "is_censored": np.array([is_censored for _, _, is_censored in merged], dtype=bool),
        "warp": warp,
    }


def _mean(scores: Sequence[float]) -> float:
    mean = math.fsum(score / len(scores) for score in scores)
    return min(max(mean, -_HUGE), _HUGE)  # squares stay finite


def _power(z: Array) -> float:
    """Return the power of the highest likelihood among `_POWERS`."""
    log = float((np.sign(z) * np.log1p(np.abs(z))).sum())
    found = []
    for power in _POWERS:
        variance = float(_yeo_johnson(z, float(power)).var())
        found.append(-len(z) / 2 * math.log(max(variance, 1e-300)) + (power - 1) * log)
    return float(_POWERS[int(np.argmax(found))])


def _yeo_johnson(z: Array, power: float) -> Array:
    up, down = np.maximum(z, 0), np.maximum(-z, 0)
    above = np.log1p(up) if abs(power) < 1e-9 else ((1 + up) ** power - 1) / power
    rest = 2 - power
    below = np.log1p(down) if abs(rest) < 1e-9 else ((1 + down) ** rest - 1) / rest
    return np.asarray(np.where(z >= 0, above, -below), float)


def _inverse_yeo_johnson(t: Array, power: float) -> Array:
    up, down = np.maximum(t, 0), np.maximum(-t, 0)
    rest = 2 - power
    tiny = 1e-6  # below 0 the function has no inverse: it never gets there
    if abs(power) < 1e-9:
        above = np.expm1(np.minimum(up, 50))
    else:
        above = np.maximum(power * up + 1, tiny) ** (1 / power) - 1
    if abs(rest) < 1e-9:
        below = np.expm1(np.minimum(down, 50))
    else:
        below = np.maximum(rest * down + 1, tiny) ** (1 / rest) - 1
    return np.asarray(np.where(t >= 0, above, -below), float)

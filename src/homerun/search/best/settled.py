"""Whether a sweep has come as far as it will: what the next runs are expected to gain.

A model of the finished runs says how much better than the best so far the next few could be. Once
that is well under what runs of one configuration differ by chance, nobody could see the gain. What
they differ by chance only repeats tell: a rough function looks like noise to a smooth model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homerun.core import MissingExtraError, config_hash
from homerun.search.best.recommendation import REPEATS, digits
from homerun.search.best.recommending import counts
from homerun.search.observations import Observation
from homerun.search.threads import one_thread
from homerun.spec import Metric, Sweep, part_of

if TYPE_CHECKING:
    from homerun.search.best.views import Fitted

NEXT = 10  # runs whose gain is expected
FEWEST = 20  # finished runs before a sweep can be settled
_PER_PARAMETER = 4  # and so many of them for each parameter that varies
_BACK = 5  # finished runs that a second look does without: it must say the same
_HIDDEN = 0.75  # of the noise: gains below cannot be seen
_MOST = 250  # runs that a look goes by, half of them near the best
_LOOKED_AT = 200  # candidates that are judged together
_DRAWS = 1_000


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What the next runs of a sweep are expected to gain, in units of its metric."""

    metric: str
    finished: int  # runs that it follows from
    gain: float | None = None  # expected of the next runs; None: too early to say
    noise: float | None = None  # standard deviation of a single run
    is_settled: bool = False
    lacks_repeats: bool = False  # it would be settled, if what looks like noise is noise

    @property
    def sentence(self) -> str:
        """Return it in plain words; empty where it is too early to say."""
        if self.gain is None or self.noise is None:
            return ""
        gain, noise = digits((self.gain, self.noise), self.noise)
        expected = f"the next {NEXT} runs are expected to gain {gain} of {self.metric}"
        if self.is_settled:
            return f"settled: {expected}, under the noise of {noise} of a single run"
        said = f"{expected}; the noise of a single run is {noise}"
        return f"{said}, if it is noise: repeats would tell" if self.lacks_repeats else said


def runs_needed(sweep: Sweep) -> int:
    """Return how many runs must have finished before an outlook says anything."""
    varying = sum(p.distribution != "constant" and len(p.values) != 1 for p in sweep.parameters)
    return max(FEWEST, _PER_PARAMETER * varying)


def outlook(sweep: Sweep, observations: Sequence[Observation]) -> Outlook | None:
    """Return what to expect of more runs; None for a sweep without one metric.

    It is settled when it also was a few runs ago, and repeats say what noise there is.
    """
    metric = sweep.metric
    if metric is None:
        return None
    runs = [one for one in observations if counts(one) and _is_finite(one.values.get(metric.name))]
    known = Outlook(metric=metric.name, finished=len(runs))
    if len(runs) < runs_needed(sweep):
        return known
    try:
        found = _look(sweep, metric, runs)
    except ImportError as error:
        raise MissingExtraError("the outlook needs: pip install 'homerun[search]'") from error
    if found is None:
        return known
    gain, noise = found
    is_hidden = gain < _HIDDEN * noise
    if is_hidden:
        before = _look(sweep, metric, runs[:-_BACK])
        is_hidden = before is not None and before[0] < _HIDDEN * before[1]
    is_known = _repeats(sweep, runs) >= REPEATS
    return Outlook(
        metric=metric.name,
        finished=len(runs),
        gain=gain,
        noise=noise,
        is_settled=is_hidden and is_known,
        lacks_repeats=is_hidden and not is_known,
    )


def _repeats(sweep: Sweep, runs: Sequence[Observation]) -> int:
    """Return how many runs have a configuration that another one had before."""
    return len(runs) - len({config_hash(part_of(sweep, run.config) or {}) for run in runs})


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


@one_thread()
def _look(sweep: Sweep, metric: Metric, runs: Sequence[Observation]) -> tuple[float, float] | None:
    """Return the expected gain of the next runs and the noise of one; None without a model."""
    from homerun.search.best.views import View, fitted, thinned  # noqa: PLC0415  loads numpy and scipy

    some = [runs[i] for i in thinned(sweep, metric, runs, most=_MOST)]
    model = fitted(sweep, metric, some, is_quick=True)
    if model is None:
        return None
    points = model.outcomes.points
    view = View(beliefs=model.beliefs(points), back=model.back, places=range(len(points)))
    return _gain(model, float(view.beliefs.mean.min())), view.noise


def _gain(model: "Fitted", best: float) -> float:
    """Return by how much the best of the next runs is expected to be better, greedily chosen."""
    import numpy as np  # noqa: PLC0415  as above

    points = model.candidates(best, most=_LOOKED_AT)
    if not len(points):
        return 0.0
    drawn = model.beliefs(points).draw(_DRAWS)
    gains = np.abs(model.back(np.array([best])) - model.back(np.minimum(drawn, best)))
    reached = np.zeros(len(gains))
    for _ in range(NEXT):
        together = np.maximum(gains, reached[:, None])
        reached = together[:, together.mean(axis=0).argmax()]
    return float(reached.mean())

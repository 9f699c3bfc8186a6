"""Which run of a sweep is best: by what a model expects of it, not by its luck.

Of many noisy results the best one is mostly also a lucky one, and falls back when it is run again
(the winner's curse). A model of all runs knows by how much: it recommends the finished
configuration with the lowest mean, and says which others it cannot tell apart from that one.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from homerun.core import RunState, UsageError
from homerun.search.aims.front import goal_values, pareto_front
from homerun.search.best.recommendation import REPEATS, Candidate, Recommendation
from homerun.search.observations import Observation
from homerun.search.threads import one_thread
from homerun.spec import Metric, Sweep, part_of

if TYPE_CHECKING:
    from homerun.search.best.views import View

FEWEST = 4  # different configurations that a model is fitted to
_MODELLED = 256  # configurations at most, half of them near the best


class _Known(NamedTuple):
    """A finished configuration and its repeats."""

    candidate: Candidate
    values: tuple[float, ...]
    runs: tuple[Observation, ...]


def recommend(
    sweep: Sweep, observations: Sequence[Observation], *, names: Mapping[str, str] | None = None
) -> Recommendation:
    """Return which finished run of a sweep is best; `names`: what people call runs, by id.

    Runs of other sweeps and runs that did not come to their end by themselves are left out. Several
    goals have no best run: then it is their Pareto front.
    """
    if sweep.metrics:
        return _front(sweep, observations, names or {})
    if sweep.metric is None:
        raise UsageError(
            f"{sweep.source}: no metric: says what is best; name one, such as --metric loss"
        )
    metric, name = sweep.metric, sweep.metric.name
    known = _known(sweep, metric, observations)
    top = tuple(one.candidate for one in known)
    answer = Recommendation(
        metric=name,
        is_maximized=metric.is_maximized,
        finished=sum(one.repeats for one in top),
        top=top,
        observed=top[0] if top else None,
        names=names or {},
    )
    if len(top) > 1 and top[0].observed == top[-1].observed:
        top = (top[0], *(replace(one, is_tied=True) for one in top[1:]))
        return replace(answer, top=top)
    try:
        view = _view(sweep, metric, known)
    except ImportError:
        note = "it may be luck; how sure it is needs: pip install 'homerun[search]'"
        return replace(answer, note=note if top else "")
    if view is None:
        return replace(answer, note=_why_none(sweep, len(top)))
    return _judged(answer, view)


def _known(sweep: Sweep, metric: Metric, observations: Sequence[Observation]) -> list[_Known]:
    """Return the finished configurations with the means of their repeats, the best first."""
    sign = -1 if metric.is_maximized else 1
    groups: dict[str, list[tuple[float, Observation]]] = {}
    parts = {}
    for one in observations:
        value = one.values.get(metric.name)
        part = _part(sweep, one) if counts(one) else None
        if part is None or value is None or not math.isfinite(value):
            continue
        key = json.dumps(part, sort_keys=True)
        parts[key] = part
        groups.setdefault(key, []).append((float(value), one))
    found = []
    for key, runs in groups.items():
        best = min(runs, key=lambda run: sign * run[0])[1]
        values = tuple(value for value, _ in runs)
        mean = math.fsum(values) / len(values)
        candidate = Candidate(id=best.id, config=parts[key], observed=mean, repeats=len(values))
        found.append(_Known(candidate, values, tuple(run for _, run in runs)))
    return sorted(found, key=lambda one: sign * one.candidate.observed)


def counts(one: Observation) -> bool:
    """Tell whether a run may be recommended: it belongs to the sweep and came to its end."""
    return one.state == RunState.FINISHED and not one.is_censored and not one.source


def _part(sweep: Sweep, run: Observation) -> dict[str, Any] | None:
    """Return the parameters of a run; all of its configuration where code defines them."""
    return part_of(sweep, run.config) if sweep.parameters else dict(run.config)


def _why_none(sweep: Sweep, configurations: int) -> str:
    """Say why nothing is known but values."""
    if configurations == 0:
        return ""
    if configurations == 1:
        return "it is the only configuration that has finished"
    if not sweep.parameters:
        return (
            "it may be luck: the sweep's file lists no parameters that a model could be made of; "
            "repeats of each configuration tell quality from luck"
        )
    if configurations >= FEWEST:
        return "it may be luck: its parameters are not such that a model can be made of them"
    return (
        f"{configurations} configurations are too few to tell quality from luck: from {FEWEST} on "
        "a model does; with fewer, repeats of each do"
    )


def _view(sweep: Sweep, metric: Metric, known: Sequence[_Known]) -> "View | None":
    """Return what a model believes; what repeats alone say where there can be none."""
    from homerun.search.best.views import by_model, by_repeats  # noqa: PLC0415  loads numpy and scipy

    view = None
    if len(known) >= FEWEST:
        view = by_model(sweep, metric, [one.runs for one in known], most=_MODELLED)
    if view is None and sum(len(one.values) - 1 for one in known) >= REPEATS:
        return by_repeats([one.values for one in known], is_maximized=metric.is_maximized)
    return view


@one_thread()
def _judged(answer: Recommendation, view: "View") -> Recommendation:
    """Return the answer with what a view says of candidates, in its order; then the others."""
    from homerun.search.best import judging  # noqa: PLC0415  loads numpy and scipy

    beliefs = view.beliefs
    mean, low, high = view.interval()
    chances, ties = judging.chances(beliefs), judging.ties(beliefs)
    behind, variance = judging.differences(beliefs)
    top = list(answer.top)
    for i, place in enumerate(view.places):
        tell = None
        if ties[i]:
            tell = judging.repeats_to_tell(float(behind[i]), float(variance[i]), beliefs.noise)
        top[place] = replace(
            top[place],
            mean=float(mean[i]),
            low=float(low[i]),
            high=float(high[i]),
            chance=float(chances[i]),
            is_tied=bool(ties[i]),
            repeats_to_tell=tell,
        )
    judged = sorted(range(len(mean)), key=lambda i: (i != beliefs.best, beliefs.mean[i]))
    order = [view.places[i] for i in judged]
    others = sorted(set(range(len(top))) - set(order))
    return replace(
        answer,
        top=tuple(top[place] for place in (*order, *others)),
        observed=top[0],
        noise=view.noise,
    )


def _front(
    sweep: Sweep, observations: Sequence[Observation], names: Mapping[str, str]
) -> Recommendation:
    """Return the runs that no other beats in all of several goals."""
    metrics = sweep.metrics
    own = [one for one in observations if counts(one) and _part(sweep, one) is not None]
    front = tuple(
        Candidate(
            id=own[i].id,
            config=_part(sweep, own[i]) or {},
            observed=float(own[i].values[metrics[0].name] or 0.0),
            values={one.name: float(own[i].values[one.name] or 0.0) for one in metrics},
        )
        for i in pareto_front(own, metrics)
    )
    return Recommendation(
        metric=metrics[0].name,
        metrics=tuple(one.name for one in metrics),
        is_maximized=metrics[0].is_maximized,
        finished=sum(goal_values(one, metrics) is not None for one in own),
        front=front,
        names=names,
    )

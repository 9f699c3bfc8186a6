"""Is one value of a parameter better than the others, and can these runs tell?"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from homerun.core import UsageError
from homerun.insight.answer import Answer
from homerun.insight.contrasts import (
    Adjusted,
    Contexts,
    Contrast,
    clopper_pearson,
    contexts_of,
    finer_than,
    holm,
    matched,
    skillings_mack,
)
from homerun.insight.models import EffectsModel, fit_effects
from homerun.insight.scale import Floats
from homerun.insight.table import Parameter, Prepared, prepare, show

if TYPE_CHECKING:
    from pandas import DataFrame

_FEW_MATCH = 0.7  # of the configurations; below it, and with few contexts, a model compares
MOST_LEVELS = 1000  # that are compared one by one
_MATCHES = 20  # contexts that are enough even so


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All levels of a parameter against the best one."""

    table: Prepared
    factor: Parameter
    at: int  # of the factor in the table
    contexts: Contexts
    levels: tuple[int, ...]  # codes, best first
    contrasts: tuple[Contrast, ...]  # of each other level against the best
    p: tuple[float, ...]  # Holm's, over all pairs
    intervals: tuple[tuple[float, float], ...]  # simultaneous, where there are more than two
    margin: float  # as a response
    overall_p: float  # that no level differs, of rank sums within contexts

    @property
    def best(self) -> int:
        """Return the code of the level with the best mean."""
        return self.levels[0]

    @cached_property
    def ties(self) -> tuple[int, ...]:
        """Return the codes of the levels that are the best one's equal within the margin."""
        return tuple(
            code
            for code, contrast, p in zip(self.levels[1:], self.contrasts, self.p, strict=True)
            if not self._is_worse(contrast, p) and is_inside(contrast, self.margin)
        )

    @cached_property
    def worse(self) -> tuple[int, ...]:
        """Return the codes of the levels that lose to the best one."""
        return tuple(
            code
            for code, contrast, p in zip(self.levels[1:], self.contrasts, self.p, strict=True)
            if self._is_worse(contrast, p)
        )

    @property
    def verdict(self) -> str:
        """Return the winning level (ties joined by `or`), `no difference` or `cannot tell`."""
        decided = len(self.ties) + len(self.worse)
        if decided < len(self.contrasts) or not self.contrasts:
            return "cannot tell"
        if not self.worse:
            return "no difference"
        return " or ".join(show(self.factor.levels[code]) for code in (self.best, *self.ties))

    def _is_worse(self, contrast: Contrast, p: float) -> bool:
        return p < 0.05 and contrast.difference > 0


def compare(
    df: "DataFrame",
    parameter: str,
    *,
    metric: str,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    margin: float = 0.02,
) -> Answer:
    """Say which value of a parameter is best over the contexts it was tried in, or that none is.

    The verdict is the winning value (`a or b` where they tie), `no difference` (less than `margin`,
    a share of the metric) or `cannot tell`. `params`, `repeats`: columns, found where not given.
    """
    if not 0 < margin < 1:
        raise UsageError(f"margin is {margin}; use a share between 0 and 1, such as 0.02")
    table = prepare(df, metric=metric, goal=goal, params=params, repeats=repeats, also=[parameter])
    if len(table.factors[table.at(parameter)].levels) > MOST_LEVELS:
        return _too_many(table, parameter)
    return told(comparison(table, table.at(parameter), margin=table.scale.step(margin)))


def _too_many(table: Prepared, name: str) -> Answer:
    """Return that a parameter, drawn as a rule, has more values than are compared one by one."""
    levels = len(table.factors[table.at(name)].levels)
    return Answer(
        sentence=f"{name}: {levels:,} values in {len(table.run_y):,} runs are too many to compare"
        f" one by one (at most {MOST_LEVELS:,} are): `settled` judges the range of a number, and"
        " `importance` says how much it matters.",
        table=pd.DataFrame(columns=[name, "runs", table.metric, "verdict"]),
        verdict="cannot tell",
        notes=table.notes,
        facts={"parameter": name, "values": levels},
    )


def told(found: Comparison) -> Answer:
    """Return a comparison as an answer in words."""
    return Answer(
        sentence=_sentence(found),
        table=_table(found),
        verdict=found.verdict,
        notes=(*_notes(found), *found.table.notes),
        facts=_facts(found),
    )


def comparison(
    table: Prepared, at: int, *, margin: float, effects: EffectsModel | None = None
) -> Comparison:
    """Compare the levels of a factor; `margin` is a response, `effects` saves a second fit."""
    factor = table.factors[at]
    contexts = contexts_of(table, at)
    levels = len(factor.levels)
    model: Adjusted | None = None
    means = level_means(contexts.y)
    has_units = finer_than(table, at) >= 0
    if has_units or np.isfinite(contexts.y).all(axis=1).mean() < 0.5:
        model = _adjusted(table, at, effects)
        adjusted = np.array([model.contrast(code, 0).difference for code in range(levels)])
        means = np.where(np.isfinite(adjusted), adjusted, np.inf)
    order = np.argsort(np.where(np.isfinite(means), means, np.inf), kind="stable")
    best = int(order[0])
    contrasts = []
    for code in order[1:]:
        contrast = matched(table, contexts, int(code), best, margin=margin)
        if has_units or _is_thin(contexts, contrast, int(code), best):
            model = model or _adjusted(table, at, effects)
            contrast = model.contrast(int(code), best)
        contrasts.append(contrast)
    pairs = levels * (levels - 1) // 2
    sure = 1 - 0.05 / pairs
    return Comparison(
        table=table,
        factor=factor,
        at=at,
        contexts=contexts,
        levels=tuple(int(code) for code in order),
        contrasts=tuple(contrasts),
        p=tuple(float(p) for p in holm(np.array([c.p for c in contrasts]), of=pairs)),
        intervals=tuple(contrast.interval(sure) for contrast in contrasts),
        margin=margin,
        overall_p=skillings_mack(contexts.y),
    )


def _adjusted(table: Prepared, at: int, effects: EffectsModel | None) -> Adjusted:
    """Return the model that compares levels hardly ever run in one context, with what interacts."""
    effects = effects or fit_effects(table)
    return Adjusted(table, at, interactions=[term.pair for term in effects.terms])


def is_inside(contrast: Contrast, margin: float) -> bool:
    """Tell whether the interval of a difference lies inside the margin."""
    return max(abs(edge) for edge in contrast.interval()) < margin


def tuning_risks(contexts: Contexts) -> Floats:
    """Return, for each level, the best response found with it less the best found at all."""
    lowest = np.where(np.isfinite(contexts.y), contexts.y, np.inf).min(axis=0)
    risks: Floats = lowest - lowest.min()
    return risks


def wins_of(contexts: Contexts, a: int, b: int) -> tuple[int, int]:
    """Return in how many contexts a beats b, and in how many either wins."""
    with np.errstate(invalid="ignore"):
        wins = int((contexts.y[:, a] < contexts.y[:, b]).sum())
        return wins, wins + int((contexts.y[:, a] > contexts.y[:, b]).sum())


def runs_to_tell(contrast: Contrast, margin: float) -> int | None:
    """Return how many more runs would tell, with 80 % power; None: nobody knows.

    Either the difference is what it seems and comes to stand out, or it is small and its interval
    comes to lie inside the margin.
    """
    if not math.isfinite(contrast.error) or contrast.freedom < 1 or contrast.error == 0:
        return None
    aim = max(abs(contrast.difference), margin - abs(contrast.difference))
    growth = (contrast.error * (1.96 + 0.84) / aim) ** 2
    more = contrast.runs * (growth - 1)
    return max(math.ceil(more), 2) if more < 1e6 else None


def level_means(y: Floats) -> Floats:
    """Return level means over the contexts that have all levels, else free of context means."""
    present = np.isfinite(y)
    complete = present.all(axis=1)
    if complete.sum() >= max(1, len(y) / 2):
        means: Floats = y[complete].mean(axis=0)
        return means
    row, level = np.nonzero(present)
    known = y[row, level]
    in_row, in_level = present.sum(axis=1), np.maximum(present.sum(axis=0), 1)
    effect = np.zeros(y.shape[1])
    for _ in range(50):  # additive in contexts and levels: a few rounds converge
        context = np.bincount(row, weights=known - effect[level], minlength=len(y)) / in_row
        rest = known - context[row]
        effect = np.bincount(level, weights=rest, minlength=len(effect)) / in_level
    return effect


def _is_thin(contexts: Contexts, contrast: Contrast, a: int, b: int) -> bool:
    if len(contexts.y) == 1:
        return False
    present = np.isfinite(contexts.y[:, [a, b]])
    share = 2 * present.all(axis=1).sum() / max(int(present.sum()), 1)
    return bool(share < _FEW_MATCH and contrast.contexts < _MATCHES)


def _sentence(found: Comparison) -> str:
    factor = found.factor
    if not found.contrasts:
        return f"{factor.name}: only one value was run."
    names = [show(factor.levels[code]) for code in found.levels]
    verdict = found.verdict
    rival = found.ties[-1] if found.ties else found.levels[1]
    costs = f"{_cost_of(found, rival)} ({_evidence(found, rival)})"
    within = found.table.scale.words(found.margin)
    if verdict == "no difference":
        return f"{factor.name}: {_listed(names)} are the same within {within}: {costs}."
    if verdict == "cannot tell":
        decided = {*found.ties, *found.worse}
        undecided = [c for c in found.levels[1:] if c not in decided]
        need = runs_to_tell(found.contrasts[found.levels.index(undecided[0]) - 1], found.margin)
        tell = f"About {need:,} more runs would tell" if need else "More runs would tell"
        others = _listed([show(factor.levels[code]) for code in undecided])
        costs = f"{_cost_of(found, undecided[0])} ({_evidence(found, undecided[0])})"
        text = (
            f"{factor.name}: {len(found.table.run_y)} runs cannot tell {names[0]} from {others}: "
        )
        text += f"{costs}. {tell}."
    elif found.ties:
        top = _listed([show(factor.levels[code]) for code in (found.best, *found.ties)])
        text = f"{factor.name}: {top} are the same within {within}: {costs}."
    else:
        than = names[1] if len(names) == 2 else "all others"
        text = f"{factor.name}: {names[0]} is better than {than}: {costs}."
    if found.worse and len(names) > 2:
        text += _of_the_worse(found)
    return text


def _of_the_worse(found: Comparison) -> str:
    worst = found.worse[-1]
    complete = found.contexts.y[np.isfinite(found.contexts.y).all(axis=1)]
    times = int((complete.argmax(axis=1) == worst).sum())
    where = f", worst in {times} of {_plural(len(complete), 'context')}" if len(complete) else ""
    others = [show(found.factor.levels[code]) for code in found.worse[:-1]]
    best = show(found.factor.levels[found.best])
    also = ""
    if others and len(found.worse) < len(found.levels) - 1:
        also = f" {_listed(others)} {'loses' if len(others) == 1 else 'lose'} to {best}."
    return f"{also} {_cost_of(found, worst)}{where}."


def _cost_of(found: Comparison, code: int) -> str:
    at = found.levels.index(code) - 1
    name = show(found.factor.levels[code])
    return cost(found.table, name, found.contrasts[at].difference, found.intervals[at])


def cost(
    table: Prepared, name: str, difference: float, interval: tuple[float, float] | None = None
) -> str:
    """Return `squish costs 4 % [2, 6] in error_rate` of a difference of responses."""
    scale = table.scale
    of = "the odds of error" if scale.kind == "logit" else table.metric
    bounds = ""
    if interval is not None and all(map(math.isfinite, interval)):
        low, high = (scale.words(edge).removesuffix(" %") for edge in interval)
        bounds = f" [{low}, {high}]"
    if not math.isfinite(difference):
        return f"nothing says what {name} costs"
    return f"{name} costs {scale.words(difference)}{bounds} in {of}"


def _evidence(found: Comparison, code: int) -> str:
    contrast = found.contrasts[found.levels.index(code) - 1]
    if contrast.is_adjusted:
        return f"{contrast.runs} runs, adjusted for the rest by a model"
    wins, of = wins_of(found.contexts, found.best, code)
    if not of:
        return f"{_plural(contrast.contexts, 'matched context')}"
    bound = f", >= {100 * clopper_pearson(wins, of):.0f} %" if wins == of and of > 1 else ""
    best = show(found.factor.levels[found.best])
    return f"{best} ahead in {wins} of {_plural(of, 'context')}{bound}"


def _table(found: Comparison) -> "DataFrame":
    scale, factor = found.table.scale, found.factor
    risks = tuning_risks(found.contexts)
    shares = _lost_by_level(found)
    rows = []
    for position, code in enumerate(found.levels):
        contrast = found.contrasts[position - 1] if position else None
        low, high = found.intervals[position - 1] if position else (np.nan, np.nan)
        rival = found.levels[1] if code == found.best and len(found.levels) > 1 else found.best
        wins, of = wins_of(found.contexts, code, rival)
        mine = found.table.codes[found.table.run_cell, found.at] == code
        rows.append(
            {
                factor.name: show(factor.levels[code]),
                "runs": int(mine.sum()),
                found.table.metric: scale.backward(float(found.table.run_y[mine].mean())),
                "costs": scale.relative(contrast.difference) if contrast else 0.0,
                "low": scale.relative(low) if math.isfinite(low) else np.nan,
                "high": scale.relative(high) if math.isfinite(high) else np.nan,
                "p": found.p[position - 1] if position else np.nan,
                "wins": wins / of if of else np.nan,
                "contexts": of,
                "at_least": clopper_pearson(wins, of) if of else np.nan,
                "risk": scale.relative(float(risks[code])),
                **({"lost": int(shares[code])} if shares.any() else {}),
                "verdict": _standing(code, found),
            }
        )
    return pd.DataFrame(rows)


def _standing(code: int, found: Comparison) -> str:
    if code == found.best:
        return {"cannot tell": "ahead", "no difference": "same"}.get(found.verdict, "best")
    return "same" if code in found.ties else "worse" if code in found.worse else "open"


def _lost_by_level(found: Comparison) -> npt.NDArray[np.intp]:
    """Return how many runs of each level gave no usable result."""
    counts = np.zeros(len(found.factor.levels), dtype=np.intp)
    lost = found.table.lost
    if found.factor.name not in lost.columns:
        return counts
    names = [show(level) for level in found.factor.levels]
    for value, many in lost[found.factor.name].value_counts().items():
        text = show(value)
        if text in names:
            counts[names.index(text)] += many
    return counts


def _notes(found: Comparison) -> list[str]:
    notes = []
    if found.contrasts and (contrast := found.contrasts[0]).cluster >= 0:
        by = found.table.factors[contrast.cluster]
        words = found.table.scale.words
        parts = "; ".join(
            f"{show(by.levels[part.code])}: {words(part.difference)}"
            + _bounds(found, part.low, part.high)
            for part in contrast.parts[:6]
        )
        second = show(found.factor.levels[found.levels[1]])
        notes.append(f"What {second} costs varies with {by.name}: {parts}.")
    if len(found.levels) > 1:
        notes += _disagreeing(found)
    return notes


def _bounds(found: Comparison, low: float, high: float) -> str:
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return " [{}, {}]".format(
        *(found.table.scale.words(edge).removesuffix(" %") for edge in (low, high))
    )


def _disagreeing(found: Comparison) -> list[str]:
    """Name the contexts in which the second beats the best by more than the margin and noise."""
    best, second = found.levels[:2]
    d = found.contexts.y[:, second] - found.contexts.y[:, best]
    sigma, _ = found.table.noise
    counts = np.maximum(found.contexts.count[:, [best, second]], 1)
    noise = 2 * sigma * np.sqrt((1 / counts).sum(axis=1)) if sigma is not None else 0.0
    with np.errstate(invalid="ignore"):
        against = np.flatnonzero(d < -np.maximum(found.margin, noise))
    if not len(against):
        return []
    against = against[np.argsort(d[against])]
    named = "; ".join(
        f"{context_name(found.table, found.contexts, int(at))} ({found.table.scale.words(-d[at])})"
        for at in against[:3]
    )
    more = "; ..." if len(against) > 3 else ""
    name = show(found.factor.levels[second])
    of = int(np.isfinite(d).sum())
    return [f"{name} is ahead in {len(against)} of {_plural(of, 'context')}: {named}{more}."]


def context_name(table: Prepared, contexts: Contexts, at: int) -> str:
    """Return a context as `lr=0.1, model=vit`."""
    return ", ".join(
        f"{table.factors[k].name}={show(table.factors[k].levels[code])}"
        for k, code in zip(contexts.others, contexts.codes[at], strict=True)
    )


def _facts(found: Comparison) -> dict[str, Any]:
    if not found.contrasts:
        return {}
    contrast, (low, high), scale = found.contrasts[0], found.intervals[0], found.table.scale
    sigma, freedom = found.table.noise
    return {
        "parameter": found.factor.name,
        "best": found.factor.levels[found.best],
        "second": found.factor.levels[found.levels[1]],
        "costs": scale.relative(contrast.difference),
        "low": scale.relative(low),
        "high": scale.relative(high),
        "p": found.p[0],
        "overall_p": found.overall_p,
        "contexts": contrast.contexts,
        "runs": len(found.table.run_y),
        "method": "adjusted" if contrast.is_adjusted else "matched",
        "clustered_by": found.table.factors[contrast.cluster].name
        if contrast.cluster >= 0
        else None,
        "runs_to_tell": runs_to_tell(contrast, found.margin),
        "scale": scale.kind,
        "noise": sigma,
        "noise_freedom": freedom,
        "worst": found.factor.levels[found.levels[-1]],
    }


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:5], f"{len(names) - 5} more"] if len(names) > 6 else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

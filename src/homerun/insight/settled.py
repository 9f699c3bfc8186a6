"""Which questions of a sweep are answered: values to fix, to drop, ranges to extend."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from homerun.core import UsageError
from homerun.insight.answer import Answer
from homerun.insight.compare import MOST_LEVELS, Comparison, comparison, cost, runs_to_tell
from homerun.insight.contrasts import Contexts, Contrast, matched
from homerun.insight.models import EffectsModel, fit_effects
from homerun.insight.scale import Floats
from homerun.insight.squares import t_quantile
from homerun.insight.table import Integers, Parameter, Prepared, prepare, show

if TYPE_CHECKING:
    from pandas import DataFrame

_FALSE = 0.05  # of the analyses have a false verdict, whatever the number of parameters
_MANY = 12  # levels of a number above which its range is looked at, not each value
_NEAR_TOP = 8  # contexts, the best ones, that differences are read from; or a quarter of them


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What is settled of a parameter, or that nothing is."""

    parameter: str
    verdict: str  # fix, drop, extend or open
    value: str
    evidence: str


def settled(
    df: "DataFrame",
    *,
    metric: str,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    margin: float = 0.02,
) -> Answer:
    """Say of each parameter whether to fix it, drop values, extend its range, or leave it open.

    Fix: the best result with the value is within `margin` (a share of the metric) of the best at
    all. Drop: it is not. Extend: the best value lies at the end of those tried. At most 5 % of the
    analyses make one false claim.
    """
    if not 0 < margin < 1:
        raise UsageError(f"margin is {margin}; use a share between 0 and 1, such as 0.02")
    table = prepare(df, metric=metric, goal=goal, params=params, repeats=repeats)
    return settled_of(table, fit_effects(table), margin)


def settled_of(table: Prepared, model: EffectsModel, margin: float) -> Answer:
    """Say the same of a table that is ready, and a model of it."""
    step = table.scale.step(margin)
    alpha = _FALSE / max(sum(_tests(parameter) for parameter in table.parameters), 1)
    findings = [
        finding
        for at in range(len(table.parameters))
        for finding in _of_parameter(table, model, at, step, alpha)
    ]
    best, robust, remark = _choices(table, model)
    done = [finding for finding in findings if finding.verdict != "open"]
    return Answer(
        sentence=_sentence(findings),
        table=pd.DataFrame(
            [vars(finding) for finding in findings],
            columns=["parameter", "verdict", "value", "evidence"],
        ),
        verdict="settled" if len(done) == len(findings) else "partly" if done else "open",
        notes=(*remark, *_of_the_rest(table), *table.notes),
        facts={"best": best, "robust": robust, "constants": dict(table.constants)},
    )


def _tests(parameter: Parameter) -> int:
    levels = len(parameter.levels)
    ends = 2 if parameter.kind == "number" else 0
    return ends + (2 if levels > _MANY and parameter.kind == "number" else levels - 1)


def _of_parameter(
    table: Prepared, model: EffectsModel, at: int, margin: float, alpha: float
) -> list[Finding]:
    parameter = table.parameters[at]
    if parameter.kind == "number" and len(parameter.levels) > _MANY:
        return _of_range(table, model, at, margin, alpha)
    if len(parameter.levels) > MOST_LEVELS:
        many = f"{len(parameter.levels):,} values, more than are compared one by one"
        return [Finding(parameter=parameter.name, verdict="open", value="", evidence=many)]
    found = comparison(table, at, margin=margin, effects=model)
    near = [_near_top(table, model, found, code, margin) for code in found.levels[1:]]
    stands_out = all(one.difference > 0 and one.p / 2 < alpha for one in near)
    if stands_out and _has_the_best(table, found, margin) and (extended := _extended(found)):
        return [extended, *_dropped(found, near, margin, alpha)]
    best = show(parameter.levels[found.best])
    evidence = _costs(found, found.levels[1], near[0])
    dropped = _dropped(found, near, margin, alpha)
    # What the best value gives away, at most, against any other.
    gives_away = max(-contrast.low(alpha, is_strict=True) for contrast in near)
    if (gives_away < margin and _has_the_best(table, found, margin)) or len(dropped) == len(near):
        if 0 < gives_away < margin:
            evidence = f"gives away at most {table.scale.words(gives_away)}; {evidence}"
        return [Finding(parameter=parameter.name, verdict="fix", value=best, evidence=evidence)]
    if dropped:
        return dropped
    need = runs_to_tell(near[0], margin)
    tell = f"; about {need:,} more runs would tell" if need else ""
    if near[0].low(alpha) > margin:
        tell = "; but its best result is as good"
    return [
        Finding(
            parameter=parameter.name, verdict="open", value=f"{best}?", evidence=f"{evidence}{tell}"
        )
    ]


def _has_the_best(table: Prepared, found: Comparison, margin: float) -> bool:
    """Tell whether the best value was in the best run, but for the margin and the noise."""
    lowest = _lowest(found)
    noise = 2 * math.sqrt(2) * (table.noise[0] or 0.0)
    return bool(lowest[found.best] <= lowest.min() + margin + noise)


def _lowest(found: Comparison) -> Floats:
    """Return the best response observed with each level."""
    lowest: Floats = np.where(np.isfinite(found.contexts.y), found.contexts.y, np.inf).min(axis=0)
    return lowest


def _near_top(
    table: Prepared, model: EffectsModel, found: Comparison, code: int, margin: float
) -> Contrast:
    """Return the difference to the best level where results are best: there risk is decided.

    Over the best contexts that have both; by the model, others at their best, where few do.
    """
    contrast = found.contrasts[found.levels.index(code) - 1]
    if contrast.is_adjusted:
        return _of_model(table, model, found, code)
    y = found.contexts.y[:, [code, found.best]]
    both = np.flatnonzero(np.isfinite(y).all(axis=1))
    if len(both) <= _NEAR_TOP:
        return contrast
    top = both[np.argsort(y[both].mean(axis=1), kind="stable")]
    top = top[: max(_NEAR_TOP, len(both) // 4)]
    return matched(table, _only(found.contexts, top), code, found.best, margin=margin)


def _only(contexts: Contexts, rows: Integers) -> Contexts:
    return replace(
        contexts, codes=contexts.codes[rows], y=contexts.y[rows], count=contexts.count[rows]
    )


def _of_model(table: Prepared, model: EffectsModel, found: Comparison, code: int) -> Contrast:
    """Return the difference of the best expected responses with each of two levels."""
    contrast = found.contrasts[found.levels.index(code) - 1]
    if all(found.at not in term.pair for term in model.terms):
        return contrast
    rows = []
    for level in (code, found.best):
        codes = np.unique(table.codes, axis=0)[:2000].copy()
        codes[:, found.at] = level
        columns = model.design(codes)
        rows.append(columns[int((columns @ model.beta).argmin())])
    difference, error = model.difference(rows[0] - rows[1])
    return replace(contrast, difference=difference, error=error, freedom=float(model.freedom))


def _dropped(found: Comparison, near: list[Contrast], margin: float, alpha: float) -> list[Finding]:
    """Return the levels whose best results are worse than the best at all by the margin, surely."""
    lowest = _lowest(found)
    return [
        Finding(
            parameter=found.factor.name,
            verdict="drop",
            value=show(found.factor.levels[code]),
            evidence=_costs(found, code, contrast),
        )
        for code, contrast in zip(found.levels[1:], near, strict=True)
        if contrast.low(alpha) > margin
        and lowest[code] > lowest.min() + margin
        and (_are_matched(found, code) or _is_absent_from_the_top(found, code, margin))
    ]


def _are_matched(found: Comparison, code: int) -> bool:
    """Tell whether most contexts of a level and the best one have both: the best of them, too."""
    present = np.isfinite(found.contexts.y[:, [code, found.best]])
    return bool(present.all(axis=1).sum() >= present.any(axis=1).sum() / 2)


def _is_absent_from_the_top(found: Comparison, code: int, margin: float) -> bool:
    """Tell whether more configurations beat all of a level's than chance would put there (5 %).

    Contexts that hardly match are rarely the best ones: differences between them, or by a model,
    need not be those at the top.
    """
    table = found.table
    y, own = table.y, len(table.parameters)
    if table.blocks:
        _, block = np.unique(table.codes[:, own:], axis=0, return_inverse=True)
        block = block.reshape(-1)
        y = y - (np.bincount(block, weights=y) / np.bincount(block))[block]
    is_its = table.codes[:, found.at] == code
    better = int((y < y[is_its].min() - margin).sum())
    return bool((1 - is_its.mean()) ** better < _FALSE)


def _costs(found: Comparison, code: int, contrast: Contrast) -> str:
    """Return what a level costs against the best one, and how that is known."""
    if contrast.is_adjusted:
        how = f"{contrast.runs} runs, adjusted"
    else:
        how = f"{contrast.contexts} context{'s' if contrast.contexts != 1 else ''}"
        usual = found.contrasts[found.levels.index(code) - 1]
        how = f"best {how}" if contrast.contexts < usual.contexts else how
    name = show(found.factor.levels[code])
    return f"{cost(found.table, name, contrast.difference, contrast.interval())} ({how})"


def _extended(found: Comparison) -> Finding | None:
    """Return that a number's best value lies at the end of those tried, where it does."""
    parameter = found.factor
    last = len(parameter.levels) - 1
    if parameter.kind != "number" or last < 2 or found.best not in {0, last}:
        return None
    if found.best == 0 and parameter.levels[0] == 0:
        return None  # none of it is the end of the matter
    inner = 1 if found.best == 0 else last - 1
    contrast = found.contrasts[found.levels.index(inner) - 1]
    edge = show(parameter.levels[found.best])
    return Finding(
        parameter=parameter.name,
        verdict="extend",
        value=f"{'<' if found.best == 0 else '>'} {edge}",
        evidence=f"{edge} is best and at the end: {_costs(found, inner, contrast)}",
    )


def _of_range(
    table: Prepared, model: EffectsModel, at: int, margin: float, alpha: float
) -> list[Finding]:
    """Look at the range of a number that was drawn: the ends that lose, the end that wins."""
    parameter = table.parameters[at]
    probes = np.unique(np.linspace(0, len(parameter.levels) - 1, 11).round().astype(np.intp))
    codes = table.codes[np.unique(np.linspace(0, len(table.codes) - 1, 500).astype(np.intp))]
    reads = []
    for probe in probes:
        mine = codes.copy()
        mine[:, at] = probe
        reads.append(model.design(mine).mean(axis=0))
    expected = np.array([float(read @ model.beta) for read in reads])
    best = int(expected.argmin())
    if edge := _crowded(table, at, alpha):
        return [edge]
    losing = []
    for read in reads:
        difference, error = model.difference(read - reads[best])
        low_bound = difference - t_quantile(1 - alpha, model.freedom) * error
        losing.append(bool(low_bound > margin) and not _interacts(model, at))
    low = next((k for k, loses in enumerate(losing) if not loses), 0)
    high = next((k for k in reversed(range(len(losing))) if not losing[k]), len(losing) - 1)
    values = [show(parameter.levels[int(probe)]) for probe in probes]
    findings = []
    for is_end, value, end in (
        (low > 0, f"< {values[max(low - 1, 0)]}", 0),
        (high < len(values) - 1, f"> {values[min(high + 1, len(values) - 1)]}", -1),
    ):
        if is_end:
            words = table.scale.words(float(expected[end] - expected[best]))
            evidence = f"{values[end]} costs {words} against {values[best]} (model of all runs)"
            findings.append(
                Finding(parameter=parameter.name, verdict="drop", value=value, evidence=evidence)
            )
    if findings:
        return findings
    spread = table.scale.words(float(expected.max() - expected.min()))
    evidence = f"best near {values[best]}; {spread} between its best and worst (model of all runs)"
    return [
        Finding(parameter=parameter.name, verdict="open", value=values[best], evidence=evidence)
    ]


def _interacts(model: EffectsModel, at: int) -> bool:
    return any(at in term.pair for term in model.terms)


def _crowded(table: Prepared, at: int, alpha: float) -> Finding | None:
    """Return that the best tenth of the runs crowds the outer fifth of a range (binomial test)."""
    parameter = table.parameters[at]
    place = parameter.coordinates[table.codes[:, at]]
    top = np.argsort(table.y, kind="stable")[: max(5, len(table.y) // 10)]
    for sign, edge in ((-1.0, parameter.levels[0]), (1.0, parameter.levels[-1])):
        if edge == 0:
            continue
        outer = sign * place > 0.6
        share, many = float(outer.mean()), int(outer[top].sum())
        p = float(special.bdtrc(many - 1, len(top), share)) if many else 1.0
        if p < alpha and many > len(top) / 2:
            where = "<" if sign < 0 else ">"
            evidence = (
                f"{many} of the best {len(top)} lie in the outer fifth, {100 * share:.0f} % of all"
            )
            return Finding(
                parameter=parameter.name,
                verdict="extend",
                value=f"{where} {show(edge)}",
                evidence=evidence,
            )
    return None


def _choices(
    table: Prepared, model: EffectsModel
) -> tuple[Mapping[str, Any], Mapping[str, Any], list[str]]:
    """Return the best configuration, the robust one, and what to know of them.

    The robust one is expected to be best by all runs together; the best observed may be lucky.
    """
    best = int(table.y.argmin())
    expected = model.design(table.codes) @ model.beta
    robust = int(expected.argmin())
    names = [factor.name for factor in table.factors]

    def configuration(cell: int) -> dict[str, Any]:
        return {
            name: factor.levels[table.codes[cell, k]]
            for k, (name, factor) in enumerate(zip(names, table.factors, strict=True))
        }

    remarks = []
    noise = model.noise / math.sqrt(table.count[best]) if math.isfinite(model.noise) else 0.0
    if best != robust:
        remarks.append(
            f"Robust choice, best by all runs together: {_named(configuration(robust))}."
        )
    if noise and table.y[best] < expected[best] - 2 * noise:
        remarks.append(
            f"The best observed, {_named(configuration(best))}, is fragile: better than its "
            f"neighbours let expect, from {_runs(int(table.count[best]))}. Repeat it."
        )
    return configuration(best), configuration(robust), remarks


def _of_the_rest(table: Prepared) -> list[str]:
    notes = []
    if table.constants:
        shown = [f"{name}={show(value)}" for name, value in list(table.constants.items())[:8]]
        more = ", ..." if len(table.constants) > 8 else ""
        notes.append(f"The same in every run: {', '.join(shown)}{more}.")
    if table.repeats:
        notes.append(f"Repeats, not parameters: {', '.join(table.repeats)}.")
    return notes


def _sentence(findings: list[Finding]) -> str:
    if not findings:
        return "No parameter varies: there is nothing to settle."
    parts = []
    for verdict, word in (("fix", "Fix"), ("drop", "drop"), ("extend", "extend")):
        named = [f"{f.parameter} {f.value}" for f in findings if f.verdict == verdict]
        if named:
            parts.append(f"{word} {', '.join(named)}")
    still = list(dict.fromkeys(f.parameter for f in findings if f.verdict == "open"))
    if not parts:
        return f"Nothing is settled yet: {_few(still)} {'is' if len(still) == 1 else 'are'} open."
    text = "; ".join(parts)
    text = text[0].upper() + text[1:]
    return f"{text}." + (f" Open: {_few(still)}." if still else "")


def _few(names: list[str]) -> str:
    return ", ".join(names if len(names) <= 8 else [*names[:6], f"{len(names) - 6} more"])


def _named(configuration: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={show(value)}" for name, value in configuration.items())


def _runs(count: int) -> str:
    return "one run" if count == 1 else f"{count} runs"

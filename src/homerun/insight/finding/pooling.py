"""What holds across data sets: findings, or runs, of one parameter taken together.

The data set is the unit: what a value costs is measured within each (as a log-ratio, so that hard
and easy ones weigh the same) and averaged over them; a t interval of these means speaks of data
sets like these, however many runs each has (a random intercept model with one row a data set).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import special

from homerun.core import UsageError
from homerun.insight.answer import Answer
from homerun.insight.columns import require
from homerun.insight.compare import comparison, is_inside, level_means
from homerun.insight.contrasts import Contrast, holm
from homerun.insight.finding.evidence import Unit, unit_of
from homerun.insight.scale import Floats, Scale
from homerun.insight.table import prepare, show

if TYPE_CHECKING:
    from pandas import DataFrame

_RATIOS = ("log", "logit")  # scales on which a difference is a ratio


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """What each value of a parameter costs on each data set."""

    names: tuple[str, ...]  # of data sets
    values: tuple[Any, ...]
    y: Floats  # (data sets, values) responses against the best value there; NaN: not tried
    variance: Floats  # (data sets, values) of these, from within the data set; NaN: unknown
    kind: str  # of scale: ratio or plain
    metrics: tuple[str, ...]
    runs: int
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Varies:
    """How a difference varies between data sets, beyond the errors within them."""

    deviation: float | None  # standard deviation of the true differences (DerSimonian, Laird 1986)
    share: float | None  # of the variance that is not error: I squared
    p: float | None  # of no such variance (Cochran's Q)
    against: tuple[str, ...]  # data sets that surely say the opposite


def pool(
    data: "DataFrame | Sequence[Mapping[str, Any]]",
    parameter: str,
    *,
    metric: str | None = None,
    goal: str = "minimize",
    across: str = "dataset",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    margin: float = 0.02,
) -> Answer:
    """Say which value of a parameter is the best common default across data sets, and how sure.

    `data` is a table of runs with a column of data sets, `across`, and a `metric`; or findings as
    plain data (`to_dict()`), of which those that were withdrawn do not count. The verdict is the
    value (`a or b` where they tie), `no difference` or `cannot tell`.
    """
    if not 0 < margin < 1:
        raise UsageError(f"margin is {margin}; use a share between 0 and 1, such as 0.02")
    if isinstance(data, pd.DataFrame):
        if metric is None:
            raise UsageError("a table of runs needs the name of its metric: metric=...")
        asked: dict[str, Any] = {"metric": metric, "goal": goal, "params": params}
        units, notes = _units_of_runs(data, parameter, across, {**asked, "repeats": repeats})
    else:
        units, notes = _units_of_findings(data, parameter)
    found = _pooled(units, notes)
    return _answer(found, parameter, margin)


def _units_of_runs(
    df: "DataFrame", parameter: str, across: str, asked: dict[str, Any]
) -> tuple[list[Unit], list[str]]:
    require(df, across)
    require(df, parameter)
    units, without = [], []
    for name, group in df.groupby(across, sort=True):
        try:
            table = prepare(group.drop(columns=across), **asked, also=[parameter])
            found = comparison(table, table.at(parameter), margin=table.scale.step(0.02))
        except UsageError:  # nothing finished there, or only one value was tried
            without.append(show(name))
            continue
        units.append(unit_of(found, show(name)))
    notes = [f"{', '.join(without)}: nothing to compare there."] if without else []
    return units, notes


def _units_of_findings(
    data: Sequence[Mapping[str, Any]], parameter: str
) -> tuple[list[Unit], list[str]]:
    """Return the units of findings; the several findings of a sweep share their evidence."""
    units: list[Unit] = []
    seen = set()
    unmeasured = 0
    for finding in data:
        key = finding.get("sweep") or f"number {finding.get('number')} {id(finding)}"
        if finding["parameter"] != parameter or finding.get("withdrawn_at") or key in seen:
            continue
        seen.add(key)
        mine = [unit for unit in finding["evidence"].get("units", []) if len(unit["levels"]) > 1]
        unmeasured += not mine
        named = f"project {finding.get('project')}"
        units += [{**unit, "dataset": unit["dataset"] or named} for unit in mine]
    notes = []
    if any(unit["dataset"].startswith("project ") for unit in units):
        notes.append("Findings that name no data set count as one for each project.")
    if unmeasured:
        notes.append(f"Without measured costs, not pooled: {unmeasured}.")
    return units, notes


def _pooled(units: Sequence[Unit], notes: list[str]) -> Pooled:
    """Bring units into one table: data sets that were looked at several times count once."""
    kinds = ["ratio" if unit["scale"] in _RATIOS else "plain" for unit in units]
    kind = max(dict.fromkeys(kinds), key=kinds.count, default="ratio")
    used = [unit for unit, own in zip(units, kinds, strict=True) if own == kind]
    if len(used) < len(units):
        notes = [*notes, f"Measured on another scale, left out: {len(units) - len(used)}."]
    metrics = tuple(dict.fromkeys(unit["metric"] for unit in used if unit["metric"]))
    if len(metrics) > 1:
        notes = [*notes, f"Costs in different metrics are taken together: {', '.join(metrics)}."]
    names = tuple(dict.fromkeys(unit["dataset"] for unit in used))
    values = {show(level["value"]): level["value"] for unit in used for level in unit["levels"]}
    y = np.full((len(names), len(values)), np.nan)
    variance = y.copy()
    for row, name in enumerate(names):
        mine = [_costs(unit, [*values]) for unit in used if unit["dataset"] == name]
        costs, errors = (np.stack(part) for part in zip(*mine, strict=True))
        tried = np.isfinite(costs).any(axis=0)
        y[row, tried] = level_means(costs)[tried]
        many = np.maximum(np.isfinite(costs).sum(axis=0), 1)
        variance[row, tried] = (np.where(np.isfinite(costs), errors**2, 0).sum(axis=0) / many**2)[
            tried
        ]
    return Pooled(
        names=names,
        values=tuple(values.values()),
        y=y,
        variance=variance,
        kind=kind,
        metrics=metrics,
        runs=sum(unit.get("runs") or 0 for unit in used),
        notes=tuple(notes),
    )


def _costs(unit: Unit, keys: Sequence[str]) -> tuple[Floats, Floats]:
    """Return costs and their errors by value; plain ones in spreads of the data set's results."""
    by = 1.0 if unit["scale"] in _RATIOS else float(unit["spread"])
    levels = {show(level["value"]): level for level in unit["levels"]}
    costs = [levels[key]["costs"] / by if key in levels else math.nan for key in keys]
    errors = [levels[key]["error"] if key in levels else None for key in keys]
    return np.array(costs), np.array([math.nan if e is None else e / by for e in errors])


def _answer(found: Pooled, parameter: str, margin: float) -> Answer:
    tried = np.isfinite(found.y).sum(axis=0)
    enough = max(2, math.ceil(len(found.names) / 2))
    at = np.flatnonzero(tried >= enough)
    if len(at) < 2:
        return _too_few(found, parameter)
    notes = list(found.notes)
    if few := [show(found.values[k]) for k in range(len(tried)) if k not in at]:
        notes.append(f"Tried on fewer than {enough} data sets, left out: {', '.join(few)}.")
    order = [int(k) for k in at[np.argsort(level_means(found.y[:, at]), kind="stable")]]
    best = order[0]
    contrasts = [_contrast(found, k, best) for k in order[1:]]
    varies = [_varies(found, k, best) for k in order[1:]]
    pairs = len(order) * (len(order) - 1) // 2
    p = holm(np.array([contrast.p for contrast in contrasts]), of=pairs)
    scale = Scale(kind="log" if found.kind == "ratio" else "plain", goal="minimize")
    step = scale.step(margin)
    standing = [
        "worse" if one < 0.05 and c.difference > 0 else "same" if is_inside(c, step) else "open"
        for c, one in zip(contrasts, p, strict=True)
    ]
    ties = [
        show(found.values[k])
        for k, stands in zip(order[1:], standing, strict=True)
        if stands == "same"
    ]
    verdict = (
        "cannot tell"
        if "open" in standing
        else "no difference"
        if "worse" not in standing
        else " or ".join([show(found.values[best]), *ties])
    )
    intervals = [contrast.interval(1 - 0.05 / pairs) for contrast in contrasts]
    table = pd.DataFrame(
        [
            _row(found, k, parameter, scale, contrast, bounds, one, stands)
            for k, contrast, bounds, one, stands in zip(
                order,
                [None, *contrasts],
                [(0.0, 0.0), *intervals],
                [None, *varies],
                ["ahead" if verdict == "cannot tell" else "best", *standing],
                strict=True,
            )
        ]
    )
    worst = standing.index("open") if "open" in standing else 0
    facts = _facts(found, order, worst, scale, contrasts[worst], intervals[worst], varies[worst])
    notes += _of_varying(varies[worst], show(found.values[order[1 + worst]]), scale)
    sentence = _sentence(found, parameter, verdict, table, worst + 1, scale, margin)
    return Answer(sentence=sentence, table=table, verdict=verdict, notes=tuple(notes), facts=facts)


def _too_few(found: Pooled, parameter: str) -> Answer:
    sets = len(found.names)
    facts: dict[str, Any] = {"parameter": parameter, "data_sets": sets, "default": None}
    text = f"{parameter}: no data set says what its values cost."
    if sets:
        text = f"{parameter}: {', '.join(found.names)} alone say nothing of other data sets."
        text = text.replace("say nothing", "says nothing") if sets == 1 else text
        text = f"{text[:-1]}: at least 2 with the same values are needed."
    columns = [parameter, "data_sets", "costs", "low", "high", "ahead", "deviation", "verdict"]
    return Answer(
        sentence=text,
        table=pd.DataFrame(columns=columns),
        verdict="cannot tell",
        notes=found.notes,
        facts=facts,
    )


def _contrast(found: Pooled, one: int, best: int) -> Contrast:
    """Return what a value costs on average over the data sets that tried both.

    Never surer than the errors within the data sets allow.
    """
    d = found.y[:, one] - found.y[:, best]
    both = np.isfinite(d)
    sets = int(both.sum())
    error = math.inf
    if sets > 1:
        within = np.nan_to_num(_within(found, one, best)[both])
        variance = max(float(d[both].var(ddof=1)), float(within.mean()))
        error = math.sqrt(variance / sets) or math.inf  # equal by hand: nothing tells the error
    return Contrast(
        difference=float(d[both].mean()) if sets else math.nan,
        error=error,
        freedom=max(sets - 1, 0),
        contexts=sets,
        runs=found.runs,
    )


def _within(found: Pooled, one: int, best: int) -> Floats:
    """Return the variance of a difference within each data set, for errors that are independent."""
    both: Floats = found.variance[:, one] + found.variance[:, best]
    return both


def _varies(found: Pooled, one: int, best: int) -> Varies:
    d, v = found.y[:, one] - found.y[:, best], _within(found, one, best)
    known = np.isfinite(d) & (np.nan_to_num(v) > 0)
    against = tuple(
        name
        for name, value, variance in zip(found.names, d, v, strict=True)
        if value < -1.959964 * math.sqrt(variance if variance > 0 else math.inf)
    )
    freedom = int(known.sum()) - 1
    if freedom < 1:
        return Varies(deviation=None, share=None, p=None, against=against)
    d, w = d[known], 1 / v[known]
    q = float(w @ (d - w @ d / w.sum()) ** 2)
    scale = float(w.sum() - (w @ w) / w.sum())
    return Varies(
        deviation=math.sqrt(max(q - freedom, 0.0) / scale),
        share=max(0.0, 1 - freedom / q) if q else 0.0,
        p=float(special.chdtrc(freedom, q)),
        against=against,
    )


def _row(
    found: Pooled,
    at: int,
    parameter: str,
    scale: Scale,
    contrast: Contrast | None,
    bounds: tuple[float, float],
    varies: Varies | None,
    standing: str,
) -> dict[str, Any]:
    lowest = np.nanmin(found.y, axis=1)
    low, high = (scale.relative(edge) if math.isfinite(edge) else math.nan for edge in bounds)
    deviation = varies.deviation if varies else None
    return {
        parameter: show(found.values[at]),
        "data_sets": int(np.isfinite(found.y[:, at]).sum()),
        "costs": scale.relative(contrast.difference) if contrast else 0.0,
        "low": low,
        "high": high,
        "ahead": int((found.y[:, at] == lowest).sum()),
        "deviation": math.nan if deviation is None else scale.relative(deviation),
        "verdict": standing,
    }


def _facts(
    found: Pooled,
    order: Sequence[int],
    at: int,
    scale: Scale,
    contrast: Contrast,
    bounds: tuple[float, float],
    varies: Varies,
) -> dict[str, Any]:
    low, high = (scale.relative(edge) if math.isfinite(edge) else None for edge in bounds)
    return {
        "default": found.values[order[0]],
        "against": found.values[order[1 + at]],
        "costs": scale.relative(contrast.difference),
        "low": low,
        "high": high,
        "p": contrast.p,
        "data_sets": contrast.contexts,
        "names": list(found.names),
        "runs": found.runs,
        "metrics": list(found.metrics),
        "deviation": None if varies.deviation is None else scale.relative(varies.deviation),
        "i_squared": varies.share,
        "heterogeneity_p": varies.p,
        "opposite": list(varies.against),
    }


def _of_varying(varies: Varies, name: str, scale: Scale) -> list[str]:
    """Name how much data sets differ, and those that say the opposite."""
    notes = []
    if varies.p is not None and varies.deviation and varies.p < 0.05:
        notes.append(
            f"What {name} costs varies between data sets: standard deviation "
            f"{scale.words(varies.deviation)}, I squared {100 * (varies.share or 0):.0f} %."
        )
    if varies.against:
        notes.append(f"The opposite is true on: {', '.join(varies.against)}.")
    return notes


def _sentence(
    found: Pooled,
    parameter: str,
    verdict: str,
    table: "DataFrame",
    at: int,
    scale: Scale,
    margin: float,
) -> str:
    best, row = table.iloc[0], table.iloc[at]
    sets = int(np.isfinite(found.y).any(axis=1).sum())
    step, unit = scale.step, " spreads" if scale.kind == "plain" else ""
    bounds = ""
    if math.isfinite(row["low"]):
        edges = [
            scale.words(_response(scale, row[name])).removesuffix(" %") for name in ("low", "high")
        ]
        bounds = f" [{', '.join(edges)}]"
    costs = f"{row[parameter]} costs {scale.words(_response(scale, row['costs']))}{unit}{bounds}"
    if len(found.metrics) == 1:
        costs += f" in {found.metrics[0]}"
    over = "on average" if verdict == "cannot tell" else f"on average over {sets} data sets"
    if verdict == "no difference":
        within = scale.words(step(margin))
        return f"{parameter}: all values are the same within {within}{unit} {over}: {costs}."
    if verdict == "cannot tell":
        pair = f"{best[parameter]} from {row[parameter]}"
        return f"{parameter}: {sets} data sets cannot tell {pair}: {costs} {over}."
    return f"{parameter}: {verdict} is the best common default: {costs} {over}."


def _response(scale: Scale, share: float) -> float:
    return share if scale.kind == "plain" else math.log1p(share)

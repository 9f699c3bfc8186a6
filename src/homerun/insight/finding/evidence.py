"""What a table of runs teaches of each parameter, with evidence that can be pooled later."""

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from homerun.core import UsageError
from homerun.insight.compare import Comparison, comparison
from homerun.insight.finding.scope import kind_of
from homerun.insight.models import fit_effects
from homerun.insight.scale import Scale
from homerun.insight.settled import settled
from homerun.insight.table import Prepared, prepare, show

if TYPE_CHECKING:
    from pandas import DataFrame

_MANY = 12  # levels of a number above which it is a range, whose values are not compared
_SURE = 1.959964  # standard errors of a 95 % interval

Unit = dict[str, Any]  # a data set and the costs of levels on it: plain data


def learned(
    df: "DataFrame",
    *,
    metric: str,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    margin: float = 0.02,
) -> list[dict[str, Any]]:
    """Return what is settled of each parameter, and what is open, as plain data.

    `effect` is what the next best value costs, of a dropped value what it costs itself: a share,
    with the bounds `low` and `high` of its 95 % interval.
    """
    asked: dict[str, Any] = {"metric": metric, "goal": goal, "params": params, "repeats": repeats}
    answer = settled(df, **asked, margin=margin)
    table = prepare(df, **asked)
    found = comparisons(table, margin=margin)
    units = _units(df, table, found, asked, margin)
    facts = {"metric": metric, "goal": goal, "margin": margin, "notes": list(answer.notes)}
    lessons = []
    for row in answer.table.to_dict("records"):
        name, verdict, text = str(row["parameter"]), str(row["verdict"]), str(row["value"])
        mine = found.get(name)
        evidence = {
            **facts,
            "text": row["evidence"],
            "scale": table.scale.kind,
            "levels": levels_of(mine) if mine else [],
            "units": [unit for unit in (one.get(name) for one in units) if unit],
        }
        lessons.append(
            {
                "parameter": name,
                "statement": f"{name}: {verdict} {text}; {row['evidence']}",
                "verdict": verdict,
                "value": _value(table, name, verdict, text),
                **_effect(mine, verdict, text),
                "runs": len(table.run_y),
                "evidence": evidence,
            }
        )
    return lessons


def comparisons(table: Prepared, *, margin: float) -> dict[str, Comparison]:
    """Return the comparison of the values of each parameter that has a few."""
    model = fit_effects(table)
    step = table.scale.step(margin)
    return {
        parameter.name: comparison(table, at, margin=step, effects=model)
        for at, parameter in enumerate(table.parameters)
        if parameter.kind != "number" or len(parameter.levels) <= _MANY
    }


def levels_of(found: Comparison) -> list[dict[str, Any]]:
    """Return what each level costs against the best one, which comes first: responses."""
    first = {"value": found.factor.levels[found.best], "costs": 0.0}
    levels = [{**first, "error": 0.0, "low": 0.0, "high": 0.0}]
    for code, one, (low, high) in zip(
        found.levels[1:], found.contrasts, found.intervals, strict=True
    ):
        costs, error = _finite(one.difference), _finite(one.error)
        if costs is not None:
            level = {"value": found.factor.levels[code], "costs": costs, "error": error}
            levels.append({**level, "low": _finite(low), "high": _finite(high)})
    return levels


def unit_of(found: Comparison, name: str) -> Unit:
    """Return what one data set says of the levels of a parameter."""
    table = found.table
    return {
        "dataset": name,
        "metric": table.metric,
        "scale": table.scale.kind,
        "spread": table.scale.spread,
        "runs": len(table.run_y),
        "levels": levels_of(found),
    }


def by_hand(
    value: Any,
    *,
    against: Any = None,
    effect: float | None = None,
    low: float | None = None,
    high: float | None = None,
    dataset: str = "",
) -> dict[str, Any]:
    """Return the evidence of a finding that a person wrote down; the effect is a share."""
    if effect is None or against is None:
        return {"units": [], "levels": []}
    scale = Scale(kind="log", goal="minimize")
    costs, bounds = scale.step(effect), [None if b is None else scale.step(b) for b in (low, high)]
    error = (
        None if None in bounds else (bounds[1] - bounds[0]) / 2 / _SURE  # type: ignore[operator]
    )
    levels = [
        {"value": value, "costs": 0.0, "error": 0.0, "low": 0.0, "high": 0.0},
        {"value": against, "costs": costs, "error": error, "low": bounds[0], "high": bounds[1]},
    ]
    unit = {"dataset": dataset, "metric": "", "scale": "log", "spread": 1.0, "levels": levels}
    return {"scale": "log", "units": [unit], "levels": levels}


def _units(
    df: "DataFrame",
    table: Prepared,
    found: Mapping[str, Comparison],
    asked: Mapping[str, Any],
    margin: float,
) -> list[dict[str, Unit]]:
    """Return for each data set what it says of each parameter."""
    names = [factor.name for factor in table.factors]
    at = next((k for k, name in enumerate(names) if kind_of(name) == "dataset"), None)
    if at is None:
        constants = {kind_of(name): show(value) for name, value in table.constants.items()}
        name = constants.get("dataset", "")
        return [{parameter: unit_of(one, name) for parameter, one in found.items()}]
    units = []
    for code, level in enumerate(table.factors[at].levels):
        rows = table.run_rows[table.codes[table.run_cell, at] == code]
        try:
            part = prepare(df.iloc[rows], **asked)
        except UsageError:  # of this data set nothing finished
            continue
        mine = comparisons(part, margin=margin)
        units.append({parameter: unit_of(one, show(level)) for parameter, one in mine.items()})
    return units


def _value(table: Prepared, name: str, verdict: str, text: str) -> Any:
    """Return the level that is meant; a range stays text, such as `> 0.1`."""
    parameter = table.parameters[[one.name for one in table.parameters].index(name)]
    text = text.removesuffix("?") if verdict == "open" else text
    return text if re.match(r"[<>] ", text) else parameter.levels[parameter.index(text)]


def _effect(found: Comparison | None, verdict: str, text: str) -> dict[str, float | None]:
    nothing: dict[str, float | None] = {"effect": None, "low": None, "high": None}
    if found is None or not found.contrasts or verdict == "extend":
        return nothing
    at = 0
    if verdict == "drop":
        if re.match(r"[<>] ", text):
            return nothing
        at = found.levels.index(found.factor.index(text)) - 1
    contrast, scale = found.contrasts[at], found.table.scale
    low, high = contrast.interval()
    shares = {"effect": contrast.difference, "low": low, "high": high}
    return {
        name: _finite(scale.relative(value)) if np.isfinite(value) else None
        for name, value in shares.items()
    }


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and np.isfinite(value) else None

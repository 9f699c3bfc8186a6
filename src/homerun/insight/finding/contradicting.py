"""When new evidence contradicts what was found before: then the old finding is withdrawn."""

from collections.abc import Mapping
from typing import Any

from homerun.insight.finding.scope import is_same
from homerun.insight.scale import Scale
from homerun.insight.table import show

Levels = Mapping[str, Mapping[str, Any]]  # by the value as it is shown, best first


def contradiction(new: Mapping[str, Any], old: Mapping[str, Any]) -> str:
    """Return why a new finding (as plain data) withdraws an older one; empty: it does not.

    They must speak of one parameter and the same scope. The new interval must exclude the sign of
    the old effect, or its verdict: that the value is within the margin of the best (fix) or is not
    (drop). What a sweep taught earlier gives way to what it teaches now. A finding without measured
    costs contradicts nothing.
    """
    if new["parameter"] != old["parameter"] or old.get("withdrawn_at"):
        return ""
    if new.get("sweep") and new["sweep"] == old.get("sweep"):
        return f"sweep {new['sweep']} was looked at again"
    if not is_same(_scope(new), _scope(old)):
        return ""
    levels = {show(level["value"]): level for level in new["evidence"].get("levels", [])}
    if len(levels) < 2:
        return ""
    scale = Scale(kind="plain" if new["evidence"]["scale"] == "plain" else "log", goal="minimize")
    step = scale.step(new["evidence"].get("margin", 0.02))
    of_verdict = {"fix": _loses, "drop": _wins, "extend": _went_beyond}.get(old["verdict"])
    return of_verdict(old, levels, scale, step) if of_verdict else ""


def _loses(old: Mapping[str, Any], levels: Levels, scale: Scale, step: float) -> str:
    """Return how a value that was to be fixed loses."""
    value, best = show(old["value"]), next(iter(levels))
    if value not in levels or value == best:
        return ""
    least = levels[value]["low"]
    bound = 0.0 if _claims_sign(old, best) else step
    is_worse = least is not None and least > bound
    return f"{value} costs {_told(levels[value], scale)} against {best}" if is_worse else ""


def _wins(old: Mapping[str, Any], levels: Levels, scale: Scale, step: float) -> str:
    """Return how a value that was to be dropped wins, or costs next to nothing."""
    value, (best, other) = show(old["value"]), list(levels)[:2]
    if value == best and (levels[other]["low"] or 0.0) > 0:
        return f"{value} is best: {other} costs {_told(levels[other], scale)}"
    most = levels[value]["high"] if value in levels and value != best else None
    is_close = most is not None and most < step
    return f"{value} costs only {_told(levels[value], scale)}" if is_close else ""


def _went_beyond(old: Mapping[str, Any], levels: Levels, _scale: Scale, _step: float) -> str:
    """Return that values were tried beyond an edge, such as `> 0.01`, that had wanted more."""
    sign, _, end = str(old["value"]).partition(" ")
    tried = [one["value"] for one in levels.values() if isinstance(one["value"], int | float)]
    beyond = [v for v in tried if (v > float(end) if sign == ">" else v < float(end))]
    return f"{', '.join(map(show, sorted(beyond)))} beyond it was tried" if beyond else ""


def _scope(finding: Mapping[str, Any]) -> dict[str, Any]:
    return {"project": finding.get("project"), **finding["scope"]}


def _claims_sign(old: Mapping[str, Any], against: str) -> bool:
    """Tell whether it was said that this very value is worse than the one to fix."""
    levels = {show(one["value"]): one for one in old["evidence"].get("levels", [])}
    low = levels[against]["low"] if against in levels else None
    return low is not None and low > 0


def _told(level: Mapping[str, Any], scale: Scale) -> str:
    low, high = (scale.words(level[name]).removesuffix(" %") for name in ("low", "high"))
    return f"{scale.words(level['costs'])} [{low}, {high}]"

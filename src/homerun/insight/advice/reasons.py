"""Why a parameter is what it is in the next sweep, in words."""

import math
from collections.abc import Sequence

from homerun.insight.advice.question import Question
from homerun.insight.advice.steps import Open, Standing
from homerun.insight.scale import percent
from homerun.insight.settled import Finding
from homerun.insight.table import show

_SHOWN = 4  # values that are named as left out


def finding(question: Question, name: str, *verdicts: str) -> Finding | None:
    matching = (one for one in question.findings if one.parameter == name)
    return next((one for one in matching if one.verdict in verdicts), None)


def why_held(question: Question, found: Standing, k: int, *, is_tuned: bool) -> str:
    name, scale = question.table.parameters[k].name, question.table.scale
    fixed = finding(question, name, "fix")
    if fixed and fixed.value == show(question.table.parameters[k].levels[int(found.base[k])]):
        return f"settled: {fixed.evidence}"
    if is_tuned:
        return "best so far; it has a sweep of its own"
    group = next(one for one in found.groups if k in one.at)
    if group.loss <= 0:
        return f"best so far; {_left_out(question, found, k, [int(found.base[k])])}"
    return f"best so far; another value gains at most {scale.words(group.loss)} (95 %)"


def why_open(question: Question, found: Standing, one: Open, k: int) -> str:
    """Say why a parameter is in a sweep, and why with these values."""
    parameter, options = question.table.parameters[k], question.options[k]
    levels = one.levels[one.at.index(k)]
    parts = []
    if len(levels) > 1:
        gain = question.table.scale.words(one.loss)
        best = show(options.value(int(found.base[k])))
        parts.append(f"{best} is best so far, another value may be better by up to {gain} (95 %)")
    else:
        parts.append("best so far, after a single run: once more")
    if extended := finding(question, parameter.name, "extend"):
        parts.append(f"extended, as {extended.evidence}")
    new = [show(options.value(c)) for c in sorted(levels) if c not in question.table.codes[:, k]]
    if new and not options.beyond:
        parts.append(f"not tried yet: {', '.join(new)}")
    if left_out := _left_out(question, found, k, levels):
        parts.append(left_out)
    if apart := _apart(question, one, k):
        parts.append(apart)
    return "; ".join(parts)


def _left_out(question: Question, found: Standing, k: int, levels: Sequence[int]) -> str:
    """Name values that are left out, and what they cost."""
    scale, options = question.table.scale, question.options[k]
    tried = set(map(int, question.table.codes[:, k]))
    costs = {}
    for level in tried.difference(levels).intersection(options.kept):
        mean, _, _ = found.cost(k, level)
        costs[level] = mean
    worst = sorted(costs, key=costs.__getitem__)
    named = [f"{show(options.value(c))} (costs {scale.words(costs[c])})" for c in worst[:_SHOWN]]
    more = len(worst) - len(named)
    if not named:
        return ""
    return f"left out: {', '.join(named)}{f' and {more} more' if more > 0 else ''}"


def _apart(question: Question, one: Open, k: int) -> str:
    """Say what is known of the parameter's interactions with those of other sweeps."""
    name = question.table.parameters[k].name
    if len(question.pairs) == 0:
        return ""
    mine = question.pairs[(question.pairs["a"] == name) | (question.pairs["b"] == name)]
    with_others = [
        (row["b"] if row["a"] == name else row["a"], row) for row in mine.to_dict("records")
    ]
    parameters = [p.name for p in question.table.parameters]
    inside = [question.table.parameters[j].name for j in one.at]
    joined = [o for o, row in with_others if row["interacts"] == "yes" and o in inside]
    if joined:
        return f"interacts with {', '.join(joined)}: tuned together"
    others = [(o, row) for o, row in with_others if o in parameters and o not in inside]
    unsure = [row["upper_bound"] for _, row in others if row["interacts"] != "no"]
    if not others:
        return ""
    if not unsure:
        return f"interacts with nothing by more than {100 * question.margin:.2g} %: tuned alone"
    bound = max(unsure, key=lambda value: math.inf if math.isnan(value) else value)
    if math.isnan(bound) or math.isinf(bound) or bound > 9:
        return "no interaction was found, but few runs could have shown one: tuned alone"
    size = f"{bound:.3g}" if question.table.scale.kind == "plain" else percent(bound)
    return f"no interaction was found (up to {size} is possible): tuned alone"

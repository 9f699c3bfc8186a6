"""Before any run: how many runs a sweep would take, and which questions each plan can answer."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import pandas as pd
from scipy import special

from homerun.core import UsageError, counted
from homerun.insight.advice.choices import Choice, choices_of
from homerun.insight.answer import Answer
from homerun.insight.scale import percent
from homerun.insight.squares import t_quantile

_POWER = 0.8
_FALSE = 0.05
_LEAST_FREEDOM = 3  # to tell the noise from
_BENDS = 2  # what an even part of the grid spends on a number: a slope and a bend


@dataclass(frozen=True, kw_only=True)
class _Design:
    name: str
    runs: int
    how: str  # in the sweep file
    effect: float  # smallest relative one of any value that is found; inf: none
    interaction: float  # the same of any pair


def plan(
    parameters: Mapping[str, Any],
    *,
    runs: int | None = None,
    noise: float = 0.05,
    minutes_per_run: float | None = None,
) -> Answer:
    """Say what each way to run a sweep would cost, and what it could find out.

    `parameters`: of a sweep file, or the whole file, or lists of values by name. `noise`: what one
    run varies by, as a share of the metric; `runs`: there is room for. An effect counts as found
    when it is in 80 % of the cases, with 5 % false ones (for pairs: of all of them together). The
    verdict is the plan to begin with: `all`, `balanced` or `one at a time`.
    """
    if not 0 < noise < 1:
        raise UsageError(f"noise is {noise}; use a share between 0 and 1, such as 0.05")
    if runs is not None and runs < 1:
        raise UsageError(f"runs is {runs}; use 1 or more")
    given = parameters.get("parameters")
    listed = given if isinstance(given, Mapping) else parameters
    about = {
        name: {"values": list(one)} if isinstance(one, list | tuple | range) else one
        for name, one in listed.items()
    }
    varied = [choice for choice in choices_of(about) if len(choice.values) > 1]
    if not varied:
        raise UsageError("no parameter has two values or more: there is nothing to plan")
    designs = _designs(varied, noise, runs)
    rows = pd.DataFrame([_row(design, minutes_per_run) for design in designs])
    chosen = _chosen(designs, noise, runs)
    return Answer(
        sentence=_sentence(chosen, designs[-1], minutes_per_run),
        table=rows,
        verdict=chosen.name.partition(",")[0],
        notes=tuple(_notes(varied, designs, noise)),
        facts={
            "runs": chosen.runs,
            "runs_of_full_grid": designs[-1].runs,
            "hours": _hours(chosen.runs, minutes_per_run),
            "hours_of_full_grid": _hours(designs[-1].runs, minutes_per_run),
            "noise": noise,
            "values": {choice.name: len(choice.values) for choice in varied},
        },
    )


def _designs(varied: Sequence[Choice], noise: float, runs: int | None) -> list[_Design]:
    """Return the plans, those with fewest runs first; the last one is the full grid."""
    sizes = [len(choice.values) for choice in varied]
    full = math.prod(sizes)
    columns = 1 + sum(_columns(choice) for choice in varied)
    single = 1 + sum(size - 1 for size in sizes)
    found = [
        _Design(
            name="one at a time",
            runs=single,
            how="values: of one, value: of the rest",
            effect=_found(noise * math.sqrt(2), math.inf, _FALSE),
            interaction=math.inf,
        )
    ]
    wanted = {max(2 * columns, *sizes), full // 4, full // 2, runs or full}
    found += [
        _even(f"balanced, {_share(n, full)}", n, varied, columns, noise, full)
        for n in sorted(wanted)
        if max(sizes) <= n < full
    ]
    found.append(_even("all", full, varied, columns, noise, full))
    return found


def _share(runs: int, full: int) -> str:
    share = 100 * runs / full
    return f"{share:.0f} %" if share >= 1 else f"{share:.1g} %"


def _columns(choice: Choice) -> int:
    size = len(choice.values)
    return min(size - 1, _BENDS) if _is_number(choice) else size - 1


def _is_number(choice: Choice) -> bool:
    return all(
        isinstance(value, int | float) and not isinstance(value, bool) for value in choice.values
    )


def _even(
    name: str, runs: int, varied: Sequence[Choice], columns: int, noise: float, full: int
) -> _Design:
    """Return a plan in which every value comes up equally often."""
    sizes = [len(choice.values) for choice in varied]
    freedom = runs - columns
    effect = interaction = math.inf
    if freedom >= _LEAST_FREEDOM:
        effect = _found(noise * math.sqrt(2 * max(sizes) / runs), freedom, _FALSE)
    pairs = list(combinations(varied, 2))
    if pairs:
        widest = max(len(a.values) * len(b.values) for a, b in pairs)
        taken = max(_columns(a) * _columns(b) for a, b in pairs)
        if freedom - taken >= _LEAST_FREEDOM:
            error = noise * math.sqrt(4 * widest / runs)
            interaction = _found(error, freedom - taken, _FALSE / len(pairs))
    how = "method: grid" if runs == full else f"order: balanced, run_cap: {runs}"
    return _Design(name=name, runs=runs, how=how, effect=effect, interaction=interaction)


def _found(error: float, freedom: float, alpha: float) -> float:
    """Return the smallest relative effect that a two-sided test finds with the power wanted."""
    if math.isinf(freedom):
        reach = float(special.ndtri(1 - alpha / 2)) + float(special.ndtri(_POWER))
    else:
        reach = t_quantile(1 - alpha / 2, freedom) + t_quantile(_POWER, freedom)
    return math.expm1(min(reach * error, 20.0))


def _hours(runs: int, minutes_per_run: float | None) -> float | None:
    return None if minutes_per_run is None else runs * minutes_per_run / 60


def _row(design: _Design, minutes_per_run: float | None) -> dict[str, Any]:
    hours = _hours(design.runs, minutes_per_run)
    return {
        "plan": design.name,
        "runs": design.runs,
        **({"hours": hours} if hours is not None else {}),
        "finds_effects_of": design.effect,
        "finds_interactions_of": design.interaction,
        "in_the_sweep_file": design.how,
    }


def _chosen(designs: Sequence[_Design], noise: float, runs: int | None) -> _Design:
    """Return the smallest plan that finds effects of twice the noise, else the best with room."""
    room = [design for design in designs if runs is None or design.runs <= runs]
    good = [one for one in room if one.name != "one at a time" and one.effect < 2 * noise]
    if good:
        return good[0]
    even = [one for one in room if math.isfinite(one.effect)]
    return min(even or designs[:1], key=lambda one: one.effect)


def _sentence(chosen: _Design, full: _Design, minutes_per_run: float | None) -> str:
    def cost(design: _Design) -> str:
        hours = _hours(design.runs, minutes_per_run)
        text = counted(design.runs, "run")
        return text if hours is None else f"{text} ({hours:.3g} hours)"

    if chosen.runs == full.runs:
        text = f"Run all {cost(full)}"
    elif chosen.name == "one at a time":
        text = f"Vary one parameter at a time: {cost(chosen)} instead of {cost(full)}"
    else:
        text = f"Begin with {cost(chosen)} in balanced order, of {cost(full)} in all"
    text += f": they find every value that costs {percent(chosen.effect)} or more"
    if math.isfinite(chosen.interaction):
        return f"{text}, and interactions of {percent(chosen.interaction)} or more."
    return f"{text}, and no interactions."


def _notes(varied: Sequence[Choice], designs: Sequence[_Design], noise: float) -> list[str]:
    notes = [
        f"One run is taken to vary by {percent(noise)}; found means in 80 % of the cases.",
        "One at a time finds the best values only where parameters do not interact, and cannot"
        " tell whether they do.",
    ]
    if any(design.name.startswith("balanced") for design in designs):
        notes.append(
            "A balanced sweep can be stopped at any time, and goes on where it was with a higher"
            " run_cap; homerun advise then says what is left to run."
        )
    if any(choice.is_range for choice in varied):
        notes.append("A range counts as 5 values.")
    return notes

"""What to run next: the sweep that answers what is open, and nothing that is settled."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from homerun.core import UsageError
from homerun.insight.advice.choices import Choice, choices_of
from homerun.insight.advice.hours import Runtimes
from homerun.insight.advice.next_sweep import Line, NextSweep, next_sweep, titled
from homerun.insight.advice.question import FEWEST, Question
from homerun.insight.advice.reasons import why_held, why_open
from homerun.insight.advice.steps import Open, Standing, standing
from homerun.insight.answer import Answer
from homerun.insight.columns import find_column
from homerun.insight.table import Integers, Prepared, show

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, kw_only=True, eq=False)
class Advice(Answer):
    """What to run next: `sweeps` are small ones, in order; none: there is nothing left to learn."""

    sweeps: tuple[NextSweep, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the advice as plain data for JSON, the sweep files included."""
        return {**super().to_dict(), "sweeps": [sweep.to_dict() for sweep in self.sweeps]}


def advise(
    df: "DataFrame",
    *,
    metric: str,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    spec: Mapping[str, Any] | None = None,
    margin: float = 0.02,
) -> Advice:
    """Say what to run next, and why: small sweeps of what is open, everything else at its best.

    Values that are settled are fixed or dropped; a range is extended whose best value lies at its
    end; parameters that do not interact are tuned one after the other; what cannot be told apart
    is repeated. `spec`: the sweep file as a plain dictionary, for values that have not run yet and
    for its program. The verdict is `sweep` or `done`: nothing is left that would show in the noise.
    """
    question = Question.of(df, metric, goal, params, repeats, spec, margin)
    if len(question.table.y) < FEWEST or not question.table.parameters:
        return _answer(question, _first(question), None)
    found = standing(
        question.table,
        question.groups,
        kept=[options.kept for options in question.options],
        step=question.table.scale.step(margin),
        rows=question.rows,
    )
    return _answer(question, _sweeps(question, found), found)


def _first(question: Question) -> list[NextSweep]:
    """Return a start for what has hardly run: an even part of the grid."""
    table = question.table
    lines = _common_lines(question)
    for parameter, options in zip(table.parameters, question.options, strict=True):
        values = tuple(options.value(code) for code in options.kept)
        lines[question.path(parameter.name)] = Line(values=values, why="too few runs to tell yet")
    for choice in question.unseen:
        lines[choice.path] = Line(values=choice.values, why="only one of its values has run")
    tunes = [".".join(path) for path, line in lines.items() if len(line.values) > 1]
    if not tunes:
        raise UsageError("nothing varies in these runs: there is nothing to advise on")
    sweep = _sweep(question, lines, tunes, repeats=1)
    most = max(2 * len(tunes) + 2, *(len(line.values) for line in lines.values()))
    if sweep.runs > most:
        spec = {**sweep.spec, "run_cap": most}
        # Another seed: another part of the grid than a balanced sweep of before.
        spec["homerun"] = {**spec.get("homerun", {}), "order": "balanced", "seed": most}
        why = f"of {sweep.runs:,} combinations as many as a first look needs"
        reasons = {
            **sweep.reasons,
            ("run_cap",): why,
            ("homerun", "order"): "so that each value comes up equally often in them",
        }
        sweep = replace(sweep, spec=spec, reasons=reasons, runs=most)
    return titled([sweep])


def _sweeps(question: Question, found: Standing) -> list[NextSweep]:
    """Return the small sweeps, the one with the most at stake first."""
    todo = _merged([one for one in found.groups if not one.is_done])
    sweeps = []
    for choice in question.unseen:
        lines = _lines_at_base(question, found, todo)
        lines[choice.path] = Line(values=choice.values, why="only one of its values has run")
        sweeps.append(_sweep(question, lines, [choice.name], repeats=1))
    sweeps += [_untangled(question, found, todo, *pair) for pair in question.twins.items()]
    for one in todo:
        lines = _lines_at_base(question, found, todo)
        for k, levels in zip(one.at, one.levels, strict=True):
            options = question.options[k]
            values = [options.value(code) for code in sorted(levels)]
            why = why_open(question, found, one, k)
            lines[question.path(question.table.parameters[k].name)] = Line(
                values=tuple(values), why=why
            )
        tunes = [question.table.parameters[k].name for k in one.at]
        sweeps.append(_sweep(question, lines, tunes, repeats=one.repeats, found=found))
    is_drawn = any(options.is_drawn for options in question.options)
    if not sweeps and not is_drawn and not _has_run(question.table, found.base):
        lines = _lines_at_base(question, found, [])
        sweeps.append(_sweep(question, lines, [], repeats=1))
    return titled(sweeps)


def _untangled(
    question: Question, found: Standing, todo: Sequence[Open], name: str, other: str
) -> NextSweep:
    """Return the sweep that tells apart two parameters that always changed together."""
    lines = _lines_at_base(question, found, todo)
    options = question.options[question.table.at(other)]
    both = (
        (question.choices[name].path, question.choices[name].values),
        (question.path(other), tuple(options.value(code) for code in options.kept)),
    )
    for path, values in both:
        why = f"{name} went along with {other} in all runs: nothing tells which of them it was"
        lines[path] = Line(values=values, why=why)
    return _sweep(question, lines, [other, name], repeats=1)


def _merged(todo: Sequence[Open]) -> list[Open]:
    """Return all in one where the product is no more runs than the sum: it tells more."""
    if len(todo) < 2 or math.prod(one.runs for one in todo) > sum(one.runs for one in todo):
        return list(todo)
    return [
        Open(
            at=tuple(k for one in todo for k in one.at),
            levels=tuple(levels for one in todo for levels in one.levels),
            loss=sum(one.loss for one in todo),
            is_done=False,
            repeats=1,
        )
    ]


def _has_run(table: Prepared, base: Integers) -> bool:
    own = len(table.parameters)
    return bool((table.codes[:, :own] == base[:own]).all(axis=1).any())


def _common_lines(question: Question) -> dict[tuple[str, ...], Line]:
    """Return the lines of what is no question: constants, data sets, what went along."""
    table, lines = question.table, {}
    for name, value in table.constants.items():
        if question.has(name):
            lines[question.path(name)] = Line(values=(value,), why="the same in every run")
    for block in table.blocks:
        if question.has(block.name):
            why = "runs are compared within each of them"
            lines[question.path(block.name)] = Line(values=block.levels, why=why)
    best = question.df.iloc[table.run_rows[int(table.run_y.argmin())]]
    known = {*lines, *(question.path(parameter.name) for parameter in table.parameters)}
    for name, choice in question.choices.items():
        if choice.path in known or name not in question.df.columns:
            continue
        value = best[name].item() if hasattr(best[name], "item") else best[name]
        if not (isinstance(value, float) and math.isnan(value)):
            why = "as in the best run; it only tells repeats apart" if name in table.repeats else ""
            why = why or "as in the best run"
            lines[choice.path] = Line(values=(value,), why=why)
    return lines


def _lines_at_base(
    question: Question, found: Standing, todo: Sequence[Open]
) -> dict[tuple[str, ...], Line]:
    """Return the lines of a sweep in which everything is at its best."""
    lines = _common_lines(question)
    tuned = {k for one in todo for k in one.at}
    for k, parameter in enumerate(question.table.parameters):
        value = question.options[k].value(int(found.base[k]))
        lines[question.path(parameter.name)] = Line(
            values=(value,), why=why_held(question, found, k, is_tuned=k in tuned)
        )
    return lines


def _sweep(
    question: Question,
    lines: Mapping[tuple[str, ...], Line],
    tunes: Sequence[str],
    *,
    repeats: int,
    found: Standing | None = None,
) -> NextSweep:
    noise = question.table.scale.words(found.model.noise) if found else ""
    sweep = next_sweep(
        lines,
        tunes=tunes,
        spec=question.spec,
        choices=tuple(question.choices.values()),
        metric=(question.metric, question.table.goal),
        repeats=repeats,
        why_repeats=f"one run varies by {noise}, too much to tell these values apart without",
    )
    if question.spec is None:
        why = "put your program here: the table does not name it"
        sweep = replace(sweep, reasons={("program",): why, **sweep.reasons})
    return sweep


def _answer(question: Question, sweeps: Sequence[NextSweep], found: Standing | None) -> Advice:
    table = question.table
    names = [parameter.name for parameter in table.parameters]
    runtimes = Runtimes(question.df, names)
    timed = [
        replace(sweep, hours=runtimes.hours(_values(question, sweep), sweep.runs))
        for sweep in sweeps
    ]
    full, full_hours = _full_grid(question, runtimes)
    facts = {
        "runs_next": timed[0].runs if timed else 0,
        "runs_of_all": sum(sweep.runs for sweep in timed),
        "runs_of_full_grid": full,
        "runs_so_far": table.rows,
        "hours_next": timed[0].hours if timed else None,
        "hours_of_all": _sum(sweep.hours for sweep in timed),
        "hours_of_full_grid": full_hours,
        "hours_are": _unit(question),
        "noise": table.scale.relative(found.model.noise) if found else None,
        "best": _best(question, found),
    }
    return Advice(
        sentence=_sentence(timed, facts),
        table=_table(question, timed, found),
        verdict="sweep" if timed else "done",
        notes=(*_notes(question, timed, found), *table.notes),
        facts=facts,
        sweeps=tuple(timed),
    )


def _values(question: Question, sweep: NextSweep) -> dict[str, Sequence[Any]]:
    """Return the values of each column in a sweep."""
    by_path = {choice.path: choice.values for choice in choices_of(sweep.spec["parameters"])}
    columns = question.choices or {path[-1]: Choice(path=path, values=()) for path in by_path}
    return {name: by_path[choice.path] for name, choice in columns.items()}


def _full_grid(question: Question, runtimes: Runtimes) -> tuple[int, float | None]:
    """Return the runs and the hours of every combination; ranges count as a few values."""
    if question.choices:
        values = {name: choice.values for name, choice in question.choices.items()}
        again = int((question.spec or {}).get("homerun", {}).get("repeats", 1))
    else:
        values = {factor.name: factor.levels for factor in question.table.factors}
        for k, options in enumerate(question.options):
            tried = [level for level in options.levels if level not in options.beyond]
            values[question.table.parameters[k].name] = (
                tuple(map(options.value, options.kept)) if options.is_drawn else tuple(tried)
            )
        again = 1
    runs = again * math.prod(len(one) for one in values.values())
    return runs, runtimes.hours(values, runs)


def _sum(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _unit(question: Question) -> str:
    used = find_column(question.df, ["gpu_memory_max_gib"])
    return "GPU-hours" if used is not None and used.notna().any() else "hours"


def _best(question: Question, found: Standing | None) -> dict[str, Any]:
    """Return the best expected values; what went along has what it had beside its partner."""
    if found is None:
        return {}
    table = question.table
    best = {
        parameter.name: question.options[k].value(int(found.base[k]))
        for k, parameter in enumerate(table.parameters)
    }
    for name, other in question.twins.items():
        at = table.at(other)
        rows = table.run_rows[table.codes[table.run_cell, at] == found.base[at]]
        best[name] = question.df[name].iloc[int(rows[0])]
    return best


def _sentence(sweeps: Sequence[NextSweep], facts: Mapping[str, Any]) -> str:
    unit, full = facts["hours_are"], facts["runs_of_full_grid"]
    if not sweeps:
        best = ", ".join(f"{name}={show(value)}" for name, value in facts["best"].items())
        return (
            f"Nothing is left that would show in the noise: {best} is best after"
            f" {facts['runs_so_far']:,} runs; the full grid has {full:,}."
        )
    first = f"Run {sweeps[0].runs:,} next, for {sweeps[0].what}"
    if sweeps[1:]:
        later = ", then ".join(f"{one.what} ({one.runs:,})" for one in sweeps[1:])
        first += f", then {later}: {facts['runs_of_all']:,} in all"
    text = f"{first}; {facts['runs_so_far']:,} ran so far, the full grid has {full:,}."
    if facts["hours_of_all"] is not None:
        took, of = (_time(facts[name], unit) for name in ("hours_of_all", "hours_of_full_grid"))
        text += f" That is {took}, the full grid {of}."
    return text


def _time(hours: float, unit: str) -> str:
    if hours < 1 / 60:
        return f"{3600 * hours:.2g} {unit.replace('hours', 'seconds')}"
    if hours < 1:
        return f"{60 * hours:.2g} {unit.replace('hours', 'minutes')}"
    return f"{hours:.3g} {unit}" if hours < 100 else f"{hours:,.0f} {unit}"


def _table(question: Question, sweeps: Sequence[NextSweep], found: Standing | None) -> "DataFrame":
    rows = []
    for k, parameter in enumerate(question.table.parameters):
        at = next((i for i, one in enumerate(sweeps) if parameter.name in one.tunes), None)
        sweep = sweeps[at or 0] if sweeps else None
        path = question.path(parameter.name)
        place = tuple(key for name in path for key in ("parameters", name))
        if sweep is not None:
            leaf = next(c for c in choices_of(sweep.spec["parameters"]) if c.path == path)
            values, why = leaf.values, sweep.reasons.get(place, "")
        else:
            values = (_best(question, found)[parameter.name],)
            why = why_held(question, found, k, is_tuned=False) if found else ""
        is_fixed = why.startswith("settled")
        step = f"sweep {at + 1}" if at is not None else "fix" if is_fixed else "best so far"
        rows.append(
            {
                "parameter": parameter.name,
                "step": step,
                "values": ", ".join(map(show, values)),
                "why": why,
            }
        )
    for choice in question.unseen:
        at = next(i for i, one in enumerate(sweeps) if choice.name in one.tunes)
        shown = ", ".join(map(show, choice.values))
        why = "only one of its values has run"
        rows.append(
            {"parameter": choice.name, "step": f"sweep {at + 1}", "values": shown, "why": why}
        )
    return pd.DataFrame(rows, columns=["parameter", "step", "values", "why"])


def _notes(question: Question, sweeps: Sequence[NextSweep], found: Standing | None) -> list[str]:
    notes = []
    if found is not None:
        words = question.table.scale.words
        notes.append(
            f"One run varies by about {words(found.model.noise)}; values closer than that, or than"
            f" {words(question.table.scale.step(question.margin))}, are taken as the same."
        )
    if any(choice.is_range for choice in question.choices.values()):
        notes.append("A range counts as 5 values in the full grid.")
    if (question.spec or {}).get("early_terminate") and sweeps:
        notes.append("The next sweep stops no run early: runs that are stopped cannot be compared.")
    return notes

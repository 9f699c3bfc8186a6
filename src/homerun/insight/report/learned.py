"""What runs taught on one page: questions, answers, the best runs, what is next, what it cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from homerun.core import UsageError
from homerun.insight.answer import Answer
from homerun.insight.columns import plain_table, require_metric
from homerun.insight.compare import comparison, told
from homerun.insight.importance import importance_of
from homerun.insight.independence import independence_of
from homerun.insight.models import fit_effects
from homerun.insight.report.costs import costs, states
from homerun.insight.report.page import Report, Section
from homerun.insight.settled import settled_of
from homerun.insight.table import Parameter, Prepared, has_result, prepare, show

if TYPE_CHECKING:
    from pandas import DataFrame

_COMPARED = 6  # parameters whose values are set against each other in words
_LEVELS = 12  # above them nobody reads a comparison of all values
_PAIRS = 8
_OPEN = 8  # open questions that are listed
_BEST = 5
_COLUMNS = 8  # parameters in the table of the best


@dataclass(frozen=True, kw_only=True, eq=False)
class _Learned:
    """The answers that a report is made of."""

    table: Prepared
    settled: Answer
    importance: Answer
    independence: Answer
    compared: tuple[Answer, ...]

    @property
    def by_importance(self) -> list[str]:
        """Return the parameters, the most important first where that is known."""
        return list(self.importance.table["parameter"]) or [p.name for p in self.table.parameters]

    def open(self) -> list[str]:
        """Return the parameters that nothing is settled of, the most important first."""
        found = set(self.settled.table.query("verdict == 'open'")["parameter"])
        return [name for name in self.by_importance if name in found]


def report(
    df: "DataFrame",
    *,
    metric: str | None = None,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    margin: float = 0.02,
    title: str = "What these runs taught",
    best: Section | None = None,
    commands: Sequence[str] = (),
    gpus: int = 1,
) -> Report:
    """Return what a table of runs teaches as one page that is read in two minutes.

    In words and tables; `homerun.charts.report` adds the pictures.

    `best`: what is known of the best runs beyond the table, its first sentence for the summary.
    `commands`: what to do next. `gpus`: those that a run with GPUs had, for what it cost.
    """
    if not 0 < margin < 1:
        raise UsageError(f"margin is {margin}; use a share between 0 and 1, such as 0.02")
    df = plain_table(df)
    why = _nothing_to_learn(df, metric)
    learned = None
    if metric is not None and not why:
        learned = _learn(
            df, metric=metric, goal=goal, params=params, repeats=repeats, margin=margin
        )
    if learned and best is None:
        best = _best_of(learned)
    parts = [
        *(_answers(learned) if learned else ()),
        *([best] if best else ()),
        Section(title="What to do next", sentences=_next(learned), commands=tuple(commands)),
        Section(title="What it cost", table=costs(df, gpus=gpus)),
        Section(title="What to beware of", items=_notes(learned) if learned else ()),
    ]
    return Report(
        title=title,
        about=_about(df, metric, goal),
        lessons=_lessons(learned, best, why),
        sections=tuple(part for part in parts if not part.is_empty),
        importance=learned.importance if learned else None,
        independence=learned.independence if learned else None,
    )


def _nothing_to_learn(df: "DataFrame", metric: str | None) -> str:
    """Return why no question can be answered; empty where some can."""
    if metric is None:
        return "No metric says which run is better, so nothing can be compared: name one."
    if metric not in df.columns and not len(df):
        return "There are no runs yet."
    require_metric(df, metric)
    values = pd.to_numeric(df.loc[has_result(df, metric), metric])
    if values.empty:
        return f"No run of {len(df)} has finished with a finite value of {metric}."
    if len(values) > 1 and values.nunique() == 1:
        return (
            f"All {len(values)} finished runs have the same {metric}, {values.iloc[0]:.4g}: nothing"
            " sets them apart."
        )
    return ""


def _learn(
    df: "DataFrame",
    *,
    metric: str,
    goal: str,
    params: Iterable[str] | None,
    repeats: str | Iterable[str] | None,
    margin: float,
) -> _Learned:
    params, repeats = _several(params), _several(repeats)
    table = prepare(df, metric=metric, goal=goal, params=params, repeats=repeats)
    effects = fit_effects(table)
    ranking = importance_of(table, effects)
    compared = [
        told(comparison(table, at, margin=table.scale.step(margin), effects=effects))
        for at, parameter in enumerate(table.parameters)
        if parameter.kind == "category" and len(parameter.levels) <= _LEVELS
    ]
    order = list(ranking.table["parameter"])
    return _Learned(
        table=table,
        settled=settled_of(table, effects, margin),
        importance=ranking,
        independence=independence_of(table, effects, margin),
        compared=tuple(sorted(compared, key=lambda answer: _place(answer, order))),
    )


def _several(names: str | Iterable[str] | None) -> list[str] | None:
    return names if names is None else [names] if isinstance(names, str) else list(names)


def _place(answer: Answer, order: list[str]) -> tuple[bool, int]:
    name = answer.facts["parameter"]
    return answer.verdict == "cannot tell", order.index(name) if name in order else 0


def _lessons(
    learned: _Learned | None, best: Section | None, why: str
) -> tuple[tuple[str, str], ...]:
    if learned is None:
        first = [("Best", best.sentences[0])] if best and best.sentences else []
        return (*first, ("So far", why))
    is_claim = learned.settled.verdict != "open" and learned.table.parameters
    sure = " (Of such sets of claims at most one in twenty has a false one.)" if is_claim else ""
    found = {
        "Best": best.sentences[0] if best and best.sentences else "",
        "Settled": f"{learned.settled.sentence}{sure}",
        "Matters": learned.importance.sentence,
        "Together": learned.independence.sentence if len(learned.table.parameters) > 1 else "",
        "Next": " ".join(_next(learned)),
    }
    return tuple((about, text) for about, text in found.items() if text)


def _next(learned: _Learned | None) -> tuple[str, ...]:
    if learned is None:
        return ("Nothing can be said before runs have finished with results that differ.",)
    if not learned.table.parameters:
        return ("Vary a parameter: all finished runs had the same configuration.",)
    still, rows = learned.open(), learned.settled.table
    ends = rows[rows["verdict"] == "extend"]
    beyond = list(ends["parameter"] + " " + ends["value"])
    if learned.settled.verdict == "open":
        text = (
            "Nothing can be left out yet: more runs of the same, or two or three seeds of each,"
            " settle more."
        )
        return (text,)
    parts = []
    if beyond:
        parts.append(f"try {_listed(beyond)}, beyond what was run")
    if still:
        parts.append(f"compare only what is open: {_listed(still)}")
    if not parts:
        return ("Nothing is left to compare: repeat the best configuration on other seeds.",)
    text = ", and ".join(parts)
    return (f"{text[0].upper()}{text[1:]}; all else as settled.",)


def _answers(learned: _Learned) -> list[Section]:
    return [
        _questions(learned),
        Section(
            title="Value against value",
            items=tuple(
                answer.sentence for answer in learned.compared[:_COMPARED] if answer.sentence
            ),
            remark="Runs that differ in nothing else are matched, else a model adjusts. Brackets:"
            " 95 % intervals, for each parameter by itself.",
        )
        if learned.compared
        else Section(title=""),
        _together(learned),
    ]


def _questions(learned: _Learned) -> Section:
    """Return what was varied, as questions, with what is settled of each."""
    shares = _shares(learned.importance)
    open_ones = learned.open()
    by_name = {parameter.name: parameter for parameter in learned.table.parameters}
    found = learned.settled.table
    groups = {name: found[found["parameter"] == name] for name in by_name}
    names = [name for name in learned.by_importance if name not in open_ones]
    rows = []
    for name in [*names, *open_ones[:_OPEN]]:
        of = groups[name]
        answers = ", ".join(
            verdict
            if verdict == "open"
            else f"{verdict} {', '.join(of['value'][of['verdict'] == verdict])}"
            for verdict in dict.fromkeys(of["verdict"])
        )
        rows.append(
            {
                "parameter": name,
                "tried": _tried(by_name[name]),
                "answer": answers,
                **({"matters": shares.get(name, "")} if shares else {}),
                "evidence": ". ".join(of["evidence"].head(2)),
            }
        )
    more = len(open_ones) - _OPEN
    others = f" {more} more parameters are open, too." if more > 0 else ""
    return Section(
        title="Questions and answers",
        table=pd.DataFrame(rows),
        remark="Fix: with this value the best result is within the margin of the best at all. Drop:"
        " it is not. Extend: the best lies at the end of what was tried. Brackets are 95 %"
        f" intervals.{others}",
    )


def _shares(ranking: Answer) -> dict[str, str]:
    if ranking.verdict != "ranked":
        return {}
    return {
        row["parameter"]: f"{100 * row['importance']:.0f} %"
        f" [{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
        for row in ranking.table.to_dict("records")
    }


def _tried(parameter: Parameter) -> str:
    levels = parameter.levels
    if len(levels) <= _LEVELS // 2:
        return ", ".join(map(show, levels))
    if parameter.kind == "number":
        return f"{levels[0]:.3g} to {levels[-1]:.3g} ({len(levels)} values)"
    return f"{', '.join(map(show, levels[:3]))}, ... ({len(levels)} values)"


def _together(learned: _Learned) -> Section:
    """Return the pairs that interact; the sentence of the summary tells of the others."""
    rows = learned.independence.table
    rows = rows[rows["interacts"] == "yes"].head(_PAIRS)
    is_share = learned.independence.facts["scale"] != "plain"
    changes = [
        f"{100 * by:.2g} %" if is_share else f"{by:.3g}" for by in map(float, rows["effect"])
    ]
    table = pd.DataFrame(
        {
            "parameters": [f"{a} with {b}" for a, b in zip(rows["a"], rows["b"], strict=True)],
            "changes the effect by": changes,
            "the best value moves": list(rows["best_moves"]),
        }
    )
    return Section(title="What must be tuned together", table=table)


def _best_of(learned: _Learned) -> Section:
    """Return the best configurations as they were observed, repeats averaged."""
    table = learned.table
    order = np.argsort(table.y, kind="stable")[:_BEST]
    at = {factor.name: k for k, factor in enumerate(table.factors)}
    blocks = [block.name for block in table.blocks]
    names = [*blocks, *learned.by_importance]
    rows = pd.DataFrame(
        {table.metric: [f"{table.scale.backward(float(table.y[cell])):.4g}" for cell in order]}
    )
    if table.count.max() > 1:
        rows["repeats"] = [f"{table.count[cell]:d}" for cell in order]
    for name in names[:_COLUMNS]:
        levels = table.factors[at[name]].levels
        rows[f"{name} " if name in rows else name] = [
            show(levels[table.codes[cell, at[name]]]) for cell in order
        ]
    best = [
        f"{name}={show(table.factors[at[name]].levels[table.codes[order[0], at[name]]])}"
        for name in names
    ]
    setting = f" ({_listed(best)})" if best else ""
    first = f"{table.scale.backward(float(table.y[order[0]])):.4g}"
    text = f"The best {table.metric} is {first}{setting}"
    text += "; of many results the best is partly luck." if len(table.y) > 1 else "."
    hidden = names[_COLUMNS:]
    remark = f"No room for: {_listed(hidden)}." if hidden else ""
    return Section(title="Best runs", sentences=(text,), table=rows, remark=remark)


def _about(df: "DataFrame", metric: str | None, goal: str) -> str:
    better = "less" if goal == "minimize" else "more"
    measured = f" · {metric}, {better} is better" if metric else ""
    return f"{states(df)}{measured}"


def _notes(learned: _Learned) -> tuple[str, ...]:
    answers = (learned.settled, learned.importance, learned.independence)
    notes = (note for answer in answers for note in answer.notes)
    return tuple(dict.fromkeys((*learned.table.notes, *notes)))


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:5], f"{len(names) - 5} more"] if len(names) > 6 else list(names)
    return " and ".join([*([", ".join(shown[:-1])] if shown[1:] else []), shown[-1]])

"""Which parameters can be tuned one after the other, and which only together?"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from homerun.core import UsageError
from homerun.insight.answer import Answer
from homerun.insight.models import EffectsModel, fit_effects
from homerun.insight.pairs import PairTest
from homerun.insight.scale import Floats
from homerun.insight.squares import t_quantile
from homerun.insight.table import Prepared, prepare

if TYPE_CHECKING:
    from pandas import DataFrame

Told = Literal["yes", "no", "cannot tell"]


def independence(
    df: "DataFrame",
    *,
    metric: str,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    margin: float = 0.02,
) -> Answer:
    """Say which pairs of parameters interact, how much, and how much the others could at most.

    A pair interacts when its product improves a linear model of the response; at most 5 % of the
    analyses name a pair that does not. It is independent when the upper bound of its interaction
    (95 %, for all pairs at once) is below `margin`, a share of the metric. The interaction: the
    largest change of the effect of `a` between values of `b`. The verdict is `interacts`,
    `independent` or `cannot tell`.
    """
    if not 0 < margin < 1:
        raise UsageError(f"margin is {margin}; use a share between 0 and 1, such as 0.02")
    table = prepare(df, metric=metric, goal=goal, params=params, repeats=repeats)
    return independence_of(table, fit_effects(table), margin)


def independence_of(table: Prepared, model: EffectsModel, margin: float = 0.02) -> Answer:
    """Say the same of a table that is ready, and a model of it."""
    step = table.scale.step(margin)
    told = {test.pair: _told(test, step) for test in model.pairs}
    moves = {
        test.pair: _best_moves(model, test.pair, step)
        if told[test.pair] == "yes"
        else ("no" if told[test.pair] == "no" else "cannot tell")
        for test in model.pairs
    }
    rows = pd.DataFrame(
        [
            {
                "a": table.factors[test.pair[0]].name,
                "b": table.factors[test.pair[1]].name,
                "interacts": told[test.pair],
                "effect": table.scale.relative(test.change),
                "upper_bound": table.scale.relative(test.bound),
                "p": test.p,
                "best_moves": moves[test.pair],
            }
            for test in sorted(model.pairs, key=_rank)
        ],
        columns=["a", "b", "interacts", "effect", "upper_bound", "p", "best_moves"],
    )
    return Answer(
        sentence=_sentence(rows, table, margin),
        table=rows,
        verdict=_verdict(rows),
        notes=(*model.notes, *_of_noise(rows, model), *table.notes),
        facts={
            "margin": margin,
            "together": groups(rows, [parameter.name for parameter in table.parameters]),
            "explained": model.explained,
            "noise": table.scale.relative(model.noise),
            "runs": len(table.run_y),
            "scale": table.scale.kind,
        },
    )


def groups(rows: "DataFrame", names: Sequence[str]) -> list[list[str]]:
    """Return parameters that must be tuned together, as far as `.table` of the answer shows."""
    of = {name: [name] for name in names}
    for a, b in rows.loc[rows["interacts"] == "yes", ["a", "b"]].itertuples(index=False):
        if a in of and b in of and of[a] is not of[b]:
            of[a].extend(of[b])
            of.update(dict.fromkeys(of[b], of[a]))
    return [group for name, group in of.items() if group[0] == name]


def _told(test: PairTest, step: float) -> Told:
    if test.bound < step:
        return "no"
    return "yes" if test.interacts else "cannot tell"


def _rank(test: PairTest) -> tuple[bool, float]:
    return not test.interacts, -test.change if test.change == test.change else np.inf


def _best_moves(model: EffectsModel, pair: tuple[int, int], step: float) -> Told:
    """Tell whether the best value of one parameter depends on the other, by more than a step."""
    first, second = (model.axes[i].probes for i in pair)
    designs = np.array([[model.design_of({pair[0]: a, pair[1]: b}) for b in second] for a in first])
    told = {_moves_along(model, designs, step), _moves_along(model, designs.swapaxes(0, 1), step)}
    return "yes" if "yes" in told else "cannot tell" if "cannot tell" in told else "no"


def _moves_along(model: EffectsModel, designs: Floats, step: float) -> Told:
    """Tell it of the first axis of designs (a, b, columns): what one value for all costs."""
    expected = designs @ model.beta
    common = int(expected.mean(axis=1).argmin())
    sure = t_quantile(1 - 0.05 / expected.shape[1], model.freedom)
    highest = 0.0
    for b, best in enumerate(expected.argmin(axis=0)):
        cost, error = model.difference(designs[common, b] - designs[best, b])
        if cost > step and cost - sure * error > 0:
            return "yes"
        reads = designs[common, b] - designs[:, b]
        bounds = [cost + sure * error for cost, error in map(model.difference, reads)]
        highest = max(highest, *bounds)
    return "no" if highest < step else "cannot tell"


def _verdict(rows: "DataFrame") -> str:
    if (rows["interacts"] == "yes").any():
        return "interacts"
    return "independent" if (rows["interacts"] == "no").all() else "cannot tell"


def _sentence(rows: "DataFrame", table: Prepared, margin: float) -> str:
    if rows.empty:
        names = ", ".join(parameter.name for parameter in table.parameters)
        return f"{names or 'No parameter'} alone varies: there is no pair to look at."
    yes, no = (rows[rows["interacts"] == told] for told in ("yes", "no"))
    open_pairs = rows[rows["interacts"] == "cannot tell"]
    parts = [_interaction(row, table) for row in yes.head(3).to_dict("records")]
    if len(yes) > 3:
        parts.append(f"{len(yes) - 3} more pairs interact.")
    below = _size(table, margin)
    if len(no) and len(no) <= 2:
        pairs = " as well as ".join(f"{row.a} and {row.b}" for row in no.itertuples())
        parts.append(f"{pairs} can be tuned one after the other: any interaction is below {below}.")
    elif len(no):
        which = "All" if len(no) == len(rows) else f"{len(no)} of"
        parts.append(
            f"{which} {len(rows)} pairs can be tuned one after the other: any interaction is below"
            f" {below}."
        )
    if len(open_pairs):
        parts.append(_of_open(open_pairs, table, margin))
    return " ".join(parts)


def _interaction(row: Mapping[Hashable, Any], table: Prepared) -> str:
    effect = _size(table, row["effect"])
    text = (
        f"{row['a']} and {row['b']} interact: the effect of one changes by up to {effect} with the"
        " other"
    )
    if row["best_moves"] == "yes":
        return f"{text}, and its best value moves; tune them together."
    return f"{text}, but the best values stay." if row["best_moves"] == "no" else f"{text}."


def _of_open(rows: "DataFrame", table: Prepared, margin: float) -> str:
    one = rows.sort_values("upper_bound", ascending=False, na_position="first").iloc[0]
    if len(rows) == 1:
        text = f"For {one.a} and {one.b} these runs cannot tell"
    else:
        text = f"For {len(rows)} pairs these runs cannot tell"
    if not one.upper_bound < np.inf:
        return f"{text}: too few of the values of {one.a} and {one.b} met."
    where = f" ({one.a} with {one.b})" if len(rows) > 1 else ""
    return (
        f"{text}: none was found to interact, but an interaction of up to"
        f" {_size(table, one.upper_bound)}{where} is possible, not only below"
        f" {_size(table, margin)}."
    )


def _size(table: Prepared, share: float) -> str:
    """Return a relative size for people: `2 %`, of the odds of error where that is the response."""
    if table.scale.kind == "plain":
        return f"{share:.3g}"
    size = f"{100 * max(share, 1e-4):.2g} %" if share < 1 else f"a factor of {1 + share:.2g}"
    return size + (" of the odds" if table.scale.kind == "logit" else "")


def _of_noise(rows: "DataFrame", model: EffectsModel) -> list[str]:
    if rows.empty or not np.isfinite(model.noise):
        return []
    subject = "One run varies" if model.prepared.noise[1] else "Runs differ from the model"
    return [
        f"{subject} by {model.prepared.scale.words(model.noise)} (one standard deviation)"
        + (", by more in some settings than in others" if model.is_uneven else "")
        + "."
    ]

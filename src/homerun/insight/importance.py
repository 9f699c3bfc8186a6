"""How much does each parameter matter, over the whole space and near the top?"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from homerun.core import UsageError, counted
from homerun.insight.answer import Answer
from homerun.insight.forests import of_forest
from homerun.insight.models import EffectsModel, cells_of, fit_effects
from homerun.insight.scale import Floats
from homerun.insight.shares import Shares, is_full_grid, near_top, of_grid, of_model
from homerun.insight.table import Prepared, prepare

if TYPE_CHECKING:
    from pandas import DataFrame

_LEAST = 0.3  # of the variance that must be explained before anything is ranked
_WORTH_SAYING = 0.1  # of the differences, that only combinations explain
_FEWEST = 8  # configurations below which nothing is fitted


def importance(
    df: "DataFrame",
    *,
    metric: str,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    best: float = 0.1,
) -> Answer:
    """Say which share of the differences each parameter makes, overall and among the better half.

    Overall: omega squared on a full grid, else fANOVA by a linear model or a forest, whichever
    predicts unseen runs better; every value counts the same, however often a search tried it.
    Near the top: what sets the `best` tenth apart within the better half (PED-ANOVA). Intervals are
    95 %. The verdict is `ranked`, or `cannot tell` when less than 30 % of the differences is
    explained.
    """
    if not 0 < best < 0.5:
        raise UsageError(f"best is {best}; use a share between 0 and 0.5, such as 0.1")
    table = prepare(df, metric=metric, goal=goal, params=params, repeats=repeats)
    return importance_of(table, best=best)


def importance_of(
    table: Prepared, effects: EffectsModel | None = None, *, best: float = 0.1
) -> Answer:
    """Say the same of a table that is ready; `effects`, a model of it, saves a second fit."""
    names = [parameter.name for parameter in table.parameters]
    if not names or len(table.y) < _FEWEST:
        return Answer(
            sentence=f"{counted(len(table.y), 'configuration')} of"
            f" {counted(len(names), 'parameter')} that vary cannot say anything yet:"
            f" at least {_FEWEST} are needed.",
            table=pd.DataFrame(columns=["parameter", "importance"]),
            verdict="cannot tell",
            notes=table.notes,
        )
    within = _within_blocks(table)
    found = _overall(within, effects if within is table else None)
    cells, _ = cells_of(within)
    top, low, high, p = near_top(within.parameters, within.codes, cells.y, best=best, within=0.5)
    rows = pd.DataFrame(
        {
            "parameter": names,
            "importance": found.share,
            "low": found.low,
            "high": found.high,
            "matters": np.where(found.is_noise, "no", "yes"),
            "near_top": top,
            "top_low": low,
            "top_high": high,
            "top_matters": np.where(
                np.isnan(p), "cannot tell", np.where(p * len(names) < 0.05, "yes", "no")
            ),
        }
    )
    is_ranked = found.explained >= _LEAST
    if is_ranked:
        rows = rows.sort_values(
            ["importance", "near_top"], ascending=False, ignore_index=True
        ).round(4)
    else:
        rows[["importance", "low", "high"]] = np.nan
        rows["matters"] = "cannot tell"
    return Answer(
        sentence=_sentence(rows, found) if is_ranked else _refusal(found, table),
        table=rows,
        verdict="ranked" if is_ranked else "cannot tell",
        notes=table.notes,
        facts={
            "explained": found.explained,
            "method": found.method,
            "together": _together(found),
            "runs": len(table.run_y),
            "scale": table.scale.kind,
            **({} if found.partial is None else {"partial_omega2": _by(names, found.partial)}),
        },
    )


def _together(found: Shares) -> float:
    """Return the share that is explained by combinations of parameters only."""
    return max(0.0, found.explained - float(found.share.sum()))


def _by(names: list[str], values: Floats) -> dict[str, float]:
    return dict(zip(names, map(float, values), strict=True))


def _within_blocks(table: Prepared) -> Prepared:
    """Return the table with the mean of each block (data set, split) taken off its runs.

    The blocks then are repeats of a configuration.
    """
    own = len(table.parameters)
    if not table.blocks:
        return table
    _, block = np.unique(table.codes[:, own:], axis=0, return_inverse=True)
    block = block.reshape(-1)[table.run_cell]
    mean = np.bincount(block, weights=table.run_y) / np.bincount(block)
    run_y = table.run_y - mean[block]
    codes, cell = np.unique(table.codes[:, :own], axis=0, return_inverse=True)
    run_cell = cell.reshape(-1)[table.run_cell]
    count = np.bincount(run_cell)
    return replace(
        table,
        blocks=(),
        codes=codes,
        y=np.bincount(run_cell, weights=run_y) / count,
        count=count,
        run_cell=run_cell,
        run_y=run_y,
    )


def _overall(table: Prepared, effects: EffectsModel | None) -> Shares:
    cells, _ = cells_of(table)
    sizes = [len(parameter.levels) for parameter in table.parameters]
    if is_full_grid(sizes, len(cells.y)):
        return of_grid(cells, sizes)
    forest = of_forest(table.parameters, cells.codes, cells.y, table.count)
    model = effects or fit_effects(table)
    if not model.held_out > forest.explained:
        return forest
    return of_model(model)


def _sentence(rows: "DataFrame", found: Shares) -> str:
    real = rows[rows["matters"] == "yes"]
    if real.empty:
        return (
            "No parameter stands out from noise by itself, though together they explain"
            f" {_percent(found.explained)} of the differences."
        )
    first = real.iloc[0]
    ties = real[real["high"] >= first["low"]]
    if len(ties) > 1:
        text = f"{_listed([_named(row) for row in ties.head(3).to_dict('records')])} matter most"
        text += f", of which {len(ties) - 3} more are not told apart" if len(ties) > 3 else ""
    else:
        text = f"{_named(first.to_dict())} matters most"
    rest = real.iloc[len(ties) :]
    if len(rest):
        text += f"; then {_listed([_named(row) for row in rest.head(2).to_dict('records')])}"
    text += f". The parameters explain {_percent(found.explained)} of the differences."
    if noise := list(rows.loc[rows["matters"] != "yes", "parameter"]):
        verb = "is" if len(noise) == 1 else "are"
        text += f" By itself {_listed(noise[:4], more=len(noise) - 4)} {verb} within the noise."
    if _together(found) >= _WORTH_SAYING:
        text += (
            f" {_percent(_together(found))} come from combinations of parameters only:"
            " `independence` names them."
        )
    top = rows[rows["top_matters"] == "yes"].sort_values("near_top", ascending=False)
    if len(top) and top.iloc[0]["parameter"] != first["parameter"]:
        share = _percent(float(top.iloc[0]["near_top"]))
        text += f" Among the better half {top.iloc[0]['parameter']} matters most ({share})."
    return text


def _refusal(found: Shares, table: Prepared) -> str:
    explained = (
        f"only {_percent(max(found.explained, 0.0))}"
        if found.explained == found.explained
        else "nothing"
    )
    return (
        f"{len(table.run_y)} runs cannot tell what matters: the parameters explain {explained} of"
        f" the differences in runs that were not fitted (at least {_percent(_LEAST)} is needed)."
    )


def _named(row: Mapping[Hashable, Any]) -> str:
    edges = f"[{100 * row['low']:.0f}, {100 * row['high']:.0f}]"
    return f"{row['parameter']} ({_percent(row['importance'])} {edges})"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _listed(names: list[str], *, more: int = 0) -> str:
    """Return names as `a, b and c`, or `a, b and 3 more`."""
    names = [*names, f"{more} more"] if more > 0 else names
    return " and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]])

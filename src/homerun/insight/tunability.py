"""What does tuning buy over one good default, on data sets it was not chosen for?"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from homerun.core import UsageError
from homerun.insight.answer import Answer
from homerun.insight.scale import Floats
from homerun.insight.squares import t_quantile
from homerun.insight.table import Integers, Prepared, prepare, show

if TYPE_CHECKING:
    from pandas import DataFrame

_ALL = "(all together)"


def tunability(
    df: "DataFrame",
    across: str,
    *,
    metric: str,
    goal: str = "minimize",
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    margin: float = 0.02,
) -> Answer:
    """Say what tuning all parameters, and each alone, buys over the best common default.

    `across` is the column of data sets; each counts once, whatever its runs. The default that a
    data set is judged by is the configuration that was best, on average, on the others (Probst,
    Boulesteix, Bischl 2019). The verdict is `tune`, `use the default` (no more than `margin` is to
    be had) or `cannot tell`. The best of many noisy runs flatters tuning: repeat runs.
    """
    if not 0 < margin < 1:
        raise UsageError(f"margin is {margin}; use a share between 0 and 1, such as 0.02")
    table = prepare(df, metric=metric, goal=goal, params=params, repeats=repeats, also=[across])
    at = table.at(across)
    others = [k for k in range(len(table.factors)) if k != at]
    configs, y = _by_data_set(table, at, others)
    shared = np.flatnonzero(np.isfinite(y).all(axis=0))
    if len(y) < 3 or len(shared) < 2:
        return Answer(
            sentence=f"{len(y)} values of {across} with {len(shared)} configurations run on all of"
            " them say nothing of a common default: at least 3 with 2 are needed.",
            table=pd.DataFrame(columns=["parameter", "gain", "low", "high", "verdict"]),
            verdict="cannot tell",
            notes=table.notes,
        )
    gains = _gains(configs, y, shared)
    names = [_ALL, *(table.factors[k].name for k in others)]
    rows = pd.DataFrame(
        [
            _row(name, gain, table, table.scale.step(margin))
            for name, gain in zip(names, gains.T, strict=True)
        ]
    )
    rows = pd.concat([rows[:1], rows[1:].sort_values("gain", ascending=False)], ignore_index=True)
    best = configs[shared[y[:, shared].mean(axis=0).argmin()]]
    default = {
        table.factors[k].name: table.factors[k].levels[code]
        for k, code in zip(others, best, strict=True)
    }
    return Answer(
        sentence=_sentence(rows, table, default, across, len(y)),
        table=rows,
        verdict=rows["verdict"][0],
        notes=table.notes,
        facts={"default": default, "data_sets": len(y), "configurations": len(shared)},
    )


def _by_data_set(table: Prepared, at: int, others: list[int]) -> tuple[Integers, Floats]:
    """Return configurations, and responses (data sets, configurations) less each set's median."""
    configs, config = np.unique(table.codes[:, others], axis=0, return_inverse=True)
    y = np.full((len(table.factors[at].levels), len(configs)), np.nan)
    y[table.codes[:, at], config.reshape(-1)] = table.y
    return configs, y - np.nanmedian(y, axis=1, keepdims=True)


def _gains(configs: Integers, y: Floats, shared: Integers) -> Floats:
    """Return what tuning takes off the response (data sets, 1 + parameters): all, then each."""
    gains = np.zeros((len(y), 1 + configs.shape[1]))
    for d, mine in enumerate(y):
        default = shared[np.delete(y, d, axis=0)[:, shared].mean(axis=0).argmin()]
        gains[d, 0] = mine[default] - np.nanmin(mine)
        same = configs == configs[default]
        for k in range(configs.shape[1]):
            near = np.delete(same, k, axis=1).all(axis=1)
            gains[d, 1 + k] = mine[default] - np.nanmin(mine[near])
    return gains


def _row(name: str, gain: Floats, table: Prepared, step: float) -> dict[str, object]:
    sets = len(gain)
    mean, error = float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(sets))
    half = t_quantile(0.975, sets - 1) * error
    low, high = max(mean - half, 0.0), mean + half
    return {
        "parameter": name,
        "gain": table.scale.relative(mean),
        "low": table.scale.relative(low),
        "high": table.scale.relative(high),
        "verdict": "tune" if low > step else "use the default" if high < step else "cannot tell",
    }


def _sentence(
    rows: "DataFrame", table: Prepared, default: dict[str, object], across: str, sets: int
) -> str:
    whole = rows.iloc[0]
    named = ", ".join(f"{name}={show(value)}" for name, value in default.items())
    text = (
        f"Over the best common default ({named}) tuning buys {_interval(whole, table)} in"
        f" {table.metric}, judged on each of {sets} values of {across} with the default of the"
        " others."
    )
    first = rows.iloc[1]
    if first["verdict"] == "tune":
        text += f" {first['parameter']} alone buys {_interval(first, table)}."
    unneeded = rows[1:].loc[rows["verdict"] == "use the default", "parameter"]
    if len(unneeded):
        text += f" Not worth tuning: {', '.join(unneeded)}."
    return text


def _interval(row: "pd.Series[float]", table: Prepared) -> str:
    if table.scale.kind == "plain":
        return f"{row['gain']:.3g} [{row['low']:.3g}, {row['high']:.3g}]"
    return f"{100 * row['gain']:.2g} % [{100 * row['low']:.2g}, {100 * row['high']:.2g}]"

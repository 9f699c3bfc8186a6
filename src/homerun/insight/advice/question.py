"""What is known of a table of runs before anything is advised."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from homerun.core import UsageError
from homerun.insight.advice.choices import Choice, choices_of
from homerun.insight.advice.options import Options, options_of
from homerun.insight.advice.steps import with_levels
from homerun.insight.independence import independence
from homerun.insight.models import fit_effects
from homerun.insight.settled import Finding, settled
from homerun.insight.table import Integers, Prepared, prepare

if TYPE_CHECKING:
    from pandas import DataFrame

FEWEST = 4  # configurations below which nothing is fitted
_MOST = 200  # configurations that the model near the top is fitted to


@dataclass(frozen=True, kw_only=True, eq=False)
class Question:
    """What is known before anything is advised."""

    df: "DataFrame"
    table: Prepared  # with the levels that have not run yet
    metric: str
    margin: float
    spec: Mapping[str, Any] | None
    choices: Mapping[str, Choice]  # by column
    options: tuple[Options, ...]  # of each parameter of the table
    findings: tuple[Finding, ...]
    pairs: "DataFrame"  # what independence says of them
    groups: tuple[tuple[int, ...], ...]
    rows: Integers  # configurations that are judged by
    twins: Mapping[str, str]  # parameters that went along with another one in all runs
    unseen: tuple[Choice, ...]  # parameters of which the runs have a single value, the file more

    @classmethod
    def of(
        cls,
        df: "DataFrame",
        metric: str,
        goal: str,
        params: Iterable[str] | None,
        repeats: str | Iterable[str] | None,
        spec: Mapping[str, Any] | None,
        margin: float,
    ) -> "Question":
        choices = _by_column(df, spec)
        if choices and params is None:
            df = df.copy(deep=False)
            df.attrs["config"] = list(choices)
        asked: dict[str, Any]
        asked = {"metric": metric, "goal": goal, "params": params, "repeats": repeats}
        table = prepare(df, **asked)
        enough = len(table.y) >= FEWEST and len(table.parameters) > 0
        verdicts = settled(df, **asked, margin=margin).table if enough else pd.DataFrame()
        told = independence(df, **asked, margin=margin) if enough else None
        findings = tuple(
            Finding(
                **{str(name): str(value) for name, value in row.items()},
            )
            for row in verdicts.to_dict("records")
        )
        options = tuple(
            options_of(
                parameter,
                choices.get(parameter.name),
                [one for one in findings if one.parameter == parameter.name],
            )
            for parameter in table.parameters
        )
        together = told.facts["together"] if told else [[p.name] for p in table.parameters]
        groups = tuple(tuple(table.at(name) for name in group) for group in together)
        rows = _judged_by(table) if enough else np.arange(len(table.y))
        unseen = tuple(
            choice
            for name, choice in choices.items()
            if name in table.constants and len(choice.values) > 1 and name not in table.repeats
        )
        return cls(
            twins=_twins(df, table, choices),
            df=df,
            table=with_levels(table, {k: one.levels for k, one in enumerate(options)}),
            metric=metric,
            margin=margin,
            spec=spec,
            choices=choices,
            options=options,
            findings=findings,
            pairs=told.table if told else pd.DataFrame(),
            groups=groups,
            rows=rows,
            unseen=unseen,
        )

    def path(self, name: str) -> tuple[str, ...]:
        """Return where a column stands in the sweep file."""
        return self.choices[name].path if name in self.choices else (name,)

    def has(self, name: str) -> bool:
        """Tell whether a column is one of the parameters of the sweep file, where there is one."""
        return not self.choices or name in self.choices


def _by_column(df: "DataFrame", spec: Mapping[str, Any] | None) -> dict[str, Choice]:
    """Return the parameters of a sweep file by the column that has them."""
    if spec is None:
        return {}
    if not isinstance(spec.get("parameters"), Mapping):
        raise UsageError("the sweep has no parameters: there is nothing to advise on")
    columns = {str(column) for column in df.columns}
    config = {choice: f"config.{choice.name}" for choice in choices_of(spec["parameters"])}
    return {(long if long in columns else choice.name): choice for choice, long in config.items()}


def _twins(df: "DataFrame", table: Prepared, choices: Mapping[str, Choice]) -> dict[str, str]:
    """Return the parameters of the sweep file that the table left out, and whom they went with."""
    used = df.iloc[table.run_rows]
    known = {*table.constants, *table.repeats, *(factor.name for factor in table.factors)}
    found = {}
    for name in choices:
        if name in known or name not in df.columns or used[name].nunique() < 2:
            continue
        for parameter in table.parameters:
            pairs = used[[parameter.name, name]].drop_duplicates()
            if len(pairs) == len(parameter.levels) == used[name].nunique():
                found[name] = parameter.name
                break
    return found


def _judged_by(table: Prepared) -> Integers:
    """Return the configurations for the model near the top: of many the best expected, and some."""
    n = len(table.y)
    if n <= _MOST:
        return np.arange(n)
    effects = fit_effects(table)
    best = np.argsort(effects.design(table.codes) @ effects.beta, kind="stable")
    rest = best[_MOST // 2 :]
    spread = rest[np.linspace(0, len(rest) - 1, _MOST // 2).astype(np.intp)]
    chosen: Integers = np.sort(np.concatenate([best[: _MOST // 2], spread]))
    return chosen

"""Runs against each other: what they were set to, what came out, and where they ran."""

import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from homerun.charts.aims import aim
from homerun.charts.arrays import floats
from homerun.charts.figure import Axis, Figure, Line, Panel
from homerun.charts.kinds.html_table import Cell, HtmlTable, Part
from homerun.charts.kinds.runs import names_of
from homerun.charts.kinds.table import text_of
from homerun.charts.ticks import duration, plain
from homerun.core import Fact, UsageError, counted
from homerun.insight import classify, is_number, plain_table

if TYPE_CHECKING:
    from pandas import DataFrame

_MOST_RUNS = 6
_MOST_CURVES = 8
_LOWER = re.compile(r"(^|[^a-z])(loss|error|err|perplexity|rmse|mse|mae|nll|wer|cer)([^a-z]|$)")
_HIGHER = re.compile(r"(^|[^a-z])(acc|accuracy|f1|auc|auroc|precision|recall|iou|dice|r2|bleu)")
# Of the run itself: what says where and how it ran, in this order.
_ABOUT = (
    "state reason sweep started_at runtime_s devices host program python git.commit git.branch "
    "git.dirty exit_code memory_max_mib gpu_memory_max_gib energy_wh tags notes"
).split()
_PROGRESS = {"epoch", "step", "global_step", "iteration"}  # is no result
_SECONDS = {"runtime_s"}


def diff(
    df: "DataFrame",
    *runs: str | int,
    history: "DataFrame | None" = None,
    metric: str | None = None,
    goal: str | None = None,
) -> HtmlTable:
    """Put two or a few runs side by side: settings, results, where they ran, and their curves.

    `runs` are ids, names or numbers; without them the table holds just those runs. What differs
    comes first, what is the same is folded. Of each result the better one is marked, where its name
    or goal tells what is better. `history` (`homerun.history(df.id)`) adds the curves they share.
    """
    df = plain_table(df)
    if metric is not None or df.attrs.get("metric"):
        metric, goal = aim(df, metric, goal)
    rows = df.iloc[_positions(df, runs)]
    names = names_of(rows)
    settings, results = _columns(df, metric)
    about = [name for name in _ABOUT if name in df.columns]
    about += [str(name) for name in df.columns if _is_package(str(name)) and name not in about]
    facts = [_fact(rows, name, is_exact=True) for name in settings]
    of_runs = [_fact(rows, name) for name in about]
    differing = [fact for fact in facts if not fact.is_same]
    parts = [
        _differing(differing, names, "Settings that differ"),
        _results(rows, results, names, metric, goal),
        _differing([fact for fact in of_runs if not fact.is_same], names, "The runs"),
        _folded([fact for fact in (*facts, *of_runs) if fact.is_same]),
    ]
    told = f"{counted(len(differing), 'setting')} of {len(settings)} differ."
    if len(differing) < 2:
        told = f"Only {differing[0].name} differs." if differing else "The settings are the same."
    return HtmlTable(
        kind="diff",
        title=" and ".join([*([", ".join(names[:-1])] if names[1:] else []), names[-1]]),
        parts=tuple(part for part in parts if part.rows),
        caption=told,
        figures=_curves(rows, names, history),
        text_rows=40,
    )


def _positions(df: "DataFrame", runs: Sequence[str | int]) -> list[int]:
    """Return the rows of the runs that are meant."""
    if not runs:
        if not 2 <= len(df) <= _MOST_RUNS:
            raise UsageError(
                f"a diff is of 2 to {_MOST_RUNS} runs; these are {len(df)}: name those to compare"
            )
        return list(range(len(df)))
    if not 2 <= len(runs) <= _MOST_RUNS:
        raise UsageError(f"a diff is of 2 to {_MOST_RUNS} runs; got {len(runs)}")
    columns = [name for name in ("id", "name", "number", "run") if name in df.columns]
    texts = [[text_of(value) for value in df[name]] for name in columns]
    texts = texts or [names_of(df), [str(at + 1) for at in range(len(df))]]
    found = []
    for run in runs:
        at = next((column.index(str(run)) for column in texts if str(run) in column), None)
        if at is None:
            known = ", ".join(names_of(df)[:6])
            raise UsageError(f"the table has no run {run!r}; there is {known or 'none'}")
        found.append(at)
    return found


def _columns(df: "DataFrame", metric: str | None) -> tuple[list[str], list[str]]:
    """Return what was set and what was measured, the metric first."""
    config, summary = df.attrs.get("config"), df.attrs.get("summary")
    if config is not None and summary is not None:
        settings, results = list(config), list(summary)
    elif metric is not None:
        kinds = classify(df, metric=metric)
        settings = [*kinds.blocks, *kinds.parameters, *kinds.repeats]
        results = [*kinds.results]
    else:
        known = {"id", "name", "number", "run", *_ABOUT}
        settings, results = [str(name) for name in df.columns if name not in known], []
    if metric is not None:
        results = [metric, *(name for name in results if name != metric)]
    return [name for name in settings if name not in set(results)], results


def _is_package(name: str) -> bool:
    return name.startswith(("package.", "packages.", "env."))


def _fact(rows: "DataFrame", name: str, *, is_exact: bool = False) -> Fact:
    """Return what a column says of the runs in words; `is_exact`: with all digits that differ."""
    values = rows[name].tolist()
    texts = [_said(name, value) for value in values]
    if is_exact and is_number(rows[name]) and len(set(texts)) < rows[name].nunique(dropna=False):
        texts = [text if text == "none" else repr(v) for text, v in zip(texts, values, strict=True)]
    return Fact(name, tuple(texts))


def _differing(facts: Sequence[Fact], names: list[str], title: str) -> Part:
    lines = [[Cell(text=text) for text in (fact.name, *fact.values)] for fact in facts]
    return Part(title=title, head=("", *names), rows=lines)


def _said(name: str, value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return datetime.fromtimestamp(value.timestamp()).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    text = text_of(value)
    if name in _SECONDS and text:
        return duration(float(value))
    return text or "none"


def _folded(facts: Sequence[Fact]) -> Part:
    """Return what all runs have in common; what none of them has is left out."""
    known = [(fact.name, fact.values[0]) for fact in facts if fact.values[0] != "none"]
    lines = [[Cell(text=name), Cell(text=text)] for name, text in known]
    return Part(title="The same", head=("", "all"), rows=lines, is_folded=True)


def _results(
    rows: "DataFrame",
    columns: Sequence[str],
    names: list[str],
    metric: str | None,
    goal: str | None,
) -> Part:
    has_two = len(rows) == 2
    lines = []
    for name in columns:
        if not is_number(rows[name]) or not np.isfinite(floats(rows[name])).any():
            continue
        values = [value if math.isfinite(value) else None for value in floats(rows[name]).tolist()]
        fact = Fact(name, tuple(values))
        better = (goal if name == metric else None) or _better(name)
        best = fact.best(better) if better else frozenset()
        cells = [
            Cell(text=_said(name, value), value=value, is_best=i in best)
            for i, value in enumerate(values)
        ]
        change = fact.change(plain) or ("" if None in values else "the same")
        lines.append([Cell(text=name), *cells, *([Cell(text=change)] if has_two else [])])
    head = ("", *names, *(["difference"] if has_two else []))
    return Part(title="Results", head=head, rows=lines, numeric=frozenset(range(1, len(rows) + 1)))


def _better(name: str) -> str | None:
    """Return what is wanted of a result, where its name tells."""
    if _LOWER.search(name.lower()):
        return "minimize"
    return "maximize" if _HIGHER.search(name.lower()) else None


def _curves(rows: "DataFrame", names: list[str], history: "DataFrame | None") -> tuple[Figure, ...]:
    """Return the curves of the metrics that all runs have logged, more than one point of each."""
    if history is None or "id" not in rows.columns or not len(history):
        return ()
    of_run = [history[history["run"] == run] for run in rows["id"]]
    shared = [
        str(key)
        for key in history["key"].unique()
        if key not in _PROGRESS
        and all((np.isfinite(floats(p.loc[p["key"] == key, "value"])).sum()) > 1 for p in of_run)
    ]
    panels = tuple(
        Panel(
            x=Axis(label="step"),
            y=Axis(label=key, scale="log" if _is_log(key, of_run) else "linear"),
            marks=tuple(
                Line(
                    x=floats(points.loc[points["key"] == key, "step"]),
                    y=floats(points.loc[points["key"] == key, "value"]),
                    color=color,
                    label=names[color],
                )
                for color, points in enumerate(of_run)
            ),
        )
        for key in shared[:_MOST_CURVES]
    )
    if not panels:
        return ()
    left = len(shared) - len(panels)
    return (
        Figure(
            kind="curves",
            title="",
            caption=f"{counted(left, 'more metric')} not drawn." if left else "",
            panels=panels,
            columns=min(len(panels), 2),
            width=800 if len(panels) > 1 else 480,
            height=230.0 * -(-len(panels) // 2),
        ),
    )


def _is_log(key: str, of_run: Sequence["DataFrame"]) -> bool:
    values = np.concatenate([floats(p.loc[p["key"] == key, "value"]) for p in of_run])
    values = values[np.isfinite(values)]
    return bool(
        _LOWER.search(key.lower()) and values.min() > 0 and values.max() > 10 * values.min()
    )

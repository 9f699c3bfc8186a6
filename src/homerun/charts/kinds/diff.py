"""Runs against each other: what they were set to, what came out, and where they ran."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from homerun.charts.aims import aim
from homerun.charts.arrays import floats
from homerun.charts.figure import Axis, Figure, Line, Panel
from homerun.charts.kinds.counted import names_of
from homerun.charts.kinds.html_table import Cell, HtmlTable, Part
from homerun.charts.kinds.table import text_of, varies
from homerun.charts.ticks import duration, plain
from homerun.core import UsageError, counted
from homerun.insight import classify, is_number

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
    if metric is not None or df.attrs.get("metric"):
        metric, goal = aim(df, metric, goal)
    rows = df.iloc[_positions(df, runs)]
    names = names_of(rows)
    settings, results = _columns(df, metric)
    about = [name for name in _ABOUT if name in df.columns]
    about += [str(name) for name in df.columns if _is_package(str(name)) and name not in about]
    differing = [name for name in settings if varies(rows[name])]
    same = [name for name in (*settings, *about) if not varies(rows[name])]
    parts = [
        _settings(rows, differing, names, "Settings that differ"),
        _results(rows, results, names, metric, goal),
        _settings(rows, [name for name in about if varies(rows[name])], names, "The runs"),
        _folded(rows, same),
    ]
    if not differing:
        told = "The settings are the same."
    else:
        told = f"{counted(len(differing), 'setting')} of {len(settings)} differ."
    if len(differing) == 1:
        told = f"Only {differing[0]} differs."
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
                f"a diff is of 2 to {_MOST_RUNS} runs, and the table has {len(df)}: name them, as"
                f" in diff(df, {names_of(df)[0]!r}, ...)"
                if len(df)
                else "a diff is of 2 or more runs, and the table has none"
            )
        return list(range(len(df)))
    if not 2 <= len(runs) <= _MOST_RUNS:
        raise UsageError(f"a diff is of 2 to {_MOST_RUNS} runs; got {len(runs)}")
    columns = [name for name in ("id", "name", "number", "run") if name in df.columns]
    texts = [[text_of(value) for value in df[name]] for name in columns]
    texts = texts or [names_of(df)]
    found = []
    for run in runs:
        at = next((column.index(str(run)) for column in texts if str(run) in column), None)
        if at is None:
            raise UsageError(f"the table has no run {run!r}; there is {', '.join(texts[-1][:6])}")
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


def _settings(rows: "DataFrame", columns: Sequence[str], names: list[str], title: str) -> Part:
    return Part(
        title=title,
        head=("", *names),
        rows=[
            [Cell(text=name), *(Cell(text=_said(name, value)) for value in rows[name].tolist())]
            for name in columns
        ],
    )


def _said(name: str, value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return datetime.fromtimestamp(value.timestamp()).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    text = text_of(value)
    if name in _SECONDS and text:
        return duration(float(value))
    return text or "none"


def _folded(rows: "DataFrame", columns: Sequence[str]) -> Part:
    """Return what all runs have in common; what none of them has is left out."""
    known = [(name, _said(name, rows[name].iloc[0])) for name in columns]
    return Part(
        title="The same",
        head=("", "all"),
        rows=[[Cell(text=name), Cell(text=text)] for name, text in known if text != "none"],
        is_folded=True,
    )


def _results(
    rows: "DataFrame", columns: Sequence[str], names: list[str], metric: str | None, goal: Any
) -> Part:
    has_two = len(rows) == 2
    lines = []
    for name in columns:
        if not is_number(rows[name]) or not np.isfinite(floats(rows[name])).any():
            continue
        values = floats(rows[name])
        better = (goal if name == metric else None) or _better(name)
        best = {"minimize": np.nanmin, "maximize": np.nanmax}.get(str(better))
        marked = best(values) if best is not None and len({*values.tolist()}) > 1 else None
        cells = [
            Cell(
                text=_said(name, float(value)) if np.isfinite(value) else "none",
                value=float(value) if np.isfinite(value) else None,
                is_best=marked is not None and value == marked,
            )
            for value in values
        ]
        change = [Cell(text=_change(float(values[0]), float(values[1])))] if has_two else []
        lines.append([Cell(text=name), *cells, *change])
    head = ("", *names, *(["difference"] if has_two else []))
    return Part(title="Results", head=head, rows=lines, numeric=frozenset(range(1, len(rows) + 1)))


def _better(name: str) -> str | None:
    if _LOWER.search(name.lower()):
        return "minimize"
    return "maximize" if _HIGHER.search(name.lower()) else None


def _change(first: float, second: float) -> str:
    """Return what the second has more than the first: +0.012 (+4.1 %)."""
    if not np.isfinite(first) or not np.isfinite(second):
        return ""
    if first == second:
        return "the same"
    step = second - first
    sign = "+" if step > 0 else ""
    percent = plain(float(f"{100 * step / abs(first):.3g}")) if first else ""
    share = f" ({sign}{percent} %)" if percent else ""
    return f"{sign}{plain(step)}{share}"


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

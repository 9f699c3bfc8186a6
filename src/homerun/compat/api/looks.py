"""How a notebook shows runs, sweeps and projects of the Api."""

from collections.abc import Mapping, Sequence
from typing import Any

from homerun.core import counted, duration, flat, markup, shown
from homerun.store import FoundRun

RUNS = 20  # of a collection that are shown
_COLUMNS = 12  # keys that are columns


def run_html(run: FoundRun, name: str, state: str) -> str:
    """Return a run: where it belongs, its configuration and summary side by side."""
    where = f"run {run.number} of {run.project}" + (f" > {run.sweep}" if run.sweep else "")
    took = duration(run.runtime_s)
    parts = [markup.heading(name, state_name=state, more=f"{where}{took and f', {took}'}")]
    if run.reason:
        parts.append(f"<div>{markup.cell(run.reason)}</div>")
    parts.append(markup.beside({"config": run.config, "summary": run.summary}))
    return markup.block([*parts, markup.note(f"homerun show {run.number}")])


def runs_html(title: str, runs: Sequence[FoundRun], count: int) -> str:
    """Return some of `count` runs as a table: what varies among them, and their numbers."""
    configs = [flat(run.config) for run in runs]
    summaries = [
        {
            key: value
            for key, value in flat(run.summary).items()
            if not key.startswith("_") and isinstance(value, int | float)
        }
        for run in runs
    ]
    varying = [key for key in _keys(configs) if len(runs) == 1 or _varies(configs, key)]
    columns = [
        markup.Column(title="run", cells=[str(run.number) for run in runs], is_number=True),
        markup.Column(title="name", cells=[markup.cell(run.name) for run in runs]),
        markup.Column(title="state", cells=[markup.state(run.state) for run in runs]),
    ]
    results = _keys(summaries)[: max(4, _COLUMNS - len(varying))]
    columns += [_column(key, configs) for key in varying[:_COLUMNS]]
    columns += [_column(key, summaries) for key in results]
    times = [duration(run.runtime_s) for run in runs]
    columns.append(markup.Column(title="time", cells=times, is_number=True))
    parts = [markup.heading(title, more=counted(count, "run"))]
    parts += [markup.table(columns)] if runs else []
    if count > len(runs):
        parts.append(markup.note(f"the first {len(runs)} of {count:,}; .df() has them all"))
    return markup.block(parts)


def sweep_html(
    title: str,
    facts: Mapping[str, str],
    *,
    state: str,
    counts: Mapping[str, int],
    planned: int | None,
    best: str,
) -> str:
    """Return a sweep: how far it is, its best run, and what it sets; `facts` are plain text."""
    done = sum(number for name, number in counts.items() if name not in ("pending", "running"))
    of = f" of {planned}" if planned is not None else ""
    bad = sum(counts.get(name, 0) for name in ("failed", "crashed"))
    words = [f"{done}{of} runs done"]
    words += [f"{counts['running']} running"] if counts.get("running") else []
    words += [f"{bad} failed"] if bad else []
    parts = [
        markup.heading(title, state_name=state, more=f"sweep {facts['id']}"),
        markup.counts_bar(counts, planned),
        f"<div>{markup.text(', '.join(words))}</div>",
        f"<div><b>{markup.text(best)}</b></div>" if best else "",
        markup.facts({name: markup.cell(fact) for name, fact in facts.items() if name != "id"}),
        markup.note(f"homerun ls {facts['id']}"),
    ]
    return markup.block(parts)


def list_html(title: str, more: str, rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows of plain text as a table; a column `state` has its colours."""
    names = list(rows[0]) if rows else []
    columns = [
        markup.Column(
            title=name,
            cells=[(markup.state if name == "state" else markup.cell)(row[name]) for row in rows],
        )
        for name in names
    ]
    return markup.block(
        [markup.heading(title, more=more), *([markup.table(columns)] if rows else [])]
    )


def _column(key: str, rows: Sequence[Mapping[str, Any]]) -> markup.Column:
    values = [row.get(key) for row in rows]
    is_number = all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        for value in values
    )
    return markup.Column(title=key, cells=[markup.cell(v) for v in values], is_number=is_number)


def _keys(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _varies(rows: Sequence[Mapping[str, Any]], key: str) -> bool:
    return len({shown(row.get(key)) for row in rows}) > 1

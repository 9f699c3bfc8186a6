"""`homerun show`: one page about a run or a sweep."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from homerun.cli import output, words
from homerun.cli.common import argument, find, json_option, location, one_line, open_home
from homerun.cli.explain import why_line
from homerun.cli.listing import best_of, done, failed, states_text, sweep_document
from homerun.cli.spark import bar, sparkline
from homerun.cli.table import varying
from homerun.core import ENDED, NotFoundError, Run, RunState, SweepRecord, counted, flat
from homerun.store import (
    Cost,
    MetricLine,
    Store,
    cost,
    metric_lines,
    reused_runs,
    run_configs,
    source_of,
    suggestion_of,
    thinned,
)

_LABEL = 10  # characters of the column of labels
_WIDTH = 24  # characters of the keys of config and summary, at most
_CURVE = 10  # lines of the curve of the metric
_COURSE = 12  # characters of the course of every metric
_COURSE_POINTS = 128  # that are read for it
_BAR = 40  # characters of the bar of a sweep
_METRIC_COLUMNS = {  # title: the higher, the sooner it gives way
    "summary": 0,
    "last": 0,
    "curve": 1,
    "first": 4,
    "min @step": 2,
    "max @step": 3,
    "points": 5,
}
_TAIL = 10  # last lines of the output of a run that failed


@click.command("show")
@argument("ref", "run", "sweep", metavar="RUN|SWEEP")
@json_option
def show_command(*, ref: str, is_json: bool) -> None:
    """Show all there is to know about a run or a sweep, and what to do next.

    A run is named by its id, the beginning of its id, its number or its name.

    \b
    homerun show 12
    homerun show amber-falcon-12 --json | jq .summary
    """
    with open_home() as store:
        noun = find(store, ref)
        if isinstance(noun, Run):
            _show_run(store, noun, is_json=is_json)
        else:
            _show_sweep(store, noun, is_json=is_json)


def run_page(store: Store, run: Run) -> dict[str, Any]:
    """Return everything about a run, as `show --json` prints it."""
    used = cost(store, run.id)
    return {
        **{name: value for name, value in vars(run).items() if name != "agent"},
        **vars(used),
        "metrics": {line.key: _without_key(line) for line in metric_lines(store, run.id)},
        "folder": str(store.folder(run.id).path),
        "suggestion": suggestion_of(store, run.id) or None,
        "promoted_from": source_of(store, run.id) or None,
        "files": [path for path, _ in _files(store.folder(run.id).path)],
    }


def _without_key(line: MetricLine) -> dict[str, Any]:
    return {name: value for name, value in vars(line).items() if name != "key"}


def _show_run(store: Store, run: Run, *, is_json: bool) -> None:
    if is_json:
        output.print_json(run_page(store, run))
        return
    sweep = _sweep_of(store, run)
    used = cost(store, run.id)
    _print_title(location(run.project, sweep.name if sweep else "", run.name))
    _print_state(run.state, run.reason, note=", stopped early" if run.censored else "")
    _print_facts(
        {
            "run": f"number {run.number}, id {run.id}{_attempt(run)}",
            "sweep": f"{sweep.name} ({sweep.id})" if sweep else "",
            "when": _when(run),
            "tags": ", ".join(run.tags),
            "group": run.group,
            "type": run.job_type,
            "note": run.notes,
            "why": why_line(store, run),
        }
    )
    _print_pairs("config", flat(run.config))
    _print_metrics(store, run)
    _print_curve(store, run, sweep)
    folder = store.folder(run.id).path
    _print_facts(
        {
            "git": _git(flat(run.metadata)),
            "command": _command(run),
            "cost": _cost(run, used),
            "GPU": _gpu_use(run, used),
            "machine": _machine(flat(run.metadata)),
            "folder": str(folder),
            "files": ", ".join(f"{path} {words.size(size)}" for path, size in _files(folder)),
        }
    )
    if used.detail:
        _print_block("detail", used.detail.splitlines()[-_TAIL:])
    elif run.state in {RunState.FAILED, RunState.CRASHED}:
        _print_block("output", _last_lines(store.folder(run.id).output))
    _print_steps(_next_for_run(run, sweep, best_of(store, sweep) if sweep else None))


def _show_sweep(store: Store, sweep: SweepRecord, *, is_json: bool) -> None:
    counts, best = store.counts(sweep.id), best_of(store, sweep)
    if is_json:
        output.print_json({**sweep_document(sweep, counts, best), "spec": sweep.spec})
        return
    metric = sweep.metric
    _print_title(location(sweep.project, sweep.name))
    _print_state(sweep.state, sweep.reason)
    planned = "without end" if sweep.planned is None else f"of {counted(sweep.planned, 'run')}"
    states, reused = states_text(counts), reused_runs(store, sweep.id)
    _print_facts(
        {
            "sweep": f"number {sweep.number}, id {sweep.id}",
            "when": f"made {words.moment(sweep.created_at)} ({words.ago(sweep.created_at)})",
            "progress": f"{_bar(sweep, counts)}{done(counts)} {planned} done",
            "runs": states,
            "reused": f"{counted(reused, 'run')} of sweeps before" if reused else "",
            "priority": str(sweep.priority or ""),
            "method": str(sweep.spec.get("method", "")),
            "metric": f"{metric.name}, {'higher' if metric.is_maximized else 'lower'} is better"
            if metric
            else "",
            "outlook": sweep.outlook,
            "best": _best(store, sweep, best),
            "early stop": _rule(sweep.spec),
            "program": str(sweep.spec.get("program") or ""),
            "file": sweep.source,
            "starts in": sweep.cwd,
        }
    )
    _print_pairs("parameters", _parameters(sweep.spec.get("parameters") or {}))
    differing, constant = varying(run_configs(store, sweep=sweep.id))
    same = words.settings(constant, between=", ")
    _print_facts({"varies": ", ".join(differing), "the same": same})
    _print_steps(_next_for_sweep(sweep, counts, best))


def _bar(sweep: SweepRecord, counts: Mapping[RunState, int]) -> str:
    """Return the bar of progress, empty where there is no end or no room."""
    size = min(_BAR, output.width() - _BAR - _LABEL)
    return (
        f"{bar(done(dict(counts)) / sweep.planned, size)}  " if sweep.planned and size > 4 else ""
    )


def _best(store: Store, sweep: SweepRecord, best: tuple[int, float] | None) -> str:
    """Return the best value, whose it is and how it came about."""
    metric = sweep.metric
    if best is None or metric is None:
        return ""
    found = thinned(store, [best[0]], keys=[metric.name], points=_COURSE_POINTS)
    curves = [sparkline(one.values, _COURSE) for one in found.values() if len(one.values) > 1]
    return "  ".join([f"{words.number(best[1])} by run {best[0]}", *curves])


def _print_steps(steps: list[str]) -> None:
    """Say what to do next; each step on a line of its own where they do not fit on one."""
    text = f"next: {' · '.join(steps)}"
    if output.cells(text) > output.width():
        text = "next: " + "\n      ".join(steps)
    output.say(f"\n{text}")


def _print_title(text: str) -> None:
    click.echo(output.styled(output.plain(text), "bold"))


def _print_state(state: str, reason: str, *, note: str = "") -> None:
    shown = output.styled(state, output.STATE_STYLES.get(state, "")) + note
    click.echo(shown + (f": {output.plain(reason)}" if reason else ""))


def _print_facts(facts: Mapping[str, str]) -> None:
    for label, text in facts.items():
        if text:
            lines = _wrapped(output.plain(text)) if label != "command" else [output.plain(text)]
            _print_block(label, lines)


def _wrapped(text: str) -> list[str]:
    """Return text in lines that a terminal shows whole; paths stay in one piece."""
    room = output.width() - _LABEL - 2
    if not output.is_pretty() or output.cells(text) <= room:
        return [text]
    from textwrap import wrap  # noqa: PLC0415

    return wrap(text, max(20, room), break_long_words=False, break_on_hyphens=False)


def _print_pairs(label: str, values: Mapping[str, Any]) -> None:
    shown = {key: value for key, value in values.items() if not key.startswith("_")}
    width = min(_WIDTH, max(map(len, shown), default=0))
    for index, (key, value) in enumerate(shown.items()):
        text = output.plain(f"{key:{width}}  {words.exact(value)}")
        click.echo(f"{_label(label if index == 0 else '')}{text}")


def _print_metrics(store: Store, run: Run) -> None:
    """Print the summary; of what was logged as points also how it went."""
    lines = metric_lines(store, run.id)
    by_key = {line.key: line for line in lines if not line.key.startswith("system.")}
    courses = thinned(store, [run.number], points=_COURSE_POINTS)
    summary = {key: v for key, v in flat(run.summary).items() if not key.startswith("_")}
    keys = list(dict.fromkeys([*summary, *by_key]))
    if not keys:
        return
    rows: list[list[str]] = []
    for key in keys:
        line = by_key.get(key)
        value = summary.get(key, line.last if line else None)
        if line is None or line.min is None:
            count = str(line.count) if line else ""
            rows.append([key, words.cell(value), "", "", "", "", count])
            continue
        low = f"{words.cell(line.min)} @{line.min_step}"
        high = f"{words.cell(line.max)} @{line.max_step}"
        course = courses.get((run.number, key))
        curve = sparkline(course.values, _COURSE) if course and len(course.values) > 1 else ""
        first = words.cell(line.first)
        rows.append([key, words.cell(value), curve, first, low, high, str(line.count)])
    columns = [
        output.Column(
            title,
            cells,
            is_number=title not in {"summary", "curve"},
            rank=rank,
            style="cyan" if title == "curve" else "",
        )
        for (title, rank), cells in zip(
            _METRIC_COLUMNS.items(), zip(*rows, strict=True), strict=True
        )
    ]
    output.print_table(columns)


def _print_curve(store: Store, run: Run, sweep: SweepRecord | None) -> None:
    """Draw the metric that the sweep is about, else the first that was logged."""
    from homerun.cli.curves import curve_lines  # noqa: PLC0415  programs get numbers

    metric = sweep.metric if sweep else None
    if output.is_pretty():
        for line in curve_lines(store, [run], metric.name if metric else None, _CURVE):
            click.echo(line)


def _print_block(label: str, lines: Iterable[str]) -> None:
    for index, line in enumerate(lines):
        click.echo(f"{_label(label if index == 0 else '')}{output.plain(line)}")


def _label(text: str) -> str:
    return output.styled(f"{text:{_LABEL}}  ", "dim")


def _sweep_of(store: Store, run: Run) -> SweepRecord | None:
    try:
        return store.sweep(run.sweep) if run.sweep else None
    except NotFoundError:
        return None


def _attempt(run: Run) -> str:
    repeat = f", repeat {run.repeat}" if run.repeat else ""
    return repeat + (f", attempt {run.attempt}" if run.attempt > 1 else "")


def _when(run: Run) -> str:
    if run.started_at is None:
        return f"queued {words.moment(run.created_at)} ({words.ago(run.created_at)})"
    text = f"started {words.moment(run.started_at)} ({words.ago(run.started_at)})"
    return f"{text}, ended {words.moment(run.ended_at)}" if run.ended_at else text


def _git(metadata: Mapping[str, Any]) -> str:
    commit = metadata.get("git.commit")
    if not commit:
        return ""
    branch = metadata.get("git.branch")
    dirty = ", with changes not committed" if metadata.get("git.dirty") else ""
    remote = metadata.get("git.remote")
    return (
        f"{commit[:12]}{f' on {branch}' if branch else ''}{dirty}{f', {remote}' if remote else ''}"
    )


def _machine(metadata: Mapping[str, Any]) -> str:
    return ", ".join(str(metadata[key]) for key in ("host", "os", "python") if metadata.get(key))


def _command(run: Run) -> str:
    if not run.argv:
        return ""
    command = one_line(run.argv)
    return f"cd {one_line([run.cwd])} && {command}" if run.cwd else command


def _cost(run: Run, used: Cost) -> str:
    parts = []
    if run.runtime_s is not None:
        parts.append(f"time {words.duration(run.runtime_s)}")
    if used.user_cpu_s is not None and used.system_cpu_s is not None:
        total = words.duration(used.user_cpu_s + used.system_cpu_s)
        parts.append(f"CPU {total} ({words.duration(used.system_cpu_s)} of it system)")
    if used.memory_max_mib is not None:
        parts.append(f"memory {words.size(used.memory_max_mib * 2**20)} at most")
    if run.exit_code is not None:
        parts.append(f"exit code {run.exit_code}")
    return ", ".join(parts)


def _gpu_use(run: Run, used: Cost) -> str:
    """Return which GPUs a run had and what it used of them, empty without any."""
    if not run.devices:
        return ""
    parts = [" ".join(run.devices)]
    if used.gpu_memory_max_gib is not None:
        parts.append(f"memory {used.gpu_memory_max_gib:.1f} GiB at most")
    if used.energy_wh is not None:
        others = ", that of others on them included" if used.is_shared else ""
        parts.append(f"energy {words.number(used.energy_wh)} Wh{others}")
    return ", ".join(parts)


def _files(folder: Path) -> list[tuple[str, int]]:
    """Return what a run left behind: its output and its saved files, with their bytes."""
    found = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root) / name
            relative = path.relative_to(folder)
            if relative.parts[0] in {"files", "output.log"} and not path.is_symlink():
                found.append((str(relative), path.stat().st_size))
    return sorted(found, key=lambda file: file[0] != "output.log")


def _last_lines(path: Path) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8192))
            return file.read().decode(errors="replace").splitlines()[-_TAIL:]
    except OSError:
        return []


def _parameters(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return each parameter with what it may be, as short text."""
    result: dict[str, str] = {}
    for name, space in parameters.items():
        if not isinstance(space, dict):
            result[prefix + name] = words.cell(space)
        elif "parameters" in space:
            result.update(_parameters(space["parameters"], f"{prefix}{name}."))
        elif "values" in space:
            result[prefix + name] = ", ".join(words.exact(value) for value in space["values"])
        elif "value" in space:
            result[prefix + name] = words.exact(space["value"])
        else:
            result[prefix + name] = ", ".join(f"{k} {words.exact(v)}" for k, v in space.items())
    return result


def _rule(spec: Mapping[str, Any]) -> str:
    """Return the rule that stops runs of a sweep early, empty without one."""
    ours = spec.get("homerun") or {}
    rule = dict(spec.get("early_terminate") or ours.get("early_terminate") or {"type": ""})
    kind = rule.pop("type")
    options = ", ".join(f"{key} {words.exact(value)}" for key, value in rule.items())
    return f"{kind} ({options})" if options else kind


def _next_for_run(run: Run, sweep: SweepRecord | None, best: tuple[int, float] | None) -> list[str]:
    if run.state == RunState.PENDING:
        ids = [f"homerun agent {sweep.id}" if sweep else f"homerun rm {run.number}"]
    elif run.state in ENDED:
        ids = [f"homerun logs {run.number}"]
    elif run.state == RunState.PAUSED:
        ids = [f"homerun resume {run.number}", f"homerun kill {run.number}"]
    else:
        ids = [f"homerun logs -f {run.number}", f"homerun kill {run.number}"]
    if best is not None and best[0] != run.number and run.state in ENDED:
        ids.append(f"homerun diff {run.number} {best[0]}")
    return [*ids, f"homerun ls {sweep.id}" if sweep else f"homerun ls {one_line([run.project])}"]


def _next_for_sweep(
    sweep: SweepRecord, counts: Mapping[RunState, int], best: tuple[int, float] | None
) -> list[str]:
    if sweep.superseded_by:
        return [f"homerun show {sweep.superseded_by}", f"homerun ls {sweep.id}"]
    is_open = sweep.planned is None or done(dict(counts)) < sweep.planned
    is_served = bool(counts.get(RunState.RUNNING))
    steps = [f"homerun {'watch' if is_served else 'agent'} {sweep.id}"] if is_open else []
    if best is not None and counts.get(RunState.FINISHED):
        steps += [f"homerun best {sweep.id}", f"homerun plot {sweep.id}"]
    steps.append(f"homerun ls {sweep.id}")
    if failed(dict(counts)):
        steps.append(f"homerun ls {sweep.id} --state failed")
    return [*steps, f"homerun df {sweep.id} -o runs.csv"]

"""`homerun show`: one page about a run or a sweep."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from homerun.cli import output, words
from homerun.cli.common import (
    argument,
    counted,
    find,
    json_option,
    location,
    metric_of,
    one_line,
    open_home,
)
from homerun.cli.explain import why_line
from homerun.cli.listing import best_of, done, failed, states_text, sweep_document
from homerun.cli.table import flat
from homerun.core import ENDED, NotFoundError, Run, RunState, SweepRecord
from homerun.store import (
    Cost,
    MetricLine,
    Store,
    cost,
    metric_lines,
    reused_runs,
    source_of,
    suggestion_of,
)

_LABEL = 10  # characters of the column of labels
_WIDTH = 24  # characters of the keys of config and summary, at most
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
    _print_metrics(run, metric_lines(store, run.id))
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
    output.say(f"\nnext: {' · '.join(_next_for_run(run, sweep))}")


def _show_sweep(store: Store, sweep: SweepRecord, *, is_json: bool) -> None:
    counts, best = store.counts(sweep.id), best_of(store, sweep)
    if is_json:
        output.print_json({**sweep_document(sweep, counts, best), "spec": sweep.spec})
        return
    metric = metric_of(sweep)
    _print_title(location(sweep.project, sweep.name))
    _print_state(sweep.state, sweep.reason)
    planned = "without end" if sweep.planned is None else f"of {counted(sweep.planned, 'run')}"
    states, reused = states_text(counts), reused_runs(store, sweep.id)
    _print_facts(
        {
            "sweep": f"number {sweep.number}, id {sweep.id}",
            "when": f"made {words.moment(sweep.created_at)} ({words.ago(sweep.created_at)})",
            "progress": f"{done(counts)} {planned} done{f' ({states})' if states else ''}",
            "reused": f"{counted(reused, 'run')} of sweeps before" if reused else "",
            "priority": str(sweep.priority or ""),
            "method": str(sweep.spec.get("method", "")),
            "metric": f"{metric.name}, {'higher' if metric.is_maximized else 'lower'} is better"
            if metric
            else "",
            "outlook": sweep.outlook,
            "best": f"{words.number(best[1])} by run {best[0]}" if best else "",
            "early stop": _rule(sweep.spec),
            "program": str(sweep.spec.get("program") or ""),
            "file": sweep.source,
            "starts in": sweep.cwd,
        }
    )
    _print_pairs("parameters", _parameters(sweep.spec.get("parameters") or {}))
    output.say(f"\nnext: {' · '.join(_next_for_sweep(sweep, counts))}")


def _print_title(text: str) -> None:
    click.echo(output.styled(output.plain(text), "bold"))


def _print_state(state: str, reason: str, *, note: str = "") -> None:
    shown = output.styled(state, output.STATE_STYLES.get(state, "")) + note
    click.echo(shown + (f": {output.plain(reason)}" if reason else ""))


def _print_facts(facts: Mapping[str, str]) -> None:
    for label, text in facts.items():
        if text:
            click.echo(f"{_label(label)}{output.plain(text)}")


def _print_pairs(label: str, values: Mapping[str, Any]) -> None:
    shown = {key: value for key, value in values.items() if not key.startswith("_")}
    width = min(_WIDTH, max(map(len, shown), default=0))
    for index, (key, value) in enumerate(shown.items()):
        text = output.plain(f"{key:{width}}  {words.exact(value)}")
        click.echo(f"{_label(label if index == 0 else '')}{text}")


def _print_metrics(run: Run, lines: list[MetricLine]) -> None:
    """Print the summary; of what was logged as points also how it went."""
    by_key = {line.key: line for line in lines if not line.key.startswith("system.")}
    summary = {key: v for key, v in flat(run.summary).items() if not key.startswith("_")}
    keys = list(dict.fromkeys([*summary, *by_key]))
    if not keys:
        return
    rows: list[list[str]] = []
    for key in keys:
        line = by_key.get(key)
        value = summary.get(key, line.last if line else None)
        if line is None or line.min is None:
            rows.append([key, words.cell(value), "", "", "", str(line.count) if line else ""])
            continue
        low = f"{words.cell(line.min)} @{line.min_step}"
        high = f"{words.cell(line.max)} @{line.max_step}"
        rows.append([key, words.cell(value), words.cell(line.first), low, high, str(line.count)])
    titles = ("summary", "last", "first", "min @step", "max @step", "points")
    columns = [
        output.Column(title, cells, is_number=index > 0, rank=(0, 0, 3, 1, 2, 4)[index])
        for index, (title, cells) in enumerate(zip(titles, zip(*rows, strict=True), strict=True))
    ]
    output.print_table(columns)


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


def _next_for_run(run: Run, sweep: SweepRecord | None) -> list[str]:
    if run.state == RunState.PENDING:
        ids = [f"homerun agent {sweep.id}" if sweep else f"homerun rm {run.number}"]
    elif run.state in ENDED:
        ids = [f"homerun logs {run.number}"]
    elif run.state == RunState.PAUSED:
        ids = [f"homerun resume {run.number}", f"homerun kill {run.number}"]
    else:
        ids = [f"homerun logs -f {run.number}", f"homerun kill {run.number}"]
    return [*ids, f"homerun ls {sweep.id}" if sweep else f"homerun ls {one_line([run.project])}"]


def _next_for_sweep(sweep: SweepRecord, counts: Mapping[RunState, int]) -> list[str]:
    if sweep.superseded_by:
        return [f"homerun show {sweep.superseded_by}", f"homerun ls {sweep.id}"]
    is_open = sweep.planned is None or done(dict(counts)) < sweep.planned
    steps = [f"homerun agent {sweep.id}"] if is_open else []
    if metric_of(sweep) and counts.get(RunState.FINISHED):
        steps.append(f"homerun best {sweep.id}")
    steps.append(f"homerun ls {sweep.id}")
    if failed(dict(counts)):
        steps.append(f"homerun ls {sweep.id} --state failed")
    return [*steps, f"homerun df {sweep.id} -o runs.csv"]

"""`homerun ls`: sweeps with their progress, and runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from homerun.cli import output, words
from homerun.cli.common import (
    argument,
    has_database,
    json_option,
    keys_completion,
    location,
    open_home,
)
from homerun.cli.condition import WHERE_HELP
from homerun.cli.gpu_lines import gpu_lines
from homerun.cli.spark import bar, sparkline
from homerun.cli.table import (
    FIELDS,
    best_first,
    curve_column,
    matching,
    ordered,
    print_differences,
    print_everything,
    result_text,
    run_document,
    runtime,
    state_text,
)
from homerun.core import BAD, ENDED, NotFoundError, RunState, SweepRecord, counted
from homerun.store import (
    RunLine,
    Store,
    best_run,
    find_home,
    projects,
    run_configs,
    run_lines,
    sweep_counts,
    thinned,
)

_LATEST = 10  # sweeps and runs that a list of everything shows
_BEST = 20  # runs of a sweep that a terminal shows
_CURVE, _WIDE_CURVE = 8, 16  # characters of the course of a metric
_CURVE_POINTS = 128  # of a metric that are read for them
_PROGRESS = 12  # characters of the bar of a sweep
_SWEEP_TITLES = (
    "id project name state done planned running failed metric best created_at superseded_by".split()
)

Counts = dict[RunState, int]
Best = tuple[int, float]  # number of the run, value


@click.command("ls")
@argument("where", "sweep", "project", metavar="[SWEEP|PROJECT]", required=False)
@click.option(
    "--sort",
    metavar="KEY",
    help="Order by a config key, a metric or a column.",
    shell_complete=keys_completion(*FIELDS),
)
@click.option("--desc", is_flag=True, help="Largest first; without --sort the reverse order.")
@click.option("-n", "limit", type=click.IntRange(min=0), metavar="N", help="Show N runs.")
@click.option("--all", "is_all", is_flag=True, help="Show all runs.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in RunState]),
    help="Only runs in this state; may be given several times.",
)
@click.option(
    "--where",
    "condition",
    metavar="EXPR",
    help=WHERE_HELP,
    shell_complete=keys_completion(*FIELDS),
)
@json_option
def ls_command(
    *,
    where: str | None,
    sort: str | None,
    desc: bool,
    limit: int | None,
    is_all: bool,
    states: Sequence[str],
    condition: str | None,
    is_json: bool,
) -> None:
    """List sweeps and the latest runs; of a sweep its runs, best first.

    A terminal shows the columns that vary and names the constant ones below; piped output is tab
    separated and complete. A key that is in both config and summary means that of the config;
    summary.KEY is the other.

    \b
    homerun ls
    homerun ls x3k9a2bc --where "learning_rate < 0.01 and model_name == 'convnet'"
    homerun ls digits --sort fit_time --state finished --json | jq '.[0].config'
    """
    if not has_database(find_home()):
        output.say(f"nothing here yet (no home at {find_home()}); homerun says how to start")
        if is_json:
            output.print_json([] if where else {"sweeps": [], "runs": []})
        return
    wanted = [RunState(state) for state in states]
    with open_home() as store:
        if where is None and not (sort or desc or condition or is_all):
            _list_home(store, wanted, _LATEST if limit is None else limit, is_json=is_json)
            return
        if limit is None and output.is_pretty() and not is_json:
            limit = _BEST
        order = _Order(sort, desc, condition, None if is_all else limit)
        _list_runs(store, where, wanted, order, is_json=is_json)


@dataclass(frozen=True)
class _Order:
    """Which runs to list, and how they follow each other."""

    key: str | None
    is_reversed: bool
    condition: str | None
    limit: int | None

    @property
    def is_plain(self) -> bool:
        """Whether the database can do it alone: best first, or latest first."""
        return not (self.key or self.is_reversed or self.condition)


def _list_runs(
    store: Store, where: str | None, states: list[RunState], order: _Order, *, is_json: bool
) -> None:
    sweep, project = _sweep_or_project(store, where)
    sweep_id = sweep.id if sweep else None
    metric = sweep.metric if sweep else None
    lines = run_lines(
        store,
        sweep=sweep_id,
        project=project,
        states=() if order.condition else states,  # their names are those of all runs
        limit=order.limit if order.is_plain else None,
        best_by=metric.name if metric and order.is_plain else None,
        is_maximized=metric is not None and metric.is_maximized,
    )
    if not order.is_plain:
        known = [metric.name] if metric else []
        lines = matching(lines, order.condition, known=known)
        lines = [line for line in lines if not states or line.state in states]
        lines = best_first(lines, metric) if metric and not order.key else lines
        lines = ordered(lines, order.key, is_reversed=order.is_reversed)
    shown = lines[: order.limit]
    if is_json:
        output.print_json([run_document(line) for line in shown])
        return
    if not output.is_pretty():
        print_everything(shown)
        return
    configs = [(line.state, line.config) for line in lines]
    if order.is_plain and order.limit is not None:
        configs = run_configs(store, sweep=sweep_id, project=project, states=states)
    if sweep:
        click.echo(_heading(sweep))
    _print_gpus(store)
    if shown:
        sweeps = {known.id: known for known in store.sweeps()}
        names = {known.id: known.name for known in sweeps.values()}
        print_differences(shown, configs, metric, names, curves_of(store, shown, sweeps))
    if len(shown) < len(configs) or not configs:
        output.say(f"{len(shown)} of {counted(len(configs), 'run')} shown; see all with --all")


def sweep_document(sweep: SweepRecord, counts: Counts, best: Best | None) -> dict[str, Any]:
    """Return a sweep as --json prints it."""
    metric = sweep.metric
    return {
        "id": sweep.id,
        "number": sweep.number,
        "project": sweep.project,
        "name": sweep.name,
        "state": sweep.state,
        "reason": sweep.reason,
        "superseded_by": sweep.superseded_by or None,
        "outlook": sweep.outlook or None,
        "priority": sweep.priority,
        "created_at": sweep.created_at,
        "source": sweep.source,
        "planned": sweep.planned,
        "runs": counts,
        "metric": metric.name if metric else None,
        "best": best[1] if best else None,
        "best_run": best[0] if best else None,
    }


def best_of(store: Store, sweep: SweepRecord) -> Best | None:
    """Return the run with the best value of a sweep's metric so far, and the value."""
    return best_run(store, sweep.id, sweep.metric) if sweep.metric else None


def curves_of(
    store: Store, lines: Sequence[RunLine], sweeps: Mapping[str, SweepRecord]
) -> list[str]:
    """Return how the metric of its sweep went in each run, in a few characters."""
    metrics = {sweep.id: sweep.metric for sweep in sweeps.values()}
    keys = {line.number: metrics.get(line.sweep or "") for line in lines}
    names = {metric.name for metric in keys.values() if metric}
    found = thinned(store, keys, keys=names, points=_CURVE_POINTS) if names else {}
    size = _WIDE_CURVE if output.width() >= output.WIDE else _CURVE
    points = [found.get((number, key.name)) if key else None for number, key in keys.items()]
    return [
        sparkline(one.values, size) if one is not None and len(one.values) > 1 else ""
        for one in points
    ]


def done(counts: Counts) -> int:
    """Return how many runs have ended."""
    return sum(count for state, count in counts.items() if state in ENDED)


def failed(counts: Counts) -> int:
    """Return how many runs have failed or crashed."""
    return sum(counts.get(state, 0) for state in BAD)


def states_text(counts: Counts) -> str:
    """Return the runs in each state: `2 running, 8 finished, 1 failed`."""
    return ", ".join(f"{counts[state]:,} {state}" for state in RunState if counts.get(state))


def _list_home(store: Store, states: list[RunState], limit: int, *, is_json: bool) -> None:
    counts = sweep_counts(store)
    sweeps = store.sweeps()[::-1]
    shown = sweeps if is_json else sweeps[:_LATEST]
    rows = [(sweep, counts.get(sweep.id, {}), best_of(store, sweep)) for sweep in shown]
    begun = states or [state for state in RunState if state != RunState.PENDING]
    lines = run_lines(store, states=begun, limit=limit)
    if is_json:
        documents = [sweep_document(*row) for row in rows]
        output.print_json({"sweeps": documents, "runs": [run_document(line) for line in lines]})
        return
    if output.is_pretty():
        _print_gpus(store)
    if rows and output.is_pretty():
        _print_sweeps(rows)
    elif rows:
        output.print_tsv(_SWEEP_TITLES, [_sweep_values(*row) for row in rows])
    if len(sweeps) > len(shown):
        output.say(f"and {counted(len(sweeps) - len(shown), 'older sweep')}")
    if rows and lines:
        click.echo()
    if lines and output.is_pretty():
        by_id = {sweep.id: sweep for sweep in sweeps}
        _print_latest(lines, by_id, curves_of(store, lines, by_id))
    elif lines:
        print_everything(lines)
    if not sweeps and not lines:
        output.say("nothing here yet; homerun says how to start")


def _sweep_values(sweep: SweepRecord, counts: Counts, best: Best | None) -> tuple[Any, ...]:
    metric = sweep.metric
    return (
        sweep.id,
        sweep.project,
        sweep.name,
        sweep.state,
        done(counts),
        sweep.planned,
        counts.get(RunState.RUNNING, 0),
        failed(counts),
        metric.name if metric else None,
        best[1] if best else None,
        sweep.created_at,
        sweep.superseded_by,
    )


def _print_sweeps(rows: list[tuple[SweepRecord, Counts, Best | None]]) -> None:
    sweeps = [sweep for sweep, _, _ in rows]
    all_counts = [counts for _, counts, _ in rows]
    bests = [
        f"{metric.name} {words.number(best[1])}"
        if (metric := sweep.metric) and best is not None
        else ""
        for sweep, _, best in rows
    ]
    dones = [
        str(done(counts)) if sweep.planned is None else f"{done(counts)}/{sweep.planned}"
        for sweep, counts, _ in rows
    ]
    bars = [
        bar(done(counts) / sweep.planned, _PROGRESS) if sweep.planned else ""
        for sweep, counts, _ in rows
    ]
    running = [str(counts.get(RunState.RUNNING) or "") for counts in all_counts]
    output.print_table(
        [
            output.Column("SWEEP", [sweep.id for sweep in sweeps], is_state=True),
            output.Column(
                "NAME", [location(sweep.project, sweep.name) for sweep in sweeps], narrow=16
            ),
            output.Column(
                "STATE",
                ["superseded" if s.superseded_by else s.state for s in sweeps],
                is_state=True,
            ),
            output.Column("DONE", dones, is_number=True),
            output.Column("PROGRESS", bars, is_whole=True, rank=output.EXTRA, style="green"),
            output.Column("RUNNING", running, is_number=True, rank=3),
            output.Column(
                "FAILED", [str(failed(c) or "") for c in all_counts], is_number=True, rank=2
            ),
            output.Column("BEST", bests, is_whole=True, rank=1),
            output.Column(
                "CREATED", [words.ago(s.created_at) for s in sweeps], is_number=True, rank=4
            ),
        ]
    )


def _print_gpus(store: Store) -> None:
    for line in gpu_lines(store):
        click.echo(line)


def _print_latest(
    lines: list[RunLine], sweeps: dict[str, SweepRecord], curves: Sequence[str]
) -> None:
    """Print runs of many kinds: where each sits, its state and its metric."""
    results, places = [], []
    for line in lines:
        sweep = sweeps.get(line.sweep or "")
        metric = sweep.metric if sweep else None
        results.append(result_text(line, metric))
        places.append(sweep.name if sweep else line.project)
    started = [words.ago(line.started_at) for line in lines]
    output.print_table(
        [
            output.Column("RUN", [str(line.number) for line in lines], is_number=True),
            output.Column("NAME", [line.name for line in lines]),
            output.Column("STATE", [state_text(line) for line in lines], is_state=True),
            output.Column("IN", places, rank=3),
            output.Column("RESULT", results, is_whole=True, rank=1),
            curve_column(curves),
            output.Column("TIME", [runtime(line) for line in lines], is_number=True, rank=2),
            output.Column("STARTED", started, is_number=True, rank=4),
        ]
    )


def _sweep_or_project(store: Store, where: str | None) -> tuple[SweepRecord | None, str | None]:
    if where is None:
        return None, None
    try:
        return store.sweep(where), None
    except NotFoundError as error:
        known = projects(store)
        if where in known:
            return None, where
        if "may be any of" in str(error):
            raise
        raise NotFoundError(
            f"no sweep or project answers to {where!r}; projects: {', '.join(known) or 'none'}; "
            "homerun ls shows the sweeps"
        ) from None


def _heading(sweep: SweepRecord) -> str:
    metric = sweep.metric
    goal = ""
    if metric:
        goal = f"; {metric.name}: {'higher' if metric.is_maximized else 'lower'} is better"
    where = location(sweep.project, sweep.name)
    state = f"superseded by {sweep.superseded_by}" if sweep.superseded_by else sweep.state
    outlook = f"; {sweep.outlook}" if sweep.outlook else ""
    return output.plain(f"{where} ({sweep.id}) is {state}{goal}{outlook}")

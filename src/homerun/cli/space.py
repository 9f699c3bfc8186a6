"""`homerun gc`: what takes up space, and giving it back."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import click

from homerun.cli import output, words
from homerun.cli.common import argument, json_option, open_home, yes_option
from homerun.cli.space_view import Overview, Plan, print_overview, print_plan
from homerun.cli.units import SECONDS
from homerun.core import ENDED, Run, SweepRecord, UsageError
from homerun.store import Store, free_objects, space, unused_objects

_LONG = 300  # runs; with more of them the progress is shown
_EXAMPLE = 3  # best runs, where no number was given


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be freed, of which runs."""

    kinds: frozenset[space.Kind]
    keep_best: int | None
    states: frozenset[str]
    older_than_s: float | None
    leftovers: bool
    artifacts: bool
    vacuum: bool


@click.command("gc")
@argument("refs", "sweep", metavar="[SWEEP]...", nargs=-1)
@click.option("--checkpoints", is_flag=True, help="Saved models: *.pt, *.ckpt, checkpoint*/ ...")
@click.option("--media", is_flag=True, help="Logged images, tables and other media.")
@click.option("--files", is_flag=True, help="Whatever else programs saved.")
@click.option("--logs", is_flag=True, help="What programs wrote to stdout and stderr.")
@click.option("--journals", is_flag=True, help="Journals whose points are in the database.")
@click.option("--leftovers", is_flag=True, help="Folders of runs that were removed.")
@click.option("--artifacts", is_flag=True, help="Content that no version of an artifact holds.")
@click.option("--vacuum", is_flag=True, help="Shrink the database by what is empty in it.")
@click.option(
    "--keep-best",
    type=click.IntRange(min=0),
    metavar="N",
    help="Only of runs that are not among the best N of their sweep.",
)
@click.option(
    "--state",
    "states",
    type=click.Choice(sorted(state.value for state in ENDED)),
    multiple=True,
    help="Only of runs in this state; may be repeated.",
)
@click.option("--older-than", type=SECONDS, metavar="AGE", help="Only of runs that ended before.")
@yes_option
@json_option
def gc_command(
    *,
    refs: Sequence[str],
    keep_best: int | None,
    states: Sequence[str],
    older_than: float | None,
    leftovers: bool,
    artifacts: bool,
    vacuum: bool,
    yes: bool,
    is_json: bool,
    **kinds: bool,
) -> None:
    """Show what takes up space; with options, free it. What goes is always shown first.

    Only files of runs that have ended go, never those of a run with the tag `keep`.
    Configuration, summary, metrics and points stay, and so does what is needed to repeat a run.
    With --keep-best or --state alone all saved files go: checkpoints, media and the rest.

    \b
    homerun gc
    homerun gc --keep-best 3 x3k9a2bc
    homerun gc --media --state killed --state failed
    homerun gc --logs --older-than 30d -y
    """
    chosen = frozenset(kind for kind in space.Kind if kinds.get(kind))
    if not chosen and (keep_best is not None or states):
        chosen = space.SAVED
    if not chosen and older_than is not None:
        raise UsageError("what is to go of old runs? add --checkpoints, --media, --files or --logs")
    wish = Wish(
        kinds=chosen,
        keep_best=keep_best,
        states=frozenset(states),
        older_than_s=older_than,
        leftovers=leftovers,
        artifacts=artifacts,
        vacuum=vacuum,
    )
    with open_home(is_looking=not yes) as store:
        sweeps = list({sweep.id: sweep for sweep in map(store.sweep, refs)}.values())
        if not (chosen or leftovers or artifacts or vacuum):
            print_overview(_overview(store, sweeps), is_json=is_json)
            return
        plan = _plan(store, sweeps, wish)
        if not is_json:
            print_plan(plan)
        if not (yes or plan.is_empty):
            if is_json:
                output.print_json(plan.document(freed=0))
            _ask(plan)
        freed, left = _free(store, plan)
        if is_json and (yes or plan.is_empty):
            output.print_json(plan.document(freed=freed))
        output.say("nothing to free" if plan.is_empty else f"freed {words.size(freed)}")
    if left:
        output.say(
            f"{words.size(left)} stayed: in use again, or not ours to remove; homerun doctor"
        )
        raise click.exceptions.Exit(1)


def _overview(store: Store, sweeps: Sequence[SweepRecord]) -> Overview:
    found = _measured(store, _runs_of(store, sweeps))
    best = _best(store, _EXAMPLE)
    ranked = {sweep.id for sweep in sweeps or store.sweeps() if sweep.metric}
    ended = [one for one in found if space.is_free_to_go(store, one.run)]
    others = [one for one in ended if one.run.sweep in ranked and one.run.id not in best]
    leftovers = {} if sweeps else space.leftovers(store)
    database = space.database_space(store)
    kinds = {f"--{kind}": _sum(ended, [kind]) for kind in space.Kind if kind != "records"}
    return Overview(
        sweeps={sweep.id: sweep for sweep in store.sweeps()},
        runs=found,
        leftovers=leftovers,
        database=database,
        options={
            f"--keep-best {_EXAMPLE}": _sum(others, space.SAVED),
            **kinds,
            "--leftovers": sum(amount.size for amount in leftovers.values()),
            "--artifacts": 0 if sweeps else sum(unused_objects(store).values()),
            "--vacuum": database.empty,
        },
    )


def _plan(store: Store, sweeps: Sequence[SweepRecord], wish: Wish) -> Plan:
    runs: list[Run] = []
    if wish.kinds:
        runs = [run for run in _chosen(store, sweeps, wish) if space.is_free_to_go(store, run)]
    found = [one for one in _measured(store, runs) if one.amount(wish.kinds).files]
    return Plan(
        kinds=wish.kinds,
        runs=sorted(found, key=lambda one: -one.amount(wish.kinds).size),
        leftovers=space.leftovers(store) if wish.leftovers else {},
        objects=unused_objects(store) if wish.artifacts else {},
        database=space.database_space(store) if wish.vacuum else None,
    )


def _chosen(store: Store, sweeps: Sequence[SweepRecord], wish: Wish) -> list[Run]:
    """Return the runs that the options are about, whether or not their files may go."""
    runs = _runs_of(store, sweeps)
    if wish.keep_best is not None:
        ranked = {sweep.id for sweep in sweeps or store.sweeps() if sweep.metric}
        if not ranked:
            raise UsageError("no sweep here names a metric, so no run is best; use other options")
        best = _best(store, wish.keep_best)
        runs = [run for run in runs if run.sweep in ranked and run.id not in best]
    if wish.states:
        runs = [run for run in runs if run.state in wish.states]
    if wish.older_than_s is not None:
        before = time.time() - wish.older_than_s
        runs = [run for run in runs if run.ended_at is not None and run.ended_at < before]
    return runs


def _runs_of(store: Store, sweeps: Sequence[SweepRecord]) -> list[Run]:
    if not sweeps:
        return store.runs()
    return [run for sweep in sweeps for run in store.runs(sweep=sweep.id)]


def _best(store: Store, count: int) -> set[str]:
    """Return the best runs of each sweep; one may be so in a sweep that only reuses it."""
    best: set[str] = set()
    for sweep in store.sweeps():
        metric = sweep.metric
        if metric is not None:
            best |= space.best_runs(
                store, sweep.id, metric.name, count, is_maximized=metric.is_maximized
            )
    return best


def _sum(found: Iterable[space.RunSpace], kinds: Iterable[space.Kind]) -> int:
    wanted = frozenset(kinds)
    return sum(one.amount(wanted).size for one in found)


def _measured(store: Store, runs: Sequence[Run]) -> list[space.RunSpace]:
    with click.progressbar(
        space.measure(store, runs),
        length=len(runs),
        label="looking at runs",
        file=sys.stderr,
        hidden=len(runs) < _LONG or not sys.stderr.isatty(),
    ) as found:
        return list(found)


def _ask(plan: Plan) -> None:
    if not os.isatty(0):
        raise UsageError("nobody can be asked here, so nothing was freed; add -y to free it")
    click.confirm(f"Free this, {words.size(plan.size)}?", abort=True, err=True)


def _free(store: Store, plan: Plan) -> tuple[int, int]:
    """Do it; return the bytes that came free, and those that should have and did not.

    Ctrl-C stops between two files.
    """
    freed = 0
    runs = {one.run.id: one.amount(plan.kinds).size for one in plan.runs}
    try:
        with click.progressbar(
            length=max(1, sum(runs.values())),
            label="freeing",
            file=sys.stderr,
            hidden=not sys.stderr.isatty(),
        ) as progress:
            for run_id, size in runs.items():
                freed += space.free(store, run_id, plan.kinds).size
                progress.update(size)
            for name in plan.leftovers:
                freed += space.free_leftover(store, name).size
            if plan.objects:
                freed += free_objects(store)
        left = max(0, plan.size_of_files - freed)
        if plan.database and plan.database.empty:
            freed += space.vacuum(store)
    except KeyboardInterrupt:
        output.say(f"\nstopped; freed {words.size(freed)} of {words.size(plan.size)}")
        raise
    return freed, left

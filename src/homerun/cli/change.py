"""The options of `homerun sweep` that change a sweep, or clone one with something changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from homerun.agent import Changed, change_sweep, clone_sweep, kill
from homerun.cli import output
from homerun.cli.common import location, open_home, together
from homerun.core import NotFoundError, SweepRecord, SweepState, UsageError, counted
from homerun.spec import Edit, load, parse_edit
from homerun.store import Store, agents

_ORDERS = ("grid", "shuffle", "balanced")
change_options = together(  # What makes an `Asked`.
    click.option(
        "--set",
        "sets",
        multiple=True,
        metavar="KEY=VALUE",
        help="Of a SWEEP: clone it with a parameter fixed or a setting changed.",
    ),
    click.option(
        "--fix",
        "fixes",
        multiple=True,
        metavar="KEY=VALUE",
        help="Of a SWEEP: go on with this value of a parameter only.",
    ),
    click.option(
        "--drop",
        "drops",
        multiple=True,
        metavar="KEY=VALUE",
        help="Of a SWEEP: go on without this value of a parameter.",
    ),
    click.option(
        "--add",
        "adds",
        multiple=True,
        metavar="KEY=VALUE",
        help="Of a SWEEP: go on with one more value of a parameter.",
    ),
    click.option(
        "--order", type=click.Choice(_ORDERS), help="Of a SWEEP: the order of what is left."
    ),
    click.option(
        "--run-cap",
        type=click.IntRange(min=0),
        metavar="N",
        help="Of a SWEEP: no more than N runs; 0: no limit.",
    ),
    click.option(
        "--priority", type=int, metavar="N", help="Of a SWEEP: higher ones come first; default 0."
    ),
    click.option(
        "--kill", "is_killing", is_flag=True, help="Of a SWEEP: stop runs that fit no more."
    ),
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The changes that a command line asks for."""

    sets: Sequence[str] = ()
    fixes: Sequence[str] = ()
    drops: Sequence[str] = ()
    adds: Sequence[str] = ()
    order: str | None = None
    run_cap: int | None = None
    priority: int | None = None
    is_killing: bool = False

    def __bool__(self) -> bool:
        """Tell whether it asks for anything."""
        return self.priority is not None or self.is_killing or bool(self.edits())

    def edits(self) -> list[Edit]:
        """Return the changes of the sweep file."""
        found = [parse_edit("set", text) for text in self.sets]
        found += [parse_edit("fix", text) for text in self.fixes]
        # First what comes, so that of a parameter the only value can be exchanged.
        found += [parse_edit("add", text) for text in self.adds]
        found += [parse_edit("drop", text) for text in self.drops]
        if self.order is not None:
            found.append(Edit("set", "homerun.order", self.order))
        if self.run_cap is not None:
            found.append(Edit("set", "run_cap", self.run_cap or None))
        return found


def change(
    source: Path,
    asked: Asked,
    *,
    name: str | None,
    project: str | None,
    is_dry: bool,
    is_json: bool,
) -> None:
    """Carry out changes of a sweep; with --set in a clone, which takes its place."""
    if not asked.sets and (name is not None or project is not None):
        raise UsageError("a sweep that is there keeps its --name and --project; a clone has others")
    if not asked.edits() and asked.priority is None:
        raise UsageError("--kill goes with a change: --set, --fix, --drop or --add")
    with open_home(is_looking=False) as store:
        before = _find(store, source)
        changed = _carry_out(store, before, asked, name=name, project=project, is_dry=is_dry)
        numbers = [store.run(run_id).number for run_id in changed.unfit]
        killed = 0
        if asked.is_killing and not is_dry:
            reason = f"not in its sweep any more: {changed.text}"
            killed = len(kill(store, *map(store.run, changed.unfit), reason=reason))
        if is_json:
            output.print_json(_document(before, changed, asked, numbers, is_dry=is_dry))
            return
        for line in _lines(before, changed, asked, numbers, is_dry=is_dry):
            click.echo(output.plain(line), err=not is_dry)
        if is_dry:
            return
        if killed:
            output.say(f"{counted(killed, 'run')} killed")
        if asked.sets:
            click.echo(changed.sweep.id)
        _say_next(store, changed)


def update(ref: str, source: Path, *, is_dry: bool, is_json: bool) -> None:
    """Put a file in the place of a sweep's; what of its runs still fits counts."""
    new = load(source)
    asked = Asked()
    with open_home(is_looking=False) as store:
        before = store.sweep(ref)
        changed = change_sweep(store, before.id, (), file=new, is_dry=is_dry)
        numbers = [store.run(run_id).number for run_id in changed.unfit]
        if is_json:
            output.print_json(_document(before, changed, asked, numbers, is_dry=is_dry))
            return
        for line in _lines(before, changed, asked, numbers, is_dry=is_dry):
            click.echo(output.plain(line), err=not is_dry)
        if not is_dry:
            _say_next(store, changed)


def _carry_out(
    store: Store,
    before: SweepRecord,
    asked: Asked,
    *,
    name: str | None,
    project: str | None,
    is_dry: bool,
) -> Changed:
    edits, priority = asked.edits(), asked.priority
    if not asked.sets:
        return change_sweep(store, before.id, edits, priority=priority, is_dry=is_dry)
    return clone_sweep(
        store, before.id, edits, name=name, project=project, priority=priority, is_dry=is_dry
    )


def _find(store: Store, source: Path) -> SweepRecord:
    try:
        return store.sweep(str(source))
    except NotFoundError:
        if source.is_file():
            raise UsageError(
                f"{source} is a file; --set, --drop and the like change a sweep that was made of "
                "one; homerun ls shows those there are"
            ) from None
        raise


def _lines(
    before: SweepRecord, changed: Changed, asked: Asked, numbers: Sequence[int], *, is_dry: bool
) -> list[str]:
    """Say what was changed, and what becomes of the runs."""
    sweep, text = changed.sweep, changed.text
    if asked.priority is not None:
        text = f"{text}{'; ' if text else ''}priority {asked.priority}"
    lines = [f"{'would be ' if is_dry else ''}changed: {text}"]
    if asked.sets:
        what = "would be made" if is_dry else f"{sweep.id} made"
        place = location(sweep.project, sweep.name)
        lines = [f"sweep {what}: {place}; it takes the place of {before.id}"]
    lines += [f"note: {note}" for note in changed.notes]
    if asked.sets:
        lines.append(f"{counted(changed.kept, 'finished run')} of {before.id} reused")
    if changed.left:
        lines.append(f"{counted(changed.left, 'queued run')} of {before.id} left out")
    if numbers:
        which = ", ".join(map(str, numbers))
        them = "them" if len(numbers) > 1 else "it"
        stop = "" if asked.is_killing else f"; --kill stops {them}"
        verb = "stopped" if asked.is_killing else "going on all the same"
        lines.append(f"{counted(len(numbers), 'run')} of {before.id} {verb}: {which}{stop}")
    if changed.to_come is None:
        lines.append("runs without end to come")
    else:
        lines.append(
            f"{counted(changed.planned or 0, 'run')} planned, {changed.to_come:,} still to start"
        )
    return lines


def _say_next(store: Store, changed: Changed) -> None:
    sweep = changed.sweep
    if sweep.state != SweepState.RUNNING:
        why = f": {sweep.reason}" if sweep.reason else ""
        output.say(output.plain(f"sweep {sweep.id} is {sweep.state}{why}"))
        if changed.to_come != 0:
            output.say(f"to go on: homerun sweep --resume {sweep.id}; homerun agent {sweep.id}")
    elif changed.to_come == 0:
        output.say(f"next: homerun ls {sweep.id}")
    elif any(agent.serves in {"", sweep.id} for agent in agents(store)):
        output.say("the agents at work go on with it")
    else:
        output.say(f"next: homerun agent {sweep.id}")


def _document(
    before: SweepRecord, changed: Changed, asked: Asked, numbers: Sequence[int], *, is_dry: bool
) -> dict[str, Any]:
    sweep, is_clone = changed.sweep, bool(asked.sets)
    return {
        "id": None if is_clone and is_dry else sweep.id,
        "project": sweep.project,
        "name": sweep.name,
        "state": sweep.state,
        "change": changed.text,
        "supersedes": before.id if is_clone else None,
        "is_dry_run": is_dry,
        "planned": changed.planned,
        "to_come": changed.to_come,
        "reused" if is_clone else "kept": changed.kept,
        "left_the_queue": changed.left,
        "runs_that_fit_no_more": list(numbers),
        "notes": list(changed.notes),
    }

"""`homerun promote`: the best few runs again, for longer, on more seeds, or with other values."""

import os
from collections.abc import Sequence
from typing import Any

import click

from homerun.agent import Mapped, Promoted, needs_function, promote, recommended
from homerun.cli import output, words
from homerun.cli.common import argument, json_option, location, one_line, open_home
from homerun.core import Run, SpecError, SweepRecord, UsageError, counted, flat
from homerun.search import Recommendation
from homerun.spec import command_line, read
from homerun.store import Store

_TOP = 3


@click.command("promote")
@argument("ref", "sweep", metavar="SWEEP")
@argument("runs", "run", metavar="[RUN]...", nargs=-1)
@click.option(
    "--top", type=click.IntRange(min=1), metavar="N", help=f"The best N runs; default: {_TOP}."
)
@click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE[,...]",
    help="Give a parameter this value; with several values run each configuration with each.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="KEY=OLD:NEW",
    help="Put one value in the place of another, as model=resnet18:resnet50.",
)
@click.option(
    "--repeats",
    type=click.IntRange(min=1),
    default=1,
    metavar="N",
    help="Run each configuration N times.",
)
@click.option("--name", help="The name of the new sweep; default: promoted: NAME.")
@click.option("--dry-run", is_flag=True, help="Only say what would be run.")
@json_option
def promote_command(
    *,
    ref: str,
    runs: Sequence[str],
    top: int | None,
    sets: Sequence[str],
    maps: Sequence[str],
    repeats: int,
    name: str | None,
    dry_run: bool,
    is_json: bool,
) -> None:
    """Run the best few of a sweep again: for longer, on more seeds, or with other values.

    Makes a sweep of exactly these configurations, whose id goes to stdout. The best are those that
    homerun best recommends, not the luckiest; or name the RUNs yourself.

    \b
    homerun promote x3k9a2bc --top 3 --repeats 5
    homerun promote x3k9a2bc --set epochs=20 --set seed=1,2,3
    homerun promote x3k9a2bc 17 9 --map model=resnet18:resnet50 --dry-run
    """
    if runs and top is not None:
        raise UsageError("--top chooses the runs; give it, or name the RUNs")
    values = dict(_values(text) for text in sets)
    changes = [_mapped(text) for text in maps]
    with open_home(is_looking=False) as store:
        record = store.sweep(ref)
        answer = None if runs else recommended(store, record)
        chosen = _chosen(store, record, runs) if answer is None else _best(store, answer, top)
        done = promote(
            store,
            record,
            chosen,
            sets=values,
            maps=changes,
            repeats=repeats,
            name=name or "",
            is_dry=dry_run,
        )
        if is_json:
            output.print_json(_document(store, record, done))
            return
        _print(store, done, answer, is_dry=dry_run)


def _chosen(store: Store, record: SweepRecord, refs: Sequence[str]) -> list[Run]:
    runs = [store.run(ref) for ref in dict.fromkeys(refs)]
    for run in runs:
        if run.project != record.project or run.sweep is None:
            raise UsageError(
                f"run {run.number} is not of sweep {record.id}; homerun ls {record.id}"
            )
    return runs


def _best(store: Store, answer: Recommendation, top: int | None) -> list[Run]:
    found = answer.front or answer.top
    if not found:
        raise UsageError(f"{answer.sentence}; name the RUNs to promote")
    if answer.front and top is None:
        return [store.run(one.id) for one in found]
    return [store.run(one.id) for one in found[: top or _TOP]]


def _values(text: str) -> tuple[str, list[Any]]:
    """Return parameter and values of KEY=VALUE,VALUE; each as in a sweep file."""
    key, is_given, listed = text.partition("=")
    if not is_given or not key or not listed:
        raise UsageError(f"--set {text}: write KEY=VALUE or KEY=VALUE,VALUE, such as seed=1,2,3")
    values = _read(f"[{listed}]", f"--set {text}")
    if not isinstance(values, list) or not values:
        raise UsageError(f"--set {text}: has no value; write KEY=VALUE, such as epochs=20")
    return key, values


def _mapped(text: str) -> Mapped:
    key, is_given, pair = text.partition("=")
    old, has_both, new = pair.partition(":")
    if not (key and is_given and has_both and old and new):
        raise UsageError(f"--map {text}: write KEY=OLD:NEW, such as model=resnet18:resnet50")
    where = f"--map {text}"
    return Mapped(name=key, old=_read(old, where), new=_read(new, where))


def _read(text: str, where: str) -> Any:
    try:
        return read(text, where).plain()
    except SpecError as error:
        raise UsageError(f"{error}") from error


def _print(
    store: Store,
    done: Promoted,
    answer: Recommendation | None,
    *,
    is_dry: bool,
) -> None:
    """Say what is going to run, and from which runs it comes."""
    sources = [store.run(run_id) for run_id in done.sources.values()]
    configs = [flat(dict(config)) for config in done.sweep.settings.configs]
    names = [key for key in configs[0] if len({words.exact(c.get(key)) for c in configs}) > 1]
    same = {key: value for key, value in configs[0].items() if key not in names}
    lines = []
    if answer is not None and not answer.front:
        lines.append(f"by the model's mean: {answer.sentence}")
    repeats = done.sweep.settings.repeats
    each = f" of {counted(len(configs), 'configuration')}" if repeats > 1 else ""
    lines.append(f"{counted(len(done.proposals), 'run')}{each}:")
    for run, config in zip(sources, configs, strict=True):
        values = words.settings({key: config[key] for key in names})
        lines.append(f"  like run {run.number}  {values}".rstrip())
    if same:
        lines.append(f"the same in all: {words.settings(same, between=', ')}")
    is_for_function = needs_function(done.sweep.spec)
    if not is_for_function:
        first = command_line(
            done.sweep,
            done.proposals[0].config,
            run_id="RUN",
            sweep_id="SWEEP",
            folder=store.home / "runs" / "RUN",
            environ=os.environ,
        )
        lines.append(f"first  {one_line(first)}")
    lines += [f"note   {note}" for note in done.notes]
    for line in lines:
        click.echo(output.plain(line), err=not is_dry)
    if done.record is not None:
        place = location(done.record.project, done.record.name)
        output.say(output.plain(f"sweep {done.record.id} made: {place}"))
        click.echo(done.record.id)
        agent = f"homerun agent {done.record.id}"
        if is_for_function:
            agent = f"homerun.agent({done.record.id!r}, function)"
        output.say(f"next: {agent}; homerun best {done.record.id}")


def _document(store: Store, record: SweepRecord, done: Promoted) -> dict[str, Any]:
    made = done.record
    sources = [store.run(run_id) for run_id in done.sources.values()]
    return {
        "id": made.id if made else None,
        "promoted_from": record.id,
        "project": record.project,
        "name": done.sweep.name,
        "is_dry_run": made is None,
        "planned": len(done.proposals),
        "repeats": done.sweep.settings.repeats,
        "configurations": [
            {"run": run.number, "run_id": run.id, "config": config}
            for run, config in zip(sources, done.sweep.settings.configs, strict=True)
        ],
        "notes": list(done.notes),
    }

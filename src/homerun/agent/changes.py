"""Changing a sweep while it runs, and cloning one with something changed."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from homerun.agent.observing import resolve_priors
from homerun.agent.sweeps import needs_function
from homerun.core import RunState, SpecError, StoreError, SweepRecord, config_hash
from homerun.search import NO_VALUES, check_extra, count, restart
from homerun.spec import Edit, Sweep, command_line, edited, fitting, from_dict, part_of, remarks
from homerun.store import (
    Proposed,
    Replanned,
    SearchPlace,
    Sizes,
    Store,
    change_spec,
    proposed,
    read_json,
    replace_sweep,
    set_priority,
)

_TRIES = 50  # while agents move on; each takes milliseconds


@dataclass(frozen=True, kw_only=True)
class Changed:
    """What a change of a sweep did, or would do."""

    sweep: SweepRecord  # the changed one, or the clone
    text: str  # what was changed, in a few words
    left: int  # runs that left the queue
    unfit: tuple[str, ...]  # ids of runs that go on, though they fit no more
    kept: int  # runs that have started before, or are reused, and fit
    planned: int | None  # runs the sweep will have; None: no end
    to_come: int | None  # of these, runs that have not started
    notes: tuple[str, ...]


def change_sweep(
    store: Store,
    sweep_id: str,
    edits: Sequence[Edit],
    *,
    file: Sweep | None = None,
    priority: int | None = None,
    is_dry: bool = False,
) -> Changed:
    """Change a sweep in place; agents at work go on with it as it is then.

    `file`: what comes in the place of its file, then there are no edits.
    Raises SpecError for what makes no sweep, UsageError for a sweep that was superseded.
    """

    def change(before: SweepRecord, old: Sweep) -> Changed | None:
        new, done = _edited(store, old, edits) if file is None else (_checked(store, file), ())
        text = _text(done) if file is None else f"its file is {file.source}"
        runs = proposed(store, before.id)
        fit = _fitting_hashes(store, old, new, runs)
        result = change_spec(
            store,
            before,
            new.spec,
            unfit={run.config_hash for run in runs} - fit,
            is_reordered=_order(old) != _order(new),
            retries=new.settings.retries,
            run_cap=new.run_cap,
            reckon=_reckoning(new),
            why=f"not in its sweep any more: {text}",
            is_dry=is_dry or not (edits or file),
        )
        return result and _changed(before, text, result, _notes(old, new, done))

    changed = _insist(store, sweep_id, change)
    if priority is not None and not is_dry:
        set_priority(store, priority, sweep=changed.sweep.id)
    return replace(changed, sweep=store.sweep(changed.sweep.id))


def clone_sweep(
    store: Store,
    sweep_id: str,
    edits: Sequence[Edit],
    *,
    name: str | None = None,
    project: str | None = None,
    priority: int | None = None,
    is_dry: bool = False,
) -> Changed:
    """Make a changed copy of a sweep, which takes its place and counts what has finished and fits.

    Raises SpecError for what makes no sweep, UsageError for a sweep that was superseded before.
    """

    def clone(before: SweepRecord, old: Sweep) -> Changed | None:
        new, done = _edited(store, old, edits)
        named = name or _new_name(before, old, new, done)
        reused, notes = _reused(store, before.id, old, new), _notes(old, new, done)
        if not _is_same_program(old, new):
            notes.append("nothing is reused: the program or command is another one")
        found = replace_sweep(
            store,
            before,
            {**new.spec, "name": named},
            name=named,
            project=project or before.project,
            reused=reused,
            reckon=_reckoning(new),
            why=_text(done),
            is_dry=is_dry,
        )
        return found and _changed(found[0], _text(done), found[1], notes)

    changed = _insist(store, sweep_id, clone)
    if priority is not None and not is_dry:
        set_priority(store, priority, sweep=changed.sweep.id)
    return changed


def _insist(
    store: Store, sweep_id: str, change: Callable[[SweepRecord, Sweep], Changed | None]
) -> Changed:
    """Do something with a sweep as it is now, again and again while others change it."""
    for _ in range(_TRIES):
        record = store.sweep(sweep_id)
        changed = change(record, from_dict(record.spec, source=record.source or record.id))
        if changed is not None:
            return changed
    raise StoreError(f"sweep {sweep_id} changes too fast; pause it first: homerun pause {sweep_id}")


def _reused(store: Store, sweep_id: str, old: Sweep, new: Sweep) -> list[str]:
    """Return the ids of runs of a sweep that count in its clone."""
    if not _is_same_program(old, new):
        return []
    runs = [run for run in proposed(store, sweep_id) if run.state == RunState.FINISHED]
    fit = _fitting_hashes(store, old, new, runs)
    found = {  # of several attempts the last
        (run.config_hash, run.repeat): run.id
        for run in runs
        if run.config_hash in fit and run.repeat < new.settings.repeats
    }
    return list(found.values())


def _is_same_program(old: Sweep, new: Sweep) -> bool:
    return (old.program, old.command) == (new.program, new.command)


def _edited(store: Store, old: Sweep, edits: Iterable[Edit]) -> tuple[Sweep, tuple[Edit, ...]]:
    """Return the changed sweep after checking that it can be run here."""
    new, done = edited(old, edits)
    if count(new).planned == 0:
        raise SpecError(f"{_text(done)}: the constraints would exclude every configuration")
    return _checked(store, new), done


def _checked(store: Store, new: Sweep) -> Sweep:
    check_extra(new)
    new, _ = resolve_priors(store, new)
    if not needs_function(new.spec):
        command_line(
            new, {}, run_id="run", sweep_id="sweep", folder=Path(store.home), environ=os.environ
        )
    return new


def _fitting_hashes(store: Store, old: Sweep, new: Sweep, runs: Iterable[Proposed]) -> set[str]:
    """Return the fingerprints of configurations of runs that the changed sweep would propose."""
    is_fitting = fitting(new)
    fit: set[str] = set()
    known: set[str] = set()
    for run in runs:
        if run.config_hash in known:
            continue
        known.add(run.config_hash)
        if run.config_hash == NO_VALUES:  # its program chose them
            fit |= {NO_VALUES} if new.settings.begins_with_program else set()
            continue
        part = part_of(old, run.config)
        if part is None or config_hash(part) != run.config_hash:
            # The program has changed its configuration; this is what it was given.
            given = read_json(store.folder(run.id).path / "config.json")
            part = part_of(old, given) if given is not None else None
        if part is not None and is_fitting(part):
            fit.add(run.config_hash)
    return fit


def _reckoning(sweep: Sweep) -> Callable[[Sizes], SearchPlace]:
    """Return a function of what runs there are: where the search goes on, and how far."""
    allowed = count(replace(sweep, run_cap=None)).planned

    def reckon(sizes: Sizes) -> SearchPlace:
        ends = [allowed + sizes.outside] if allowed is not None else []
        ends += [sweep.run_cap] if sweep.run_cap is not None else []
        planned = max(sizes.runs, min(ends)) if ends else None
        return SearchPlace(restart(sizes.runs), planned)

    return reckon


def _order(sweep: Sweep) -> tuple[object, ...]:
    return sweep.method, sweep.settings.order, sweep.settings.seed


def _new_name(before: SweepRecord, old: Sweep, new: Sweep, done: Iterable[Edit]) -> str:
    if new.name is not None and new.name != old.name:
        return new.name
    changes = [f"{edit.key}={edit.shown}" for edit in done if edit.verb in ("fix", "set")]
    others = [edit.text for edit in done if edit.verb in ("drop", "add")]
    return ", ".join([before.name, *changes, *others])


def _notes(old: Sweep, new: Sweep, done: Iterable[Edit]) -> list[str]:
    return [*remarks(old, done), *(note for note in new.notes if note not in old.notes)]


def _text(edits: Iterable[Edit]) -> str:
    return "; ".join(edit.text for edit in edits)


def _changed(record: SweepRecord, text: str, result: Replanned, notes: Iterable[str]) -> Changed:
    runs, outside = result.sizes
    return Changed(
        sweep=record,
        text=text,
        left=result.left,
        unfit=result.unfit,
        kept=runs - outside - result.waiting,
        planned=result.planned,
        to_come=None if result.planned is None else result.planned - runs + result.waiting,
        notes=tuple(notes),
    )

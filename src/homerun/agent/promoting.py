"""Running the best few of a sweep again: for longer, on more seeds, or with other values."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from homerun.agent.sweeps import needs_function
from homerun.core import Run, SweepRecord, UsageError, config_hash
from homerun.search import Filled, Proposal, count, fill
from homerun.spec import Sweep, command_line, from_dict, nest, part_of, same, value_at
from homerun.store import Store, read_json, set_sources

_DROPPED = ("run_cap", "early_terminate", "scheduler", "controller", "metrics", "description")
_DROPPED_SETTINGS = (
    *("constraints", "order", "search", "defaults", "prior", "budget", "configs", "repeats"),
    *("stop_when_settled", "early_terminate"),
)

Keys = tuple[str, ...]  # keys of a parameter, from the outside in


@dataclass(frozen=True, kw_only=True)
class Mapped:
    """A value of a parameter that becomes another one."""

    name: str
    old: Any
    new: Any


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """A sweep that runs configurations of another one again."""

    sweep: Sweep
    record: SweepRecord | None  # None: nothing was made
    sources: Mapping[str, str]  # `config_hash` of each configuration: id of the run it comes from
    proposals: tuple[Proposal, ...]  # what is going to run
    notes: tuple[str, ...]


def promote(
    store: Store,
    record: SweepRecord,
    runs: Sequence[Run],
    *,
    sets: Mapping[str, Sequence[Any]] | None = None,
    maps: Sequence[Mapped] = (),
    repeats: int = 1,
    name: str = "",
    is_dry: bool = False,
) -> Promoted:
    """Make a sweep of the configurations of runs of another sweep, with some values changed.

    `sets`: values of parameters, by dotted name, each of which every configuration is run with.
    """
    old = from_dict(record.spec, source=record.source or record.id)
    configs, sources, notes = _planned(store, old, runs, sets or {}, maps)
    known = {p.name for p in old.parameters}
    unknown = [key for key in sets or {} if key not in known]
    notes += [f"{key} is no parameter of {record.name}; the program is given it" for key in unknown]
    named = name or f"promoted: {record.name}"
    spec = _spec(record.spec, configs, repeats=repeats, name=named)
    sweep = from_dict(spec, source=f"promoted {record.id}")
    if not needs_function(spec):
        command_line(  # a missing program is said now, not by every run
            sweep, {}, run_id="run", sweep_id="sweep", folder=Path(store.home), environ=os.environ
        )
    filled = fill(sweep, cursor=0, n=count(sweep).planned or 0)
    made = None if is_dry else _make(store, record, sweep, named, filled, sources)
    return Promoted(
        sweep=sweep,
        record=made,
        sources=sources,
        proposals=filled.proposals,
        notes=tuple(dict.fromkeys(notes)),
    )


def _planned(
    store: Store,
    sweep: Sweep,
    runs: Sequence[Run],
    sets: Mapping[str, Sequence[Any]],
    maps: Sequence[Mapped],
) -> tuple[list[dict[Keys, Any]], dict[str, str], list[str]]:
    """Return the configurations, the run that each comes from, and what is worth a note."""
    paths = {p.name: p.path for p in sweep.parameters}
    chosen = [_values_of(store, sweep, run) for run in runs]
    _check_maps(maps, chosen, paths)
    configs, notes = [], []
    sources: dict[str, str] = {}
    for run, own in zip(runs, chosen, strict=True):
        for values in _variants(own, sets, maps, paths):
            key = config_hash(nest(sorted(values.items())))
            if key in sources:
                notes.append(f"run {run.number} would repeat a configuration; it counts once")
                continue
            sources[key] = run.id
            configs.append(values)
    return configs, sources, notes


def _make(
    store: Store,
    record: SweepRecord,
    sweep: Sweep,
    name: str,
    filled: Filled,
    sources: Mapping[str, str],
) -> SweepRecord:
    made = store.add_sweep(
        sweep.spec,
        project=record.project,
        name=name,
        source=record.source,
        cwd=record.cwd,
        planned=len(filled.proposals),
    )
    retries = sweep.settings.retries
    store.propose(made, filled.proposals, cursor=filled.cursor, retries=retries)
    set_sources(store, made.id, sources)
    return store.sweep(made.id)


def _values_of(store: Store, sweep: Sweep, run: Run) -> dict[Keys, Any]:
    """Return the values of the sweep's parameters that a run was given."""
    given = read_json(store.folder(run.id).path / "config.json")
    part = part_of(sweep, run.config if given is None else given)
    if part is None:
        raise UsageError(
            f"run {run.number} has no value of some parameters of the sweep; "
            "homerun show tells its configuration"
        )
    return {p.path: value_at(part, p.path) for p in sweep.parameters}


def _variants(
    values: Mapping[Keys, Any],
    sets: Mapping[str, Sequence[Any]],
    maps: Sequence[Mapped],
    paths: Mapping[str, Keys],
) -> list[dict[Keys, Any]]:
    """Return a configuration with values mapped, once for each combination of those that are set.

    A parameter that the sweep does not have goes where its dotted name says.
    """
    mapped = dict(values)
    for one in maps:
        path = paths.get(one.name)
        if path is not None and same(values[path], one.old):
            mapped[path] = one.new
    keys = [paths.get(key, tuple(key.split("."))) for key in sets]
    return [
        {**mapped, **dict(zip(keys, chosen, strict=True))} for chosen in product(*sets.values())
    ]


def _check_maps(
    maps: Sequence[Mapped], chosen: Sequence[Mapping[Keys, Any]], paths: Mapping[str, Keys]
) -> None:
    for one in maps:
        path = paths.get(one.name)
        if path is None:
            raise UsageError(
                f"--map {one.name}: is no parameter of the sweep; it has {', '.join(paths)}"
            )
        there = [values[path] for values in chosen]
        if not any(same(value, one.old) for value in there):
            found = ", ".join(dict.fromkeys(map(json.dumps, there)))
            raise UsageError(
                f"--map {one.name}: none of the chosen runs has {json.dumps(one.old)}; "
                f"they have {found}"
            )


def _spec(
    old: Mapping[str, Any],
    configs: Sequence[Mapping[Keys, Any]],
    *,
    repeats: int,
    name: str,
) -> dict[str, Any]:
    """Return the sweep file that runs exactly these configurations."""
    kept = {key: value for key, value in old.items() if key not in _DROPPED}
    if "metrics" in old:
        kept |= {"method": "custom", "metrics": old["metrics"]}
    else:
        kept["method"] = "grid"
    settings = {
        key: value
        for key, value in (old.get("homerun") or {}).items()
        if key not in _DROPPED_SETTINGS
    }
    if repeats > 1:
        settings["repeats"] = repeats
    settings["configs"] = [nest(sorted(values.items())) for values in configs]
    return {**kept, "name": name, "parameters": _parameters(configs), "homerun": settings}


def _parameters(configs: Sequence[Mapping[Keys, Any]]) -> dict[str, Any]:
    """Return `parameters:` with all values that the configurations have."""
    result: dict[str, Any] = {}
    for path in sorted({path for values in configs for path in values}):
        found = {json.dumps(values[path]): values[path] for values in configs}
        level = result
        for key in path[:-1]:
            level = level.setdefault(key, {"parameters": {}})["parameters"]
        one = {"values": list(found.values())}
        level[path[-1]] = one if len(found) > 1 else {"value": next(iter(found.values()))}
    return result

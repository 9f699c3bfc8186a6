"""What a sweep begins with: `--prior`, results of others, and `--defaults`, what was best there."""

from collections.abc import Sequence

import click

from homerun.agent import learned_start, recommended, resolve_priors
from homerun.cli import output
from homerun.cli.common import completion_of, find, open_home, together
from homerun.core import Config, NotFoundError, Run, SpecError, SweepRecord, UsageError
from homerun.search import is_guided
from homerun.spec import Edit, Sweep, edited, nest, usable
from homerun.store import Store, best_run

_complete = completion_of("sweep", "run")
beginning_options = together(  # What `begin` takes.
    click.option(
        "--prior",
        multiple=True,
        metavar="SWEEP",
        shell_complete=_complete,
        help="Learn from the finished runs of a sweep, or from a run; may be given several times.",
    ),
    click.option(
        "--defaults",
        metavar="RUN|SWEEP",
        shell_complete=_complete,
        help="Begin with the configuration of a run, or with the best one of a sweep.",
    ),
    click.option(
        "--defaults-from",
        type=click.Choice(["findings"]),
        help="Begin with the values that earlier sweeps have settled; see homerun finding.",
    ),
)


def begin(
    sweep: Sweep,
    *,
    prior: Sequence[str] = (),
    defaults: str | None = None,
    defaults_from: str | None = None,
    project: str | None = None,
) -> Sweep:
    """Return a sweep that learns from others and begins with what was best there; say what counts.

    `project`: of the new sweep, where it is not that of its file. Raises SpecError or UsageError
    where nothing of them can be used.
    """
    refs = list(dict.fromkeys(ref for text in prior for ref in text.split(",") if ref))
    if refs:
        sweep = _set(sweep, "prior", [*sweep.settings.prior, *refs])
    if not (defaults or defaults_from or (sweep.settings.prior and is_guided(sweep))):
        return sweep
    with open_home() as store:
        if defaults:
            sweep = _with_defaults(store, sweep, defaults)
        if defaults_from:
            sweep = _with_findings(store, sweep, project or sweep.project)
        sweep, texts = resolve_priors(store, sweep)
    for text in texts:
        output.say(f"prior: {text}")
    return sweep


def _with_defaults(store: Store, sweep: Sweep, ref: str) -> Sweep:
    run = _best_of(store, ref)
    config, left_out = usable(sweep, run.config)
    if not config:
        raise UsageError(
            f"--defaults {ref}: run {run.number} has no value that this sweep may have, for any of "
            f"{', '.join(left_out)}"
        )
    output.say(f"begins with the configuration of run {run.number}")
    if left_out:
        output.say(f"run {run.number} says nothing that fits of {', '.join(left_out)}")
    return _beginning_with(sweep, config)


def _with_findings(store: Store, sweep: Sweep, project: str | None) -> Sweep:
    start = learned_start(store, sweep, project=project)
    for line in start.lines:
        output.say(output.plain(f"found before: {line}"))
    for warning in start.warnings:
        output.say(output.plain(f"beware: {warning}"))
    if not start.values:
        output.say("no finding says with which values to begin; homerun finding list shows all")
    elif not is_guided(sweep):
        output.say(
            f"method: {sweep.method} begins with no values: write into the file what holds, or use "
            "method: bayes"
        )
    else:
        values = [(tuple(name.split(".")), value) for name, value in start.values.items()]
        sweep = _beginning_with(sweep, nest(values))
    return sweep


def _beginning_with(sweep: Sweep, config: Config) -> Sweep:
    raw = sweep.spec.get("homerun", {}).get("defaults", [])
    return _set(sweep, "defaults", [config, *(raw if isinstance(raw, list) else [raw])])


def _best_of(store: Store, ref: str) -> Run:
    """Return the run that is meant, or the one that is recommended of the sweep that is meant.

    Where no model recommends one it is that with the best result.
    """
    found = find(store, ref)
    if isinstance(found, Run):
        return found
    run = _recommended_of(store, found)
    if run is not None:
        return run
    best = found.metric and best_run(store, found.id, found.metric)
    if not best:
        raise NotFoundError(f"--defaults {ref}: sweep {found.id} has no result yet; give a run")
    return store.run(str(best[0]))


def _recommended_of(store: Store, record: SweepRecord) -> Run | None:
    try:
        best = recommended(store, record).best
    except (SpecError, UsageError):
        return None  # it was not made from a sweep file, or has no metric
    return None if best is None or best.mean is None else store.run(best.id)


def _set(sweep: Sweep, name: str, value: object) -> Sweep:
    return edited(sweep, [Edit("set", f"homerun.{name}", value)])[0]

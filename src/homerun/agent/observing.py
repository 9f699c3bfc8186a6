"""What a search sees of the home: runs of its sweep, and of others that it may learn from."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from homerun.core import NotFoundError, Run, RunState, SpecError, SweepRecord, config_hash, counted
from homerun.search import NO_VALUES, Observation, is_guided
from homerun.spec import Sweep, from_dict, part_of, placing
from homerun.store import ObservedRun, Store, fold, observed_runs, read_json


@dataclass(frozen=True)
class Prior:
    """What a sweep learns from another sweep, or from a single run."""

    id: str  # of the sweep or the run
    name: str  # `sweep x3k9a2bc` or `run 17`
    observations: tuple[Observation, ...]
    finished: int  # runs there; of these some may not fit
    unfit: tuple[tuple[str, int], ...]  # why, and how many

    @property
    def text(self) -> str:
        """Return in one line how many runs count."""
        runs = counted(self.finished, "finished run")
        why = "".join(f"; {count} {reason}" for reason, count in self.unfit)
        return f"{len(self.observations)} of {runs} of {self.name} count{why}"


def metric_names(sweep: Sweep) -> tuple[str, ...]:
    """Return the metrics that a sweep is about."""
    return tuple(metric.name for metric in sweep.goals)


def observations(
    store: Store, record: SweepRecord, sweep: Sweep, *, prior: Sequence[Prior] | None = None
) -> list[Observation]:
    """Return what a search learns from: the runs of a sweep, oldest first, then those of others.

    `prior`: the first of what `priors` returned, if that is known.
    """
    metrics, place = metric_names(sweep), placing(sweep)
    if any(one.impute_while_running != "false" for one in (sweep.metric, *sweep.metrics) if one):
        for running in store.runs(sweep=record.id, states=[RunState.RUNNING, RunState.PAUSED]):
            fold(store, running.id)
    found = []
    for run in observed_runs(store, metrics, sweep=record.id):
        config: dict[str, object] | None = _given(store, sweep, run)
        if sweep.parameters and config is not None:  # else a function defines them
            config, _ = place(config)
        if config is not None:
            found.append(_observation(run, config, metrics))
    if prior is None:
        prior, _ = priors(store, sweep)
    return found + [one for of in prior for one in of.observations]


def priors(store: Store, sweep: Sweep) -> tuple[list[Prior], str]:
    """Return what a sweep learns from others, and what is wrong: some may have been removed."""
    found, troubles = [], []
    for ref in sweep.settings.prior:
        try:
            found.append(prior_of(store, sweep, ref))
        except SpecError as error:
            troubles.append(f"{error}; the search goes on without it")
    return found, "; ".join(troubles)


def prior_of(store: Store, sweep: Sweep, ref: str) -> Prior:
    """Return what a sweep learns from another one or a run; raise SpecError if it is not there."""
    metrics = metric_names(sweep)
    ref_id, source, runs, name = _runs_of(store, sweep, ref, metrics)
    place, kept, unfit = placing(sweep), [], Counter[str]()
    finished = [run for run in runs if run.state == RunState.FINISHED]
    for run in finished:
        config, why = place(run.config)
        if config is None:
            unfit[why] += 1
        elif None in run.values:
            unfit[f"lack {metrics[run.values.index(None)]}"] += 1
        else:
            kept.append(_observation(run, config, metrics, source=source))
    return Prior(ref_id, name, tuple(kept), len(finished), tuple(unfit.most_common()))


def resolve_priors(store: Store, sweep: Sweep) -> tuple[Sweep, list[str]]:
    """Return a sweep that names its prior by full ids, and a line about each.

    Raises SpecError for one that is not there, or of which no run that has finished counts.
    """
    if not sweep.settings.prior or not is_guided(sweep):
        return sweep, []
    found = [prior_of(store, sweep, ref) for ref in sweep.settings.prior]
    for one in found:
        if one.finished and not one.observations:
            raise SpecError(f"{sweep.source}: homerun.prior: {one.text}; leave it out")
    ours = {**sweep.spec["homerun"], "prior": [one.id for one in found]}
    return from_dict({**sweep.spec, "homerun": ours}, source=sweep.source), [
        one.text for one in found
    ]


def _runs_of(
    store: Store, sweep: Sweep, ref: str, metrics: Sequence[str]
) -> tuple[str, str, list[ObservedRun], str]:
    """Return the id of a sweep or run, the source that is noted with runs, these, and its name."""
    found = sweep_or_run(store, ref, f"{sweep.source}: homerun.prior")
    if isinstance(found, SweepRecord):
        runs = observed_runs(store, metrics, sweep=found.id)
        return found.id, found.id, runs, f"sweep {found.id}"
    runs = observed_runs(store, metrics, run=found.id)
    return found.id, found.sweep or found.id, runs, f"run {found.number}"


def sweep_or_run(store: Store, ref: str, place: str) -> SweepRecord | Run:
    """Return what a word means; raise SpecError, which names the place, if nothing is meant."""
    for look_up in (store.sweep, store.run):
        try:
            return look_up(ref)
        except NotFoundError as error:
            if "may be any of" in str(error):
                raise SpecError(f"{place}: {error}") from None
    raise SpecError(
        f"{place}: no sweep or run answers to {ref!r}; homerun ls shows those there are"
    )


def _given(store: Store, sweep: Sweep, run: ObservedRun) -> dict[str, object]:
    """Return the configuration that a run was given; its program may have recorded another."""
    if run.config_hash in (None, NO_VALUES):  # the values are the program's own
        return run.config
    part = part_of(sweep, run.config)
    if part is not None and config_hash(part) == run.config_hash:
        return part
    given = read_json(store.folder(run.id).path / "config.json")
    return run.config if given is None else given


def _observation(
    run: ObservedRun, config: dict[str, object], metrics: Sequence[str], *, source: str = ""
) -> Observation:
    return Observation(
        config=config,
        state=run.state,
        values=dict(zip(metrics, run.values, strict=True)),
        runtime_s=run.runtime_s,
        is_censored=run.is_censored,
        out_of_memory=run.out_of_memory,
        source=source,
        id=run.id,
    )

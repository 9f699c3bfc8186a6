"""Optuna's samplers, and the functions that W&B's `scheduler:` names.

Nothing is kept between two calls: a study in memory is made of the runs, and asked. What functions
of `scheduler:` get and give is W&B's (wandb 0.31, sdk/sweeps/scheduler/optuna.py): `optimizer`
takes a SweepInfo and returns a study, or one and a function of it that tells when to end;
`search_space` takes a trial and returns a dictionary of values.
"""

import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import optuna

from homerun.core import SpecError
from homerun.search.engines.foreign import drawn, goals_of, told
from homerun.search.engines.functions import calling, function_of_file
from homerun.search.engines.optuna_space import (
    Defined,
    Language,
    Listed,
    by_coordinates,
    by_values,
)
from homerun.search.engines.schedulers import made_by_optimizer
from homerun.search.models.coordinates import space_of
from homerun.search.observations import Observation, Suggestion
from homerun.spec import Sweep, fits

_TRIES = 200  # asked again for a configuration that may run and is new, before one is drawn
_SLOW_TRIES = 10  # of a sampler that takes its time
_State = optuna.trial.TrialState
# What these propose follows from parameters and values alone; others take notes on trials.
_BY_VALUES = (
    optuna.samplers.TPESampler,
    optuna.samplers.GPSampler,
    optuna.samplers.RandomSampler,
    optuna.samplers.BruteForceSampler,
)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """Who is asked, in whose words, and who is to blame."""

    name: str
    sampler: optuna.samplers.BaseSampler
    language: Language
    blame: str
    folder: str
    is_over: Callable[[optuna.Study], bool] = lambda _: False


def sampled(
    name: str, sweep: Sweep, observations: Sequence[Observation], rng: np.random.Generator, n: int
) -> list[Suggestion]:
    """Return what a sampler proposes; `name`: `optuna:` and the name of its class."""
    blame = f"{sweep.source}: homerun.search: {name}"
    with _quiet(), calling(blame, "."):
        sampler = _sampler(name.removeprefix("optuna:"), blame, rng)
        language = by_coordinates(space_of(sweep))
        asked = _Asked(name=name, sampler=sampler, language=language, blame=blame, folder=".")
        return _ask(asked, sweep, observations, rng, n)


def scheduled(
    folder: str, sweep: Sweep, observations: Sequence[Observation], rng: np.random.Generator, n: int
) -> list[Suggestion]:
    """Return what the optimizer that `scheduler:` names proposes."""
    scheduler = sweep.scheduler
    assert scheduler is not None
    blame, name = f"{sweep.source}: scheduler.optimizer", "optuna"
    is_over: Callable[[optuna.Study], bool] = lambda _: False  # noqa: E731
    with _quiet():
        if scheduler.optimizer and scheduler.source:
            name = f"{scheduler.source}:{scheduler.optimizer}"
            blame = f"{blame}: {scheduler.optimizer}"
            sampler, is_over = _optimizer(sweep, folder, blame)
            _reseed(sampler, rng)
        else:
            usual = "NSGAIISampler" if sweep.metrics else "TPESampler"  # as optuna chooses
            sampler = _sampler(usual, blame, rng)
        language: Language
        if scheduler.search_space and scheduler.source:
            blame = f"{sweep.source}: scheduler.search_space: {scheduler.search_space}"
            function = function_of_file(scheduler.source, scheduler.search_space, folder, blame)
            language = Defined(function, blame)
        else:
            language = by_values(space_of(sweep))
        asked = _Asked(
            name=name,
            sampler=sampler,
            language=language,
            blame=blame,
            folder=folder,
            is_over=is_over,
        )
        with calling(blame, folder):
            return _ask(asked, sweep, observations, rng, n)


def _sampler(name: str, blame: str, rng: np.random.Generator) -> optuna.samplers.BaseSampler:
    """Return a sampler by the name of its class."""
    base = optuna.samplers.BaseSampler
    known = {
        word: found
        for word, found in vars(optuna.samplers).items()
        if inspect.isclass(found) and issubclass(found, base) and not inspect.isabstract(found)
    }
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise SpecError(f"{blame} is unknown; optuna has {', '.join(sorted(known))}{hint}")
    options = inspect.signature(known[name]).parameters
    needed = [key for key, one in options.items() if one.default is one.empty]
    if needed:
        raise SpecError(
            f"{blame} needs {' and '.join(needed)}; make it in a function that scheduler: names: "
            "{engine: optuna, source: FILE.py, optimizer: FUNCTION}"
        )
    seed = {"seed": int(rng.integers(2**31))} if "seed" in options else {}
    return known[name](**seed)


def _optimizer(
    sweep: Sweep, folder: str, blame: str
) -> tuple[optuna.samplers.BaseSampler, Callable[[optuna.Study], bool]]:
    """Return the sampler of the user's study, and the function that tells when to end."""
    study, is_over = made_by_optimizer(sweep, folder, blame, optuna.Study)
    directions, goals = [one.name.lower() for one in study.directions], goals_of(sweep, blame)
    if directions != [one.goal for one in goals]:
        raise SpecError(
            f"{blame} returned a study that would {' and '.join(directions)}, and the goals are "
            f"{', '.join(f'{one.goal} {one.name}' for one in goals)}; make them the same"
        )
    return study.sampler, is_over


def _ask(
    asked: _Asked,
    sweep: Sweep,
    observations: Sequence[Observation],
    rng: np.random.Generator,
    n: int,
) -> list[Suggestion]:
    language = asked.language
    study = _study(asked, sweep, observations)
    if asked.is_over(study):
        return []
    seen = {language.key(run.config) for run in observations if not run.source}
    is_free = isinstance(language, Defined)  # the function knows what may be
    is_slow = isinstance(asked.sampler, optuna.samplers.GPSampler)
    found: list[Suggestion] = []
    while len(found) < n:
        for _ in range(_SLOW_TRIES if is_slow else _TRIES):
            # One that is not taken stays open in the study, so that the sampler goes elsewhere.
            _, config = language.ask(study)
            if language.key(config) not in seen and (is_free or fits(sweep, config)):
                found.append(Suggestion(config=config, by=asked.name))
                break
        else:
            # Only of parameters that are known beforehand, and off the grid of a sampler's own.
            has_more = isinstance(language, Listed) and not hasattr(asked.sampler, "is_exhausted")
            note = f"{asked.name} proposed nothing but what has run or is excluded"
            one = drawn(space_of(sweep), seen, rng, note) if has_more else None
            if one is None:
                break
            found.append(one)
        seen.add(language.key(found[-1].config))
    return found


def _study(asked: _Asked, sweep: Sweep, observations: Sequence[Observation]) -> optuna.Study:
    """Return a study of the runs so far, in their order."""
    goals = goals_of(sweep, asked.blame)
    study = optuna.create_study(directions=[one.goal for one in goals], sampler=asked.sampler)
    is_by_values = isinstance(asked.sampler, _BY_VALUES)
    for one in told(goals, observations):
        state = _State.RUNNING if one.is_open else _State.COMPLETE if one.values else _State.FAIL
        try:
            params, distributions = asked.language.known(one.run.config)
            past = optuna.trial.create_trial(
                params=params, distributions=distributions, values=one.values, state=state
            )
        except (KeyError, TypeError, ValueError):
            continue  # of a run that does not fit into the space, such as one of another sweep
        if is_by_values:
            study.add_trial(past)
            continue
        study.enqueue_trial(params)
        trial, _ = asked.language.ask(study)
        _ = trial.relative_params  # here the sampler takes its notes
        if not one.is_open:
            study.tell(trial, one.values, state=state)
    return study


def _reseed(sampler: optuna.samplers.BaseSampler, rng: np.random.Generator) -> None:
    """Give a sampler of the user new random numbers; else it would draw the same ones each time."""
    for part in vars(sampler).values():
        if isinstance(part, optuna.samplers.BaseSampler):
            _reseed(part, rng)
        elif isinstance(getattr(part, "rng", None), np.random.RandomState):
            part.rng.seed(int(rng.integers(2**31)))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep optuna from telling what it does; what goes wrong is raised."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)

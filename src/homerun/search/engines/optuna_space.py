"""The parameters of a sweep as optuna's distributions, and configurations as parameters of trials.

A space that `search_space` of W&B's `scheduler:` defines is known only by calling the function.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any, Protocol

import optuna
from optuna import distributions

from homerun.core import SpecError, config_hash
from homerun.search.engines.bridges import plain
from homerun.search.engines.foreign import number_of
from homerun.search.engines.functions import Function
from homerun.search.models.coordinates import Space
from homerun.search.models.dimensions import Dimension
from homerun.spec import Parameter, nest

Config = Mapping[str, Any]
Known = tuple[dict[str, Any], dict[str, distributions.BaseDistribution]]

_PRIMITIVE = (bool, int, float, str, type(None))


class Language(Protocol):
    """How configurations are written as parameters of trials."""

    def key(self, config: Config) -> str | None:
        """Return a fingerprint of a configuration; None for one of another space."""

    def known(self, config: Config) -> Known:
        """Return parameters and their distributions; raise ValueError if it has none."""

    def ask(self, study: optuna.Study) -> tuple[optuna.Trial, dict[str, Any]]:
        """Return the next trial of a study and its configuration."""


@dataclass(frozen=True)
class Axis:
    """A parameter as optuna sees it."""

    path: tuple[str, ...]
    distribution: distributions.BaseDistribution
    inward: Callable[[Any], Any]  # from a value of the sweep to one of optuna
    outward: Callable[[Any], Any]


@dataclass(frozen=True)
class Listed:
    """A space whose parameters are known beforehand."""

    space: Space
    axes: Mapping[str, Axis]

    def key(self, config: Config) -> str | None:
        """Return a fingerprint of what a configuration says of the parameters."""
        return self.space.key(config)

    def known(self, config: Config) -> Known:
        """Return parameters and their distributions."""
        params = {
            name: axis.inward(reduce(getitem, axis.path, config))
            for name, axis in self.axes.items()
        }
        return params, self._distributions()

    def ask(self, study: optuna.Study) -> tuple[optuna.Trial, dict[str, Any]]:
        """Return the next trial of a study and its configuration."""
        trial = study.ask(self._distributions())
        values = dict(self.space.constants)
        for name, axis in self.axes.items():
            values[axis.path] = axis.outward(trial.params[name])
        return trial, nest((p.path, values[p.path]) for p in self.space.sweep.parameters)

    def _distributions(self) -> dict[str, distributions.BaseDistribution]:
        return {name: axis.distribution for name, axis in self.axes.items()}


@dataclass(frozen=True)
class Defined:
    """A space that a function defines by asking a trial for one parameter after the other."""

    function: Function
    blame: str  # begins every error

    def key(self, config: Config) -> str | None:
        """Return a fingerprint of a configuration."""
        return config_hash(dict(config))

    def known(self, config: Config) -> Known:
        """Return the parameters that the function asks for, and their distributions."""
        trial = optuna.trial.FixedTrial(dict(_flat(config)))
        self.function(trial)
        return trial.params, trial.distributions

    def ask(self, study: optuna.Study) -> tuple[optuna.Trial, dict[str, Any]]:
        """Return the next trial of a study and its configuration."""
        trial = study.ask()
        config = self.function(trial)
        if not isinstance(config, Mapping):
            raise SpecError(
                f"{self.blame} returned {type(config).__name__}; return a dict of the values that "
                "trial.suggest_float, suggest_int or suggest_categorical gave"
            )
        config = plain(config)
        lost = trial.params.keys() - dict(_flat(config)).keys()
        if lost:
            raise SpecError(
                f"{self.blame} asked the trial for {', '.join(sorted(lost))} and returned no value "
                "of that name; return each under its own, nested ones as `outer.inner`"
            )
        return trial, config


def _flat(config: Config) -> Iterator[tuple[str, Any]]:
    """Yield names and values, those of nested configurations by dotted name."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", one) for inner, one in _flat(value))
        yield name, value


def by_coordinates(space: Space) -> Listed:
    """Return the space as coordinates: lists of numbers are ordered, and nothing lacks."""
    return Listed(space, {one.name: _of_dimension(one) for one in space.dimensions})


def by_values(space: Space) -> Listed:
    """Return the space with the sweep's own values, for samplers that know them, as W&B maps it.

    What optuna's distributions cannot hold has coordinates instead.
    """
    axes = {one.name: _of_values(one.parameter) or _of_dimension(one) for one in space.dimensions}
    return Listed(space, axes)


def _of_dimension(one: Dimension) -> Axis:
    number = number_of(one)
    found: distributions.BaseDistribution = distributions.FloatDistribution(0.0, 1.0)
    if number.kind == "level":
        found = distributions.CategoricalDistribution(tuple(range(number.last + 1)))
    elif number.kind == "rank":
        found = distributions.IntDistribution(0, number.last)
    return Axis(one.path, found, number.inward, number.outward)


def _of_values(p: Parameter) -> Axis | None:
    """Return the values of a parameter themselves, where optuna has such a distribution."""
    found: distributions.BaseDistribution | None = None
    is_whole = all(isinstance(number, int) for number in (p.min, p.max, p.q))
    if p.values:
        # Choices are told apart by `==`, for which 0 and False are the same.
        is_simple = all(isinstance(value, _PRIMITIVE) for value in p.values)
        if is_simple and len(set(p.values)) == len(p.values):
            found = distributions.CategoricalDistribution(p.values)
    elif p.distribution == "int_uniform":
        found = distributions.IntDistribution(int(p.min), int(p.max))
    elif p.distribution == "uniform":
        found = distributions.FloatDistribution(p.min, p.max)
    elif p.distribution == "log_uniform_values":
        found = distributions.FloatDistribution(p.min, p.max, log=True)
    elif p.distribution == "q_uniform" and is_whole and not p.min % p.q and not p.max % p.q:
        found = distributions.IntDistribution(int(p.min), int(p.max), step=int(p.q))
    elif p.distribution == "q_log_uniform_values" and is_whole and p.q == 1 <= p.min:
        found = distributions.IntDistribution(int(p.min), int(p.max), log=True)
    return None if found is None else Axis(p.path, found, lambda value: value, lambda value: value)

"""Which run of a sweep is best, as facts and in plain words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from homerun.core import counted

REPEATS = 3  # runs of a configuration that had run before, from which on noise is known
MOST_REPEATS = 20  # that are worth proposing
_NAMED = 4  # runs that a sentence lists
_LUCK = 0.25  # of the noise of a run: what is expected to be lost, from which on it is said


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A finished configuration; what the model says is in units of the metric."""

    id: str  # of its run, of several repeats the best
    config: Mapping[str, Any]  # the sweep's parameters
    observed: float  # mean of its repeats
    repeats: int = 1
    values: Mapping[str, float] = field(default_factory=dict)  # by metric, of several goals
    mean: float | None = None  # what is expected of it
    low: float | None = None  # with `high` its 90 % interval, noise of a single run left out
    high: float | None = None
    chance: float | None = None  # that it is the best of all
    is_tied: bool = False  # cannot be told apart from the recommended one
    repeats_to_tell: int | None = None  # further runs of each; None of a tied one: too many


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """Which run is best, how sure that is, and what would make it surer."""

    metric: str
    is_maximized: bool = False
    finished: int = 0  # runs with a value
    top: tuple[Candidate, ...] = ()  # all that finished, the recommended one first
    observed: Candidate | None = None  # that with the best value
    noise: float | None = None  # standard deviation of single runs around the best mean
    front: tuple[Candidate, ...] = ()  # of several goals: what nothing beats in all of them
    metrics: tuple[str, ...] = ()  # the several goals
    note: str = ""  # why it is no more than the best value
    names: Mapping[str, str] = field(default_factory=dict, repr=False)  # of runs by id

    @property
    def best(self) -> Candidate | None:
        """Return what is recommended; None where nothing has finished, or goals are several."""
        return self.top[0] if self.top else None

    @property
    def tied(self) -> tuple[Candidate, ...]:
        """Return what cannot be told apart from the best."""
        return tuple(one for one in self.top[1:] if one.is_tied)

    @property
    def falls_back(self) -> float | None:
        """Return by how much the best value is expected to get worse when it is run again."""
        if self.observed is None or self.observed.mean is None:
            return None
        sign = -1 if self.is_maximized else 1
        return sign * (self.observed.mean - self.observed.observed)

    @property
    def sentences(self) -> list[str]:
        """Return the answer in plain words, the most important first."""
        if self.front:
            return [self._front_sentence()]
        if self.best is None:
            return [f"no run has finished with a value of {self.metric}"]
        said = [self._best_sentence(), self._ties_sentence(), self._luck_sentence(), self.note]
        return [sentence for sentence in said if sentence]

    @property
    def sentence(self) -> str:
        """Return which run is best and what cannot be told apart from it, in one line."""
        if self.best is None or self.front:
            return self.sentences[0]
        return "; ".join(filter(None, [self._best_sentence(), self._ties_sentence()]))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        facts = asdict(self)
        del facts["names"]
        return {
            **facts,
            "best": asdict(self.best) if self.best else None,
            "falls_back": self.falls_back,
            "sentences": self.sentences,
        }

    def name_of(self, one: Candidate) -> str:
        """Return what people call the run of a candidate."""
        return self.names.get(one.id) or one.id

    def _best_sentence(self) -> str:
        best = self.best
        assert best is not None
        of = f" ({best.repeats} repeats)" if best.repeats > 1 else ""
        if best.mean is None or best.low is None or best.high is None:
            value = plain_number(best.observed)
            return f"run {self.name_of(best)}{of} has the best {self.metric}: {value}"
        mean, low, high = digits((best.mean, best.low, best.high), best.high - best.low)
        return f"run {self.name_of(best)}{of} is best: {self.metric} {mean} [{low}, {high}]"

    def _ties_sentence(self) -> str:
        tied = self.tied
        if not tied:
            return ""
        return f"{self._names(tied)} cannot be told apart from it; {self._telling(tied)}"

    def _names(self, some: Sequence[Candidate]) -> str:
        names = [self.name_of(one) for one in some[:_NAMED]]
        others = len(some) - len(names)
        if others:
            names.append(counted(others, "other"))
        last = names.pop()
        return f"runs {', '.join(names)} and {last}" if names else f"run {last}"

    def _telling(self, tied: Sequence[Candidate]) -> str:
        """Say how many repeats it takes, for those that a few of them can tell apart."""
        if all(one.mean == self.top[0].mean for one in tied):
            return "nothing speaks for one of them, take any"
        easy = [one for one in tied if one.repeats_to_tell is not None]
        most = max((one.repeats_to_tell or 0 for one in easy), default=0)
        if not easy:
            needed = f"over {MOST_REPEATS} more repeats of each would be needed to tell"
            return f"{needed}{self._gap(tied)}"
        each = f"{counted(most, 'more repeat')} of each would tell"
        if len(easy) == len(tied):
            return each
        hard = [one for one in tied if one.repeats_to_tell is None]
        return f"{each} for {self._names(easy)}, over {MOST_REPEATS} for {self._names(hard)}"

    def _gap(self, tied: Sequence[Candidate]) -> str:
        means = [one.mean for one in (self.top[0], *tied) if one.mean is not None]
        widest = max(means) - min(means)
        (text,) = digits([widest], widest)
        return f", as they differ by {text} at most"

    def _luck_sentence(self) -> str:
        """Name the winner's curse where it matters."""
        lost, one, best = self.falls_back, self.observed, self.best
        if one is None or best is None or lost is None or one.mean is None or self.noise is None:
            return ""
        if lost <= _LUCK * self.noise and one is best:
            return ""
        value, mean, loss = digits((one.observed, one.mean, abs(lost)), self.noise)
        who = "its value" if one is best else f"the best value, of run {self.name_of(one)},"
        verb = "was" if one.repeats == 1 else f"is the mean of {one.repeats} repeats and was"
        if lost <= _LUCK * self.noise:
            return f"{who} is {value}; {mean} is expected of it"
        return (
            f"{who} {verb} {value}: partly luck, as of the best of many it mostly is (winner's "
            f"curse); run again it is expected to fall back by {loss}, to {mean}"
        )

    def _front_sentence(self) -> str:
        names = ", ".join(self.name_of(one) for one in self.front)
        goals = " and ".join(self.metrics)
        is_one = len(self.front) == 1
        who = f"run {names} is" if is_one else f"runs {names} are"
        return (
            f"{who} not beaten in both {goals}"
            if len(self.metrics) == 2
            else (f"{who} not beaten in all of {', '.join(self.metrics)}")
        )


def digits(values: Sequence[float], scale: float) -> list[str]:
    """Return numbers with as many decimals as tell differences of a scale: two digits of it."""
    if not (math.isfinite(scale) and scale > 0):
        return [plain_number(value) for value in values]
    decimals = 1 - math.floor(math.log10(scale))
    if decimals > 9:
        return [plain_number(value) for value in values]
    return [f"{round(value, decimals):.{max(decimals, 0)}f}" for value in values]


def plain_number(value: float) -> str:
    """Return a number with six digits that count."""
    return f"{value:.6g}"

"""The nouns of a sweep file. They hold facts; `parse` makes them and nothing changes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from homerun.core import Metric as Wanted
from homerun.spec.early import Hyperband, Rule
from homerun.spec.parameters import Parameter
from homerun.spec.settings import Settings

Method = Literal["grid", "random", "bayes", "custom"]
Impute = Literal["worst", "best", "latest"]
ImputeRunning = Literal["false", "latest", "best", "worst"]

DEFAULT_COMMAND = ("${env}", "${interpreter}", "${program}", "${args}")


@dataclass(frozen=True, kw_only=True)
class Metric(Wanted):
    """The value a sweep wants small or large, with what its search is to know of it."""

    target: float | None = None  # once a run reaches it, no new runs start
    impute: Impute = "worst"  # what a failed run counts as
    impute_while_running: ImputeRunning = "false"


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """W&B's external optimizer: a file with functions that make it or define the parameters."""

    engine: Literal["optuna", "ax", "wandb"]
    source: str | None = None
    optimizer: str | None = None
    search_space: str | None = None


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A checked sweep file."""

    method: Method
    parameters: tuple[Parameter, ...]  # nested ones too, in the order of the grid
    program: str | None = None
    command: tuple[str, ...] = DEFAULT_COMMAND
    name: str | None = None
    description: str | None = None
    entity: str | None = None
    project: str | None = None
    metric: Metric | None = None
    metrics: tuple[Metric, ...] = ()
    run_cap: int | None = None
    early_terminate: Hyperband | None = None
    scheduler: Scheduler | None = None
    settings: Settings = field(default_factory=Settings)
    notes: tuple[str, ...] = ()  # what homerun does about keys it accepts and does not need
    spec: Mapping[str, Any]  # the file as plain values, which JSON can hold
    source: str = field(default="sweep", compare=False)  # for messages

    @property
    def goals(self) -> tuple[Metric, ...]:
        """The metrics that it wants small or large: several, one, or none."""
        return self.metrics or ((self.metric,) if self.metric else ())

    @property
    def rule(self) -> Rule | None:
        """What stops runs early: W&B's hyperband, one of our own, or nothing."""
        return self.early_terminate or self.settings.early_terminate

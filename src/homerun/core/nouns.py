"""The nouns that pass between rooms. They hold facts and never open a file or a database."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from homerun.core.states import ENDED, RunState, SweepState
from homerun.core.values import flat

Config = Mapping[str, Any]
Goal = Literal["minimize", "maximize"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """The value of runs that is wanted small or large."""

    name: str
    goal: Goal = "minimize"

    @property
    def is_maximized(self) -> bool:
        """Whether more of it is better."""
        return self.goal == "maximize"

    def is_better(self, value: float, than: float) -> bool:
        """Tell which of two values is wanted."""
        return value > than if self.is_maximized else value < than

    def value_in(self, summary: Mapping[str, Any]) -> float | None:
        """Return the finite number that a summary has for it; its name may be dotted."""
        value = flat(summary).get(self.name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if math.isfinite(value) else None


@dataclass(frozen=True, kw_only=True)
class SweepRecord:
    """A sweep as it lies in the home; `spec` is the sweep file as a plain dictionary."""

    id: str
    number: int
    project: str
    name: str
    state: SweepState
    reason: str
    spec: dict[str, Any]
    source: str  # where the sweep file was read from, for people
    cwd: str  # programs start here
    cursor: int  # how far the search has filled the queue
    planned: int | None  # runs the sweep will have; None: no end
    created_at: float  # seconds since the epoch
    priority: int = 0  # its runs get it
    superseded_by: str = ""  # id of the clone that took its place
    outlook: str = ""  # what its next runs are expected to gain, if a model has said so

    @property
    def metric(self) -> Metric | None:
        """What it is about; None: its file names no metric."""
        metric = self.spec.get("metric") or {}
        name, goal = metric.get("name"), metric.get("goal")
        return Metric(name=str(name), goal=goal or "minimize") if name else None


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of a program with one configuration, as it lies in the home."""

    id: str
    number: int  # short number, order of creation in the home
    project: str
    name: str
    state: RunState
    reason: str = ""
    sweep: str | None = None  # id
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    notes: str = ""
    group: str = ""
    job_type: str = ""
    argv: tuple[str, ...] = ()  # the command line; empty when the program called init itself
    cwd: str = ""
    repeat: int = 0  # index of the repetition of one configuration
    attempt: int = 1  # 2 and more: a retry of an earlier run of this configuration
    retries: int = 0  # attempts that may still follow a failure
    priority: int = 0  # higher runs first
    source: str = ""  # path of the script of a folder that it executes
    queued: int = 0  # 1: an agent took it from the queue
    gpus: int | None = None  # that it needs; None: as its sweep or agent says
    gpu_memory_mib: float | None = None  # to reserve on each; None: as its sweep or agent says
    timeout_s: float | None = None  # None: as its sweep says
    alone: str = ""  # it ran out of memory: runs with nothing else on its `gpu`, or on the `host`
    agent: str = ""  # identity of the process that claimed it
    devices: tuple[str, ...] = ()  # the GPUs it was given
    exit_code: int | None = None
    created_at: float = 0.0  # seconds since the epoch, as the other times
    started_at: float | None = None
    ended_at: float | None = None
    runtime_s: float | None = None
    censored: bool = False  # a rule of its sweep ended it early

    @property
    def is_waiting(self) -> bool:
        """Whether it is in the queue: pending, or paused there before it ever started."""
        is_held = self.state == RunState.PAUSED and self.started_at is None
        return self.state == RunState.PENDING or is_held

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen to this run."""
        return self.state in ENDED

    @property
    def counts(self) -> bool:
        """Whether its result does: it finished, and no rule ended it early."""
        return self.state == RunState.FINISHED and not self.censored


@dataclass(frozen=True, kw_only=True)
class End:
    """How a run ended; what a supervisor leaves in result.json and the database takes over."""

    state: RunState
    reason: str = ""
    exit_code: int | None = None
    signal: int | None = None  # that the program died of
    start_error: str = ""  # the system's words, where it could not start the program
    ended_at: float  # seconds since the epoch
    runtime_s: float | None = None
    user_cpu_s: float | None = None
    system_cpu_s: float | None = None
    memory_max_mib: float | None = None  # peak resident set of the largest process
    gpu_memory_max_gib: float | None = None  # peak on any one of its GPUs
    energy_wh: float | None = None  # of its GPUs, from start to end
    cpu_energy_wh: float | None = None  # of the CPU packages of the machine
    is_shared: bool | None = None  # other programs were on its GPUs; None: it had none
    out_of_memory: str = ""  # it died of it: `gpu` or `host`
    censored: bool = False  # a rule of its sweep ended it early
    needs_alone: str = ""  # it had not all of the `gpu` or `host` for itself, and might do with it
    detail: str = ""  # traceback or last lines, for people


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Room for one run on the CPU or on devices."""

    index: int = 0
    devices: tuple[str, ...] = ()  # GPUs, by UUID; none: CPU only


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Room on a GPU that a run has, as it lies in the home."""

    device: str  # UUID; index where it has none
    run: str  # id
    holder: str  # identity of the agent that took it
    memory_mib: float | None  # reserved; None: nobody knows how much there is
    at_most: int  # runs there may be on the GPU; 1: this one alone
    taken_at: float = 0.0  # seconds since the epoch


@dataclass(frozen=True, kw_only=True)
class AgentRecord:
    """An agent at work, as it lies in the home."""

    number: int  # short number, order of start
    id: str  # identity of its process: host/boot/pid/ticks
    serves: str  # id of a sweep, path of a folder; empty: the whole home
    slots: int
    gpus: tuple[str, ...] = ()  # those it may use, in its order
    argv: tuple[str, ...] = ()
    cwd: str = ""
    log: str = ""  # of a detached one: the file with what it says
    waits_for: str = ""  # what keeps a free slot empty
    asked_to: str = ""  # stop: take no more runs; leave: go at once
    started_at: float = 0.0  # seconds since the epoch

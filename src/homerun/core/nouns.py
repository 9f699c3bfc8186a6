"""The nouns that pass between rooms. They hold facts and never open a file or a database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homerun.core.states import ENDED, RunState, SweepState

Config = Mapping[str, Any]


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
    agent: str = ""  # identity of the process that claimed it
    exit_code: int | None = None
    created_at: float = 0.0  # seconds since the epoch, as the other times
    started_at: float | None = None
    ended_at: float | None = None
    runtime_s: float | None = None

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen to this run."""
        return self.state in ENDED


@dataclass(frozen=True, kw_only=True)
class End:
    """How a run ended; what a supervisor leaves in result.json and the database takes over."""

    state: RunState
    reason: str = ""
    exit_code: int | None = None
    ended_at: float  # seconds since the epoch
    runtime_s: float | None = None
    user_cpu_s: float | None = None
    system_cpu_s: float | None = None
    memory_max_mib: float | None = None  # peak resident set of the largest process
    detail: str = ""  # traceback or last lines, for people


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Room for one run on a device."""

    index: int = 0
    device: int | None = None  # None: CPU only

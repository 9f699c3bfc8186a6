"""What searches see and say: the outcome of a run, and the next configuration with its reason."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from homerun.core import RunState


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a run tells a search: its configuration and, once it has ended, its outcome."""

    config: Mapping[str, Any]  # nested; has a value for each parameter of the sweep
    state: RunState = RunState.FINISHED
    values: Mapping[str, float | None] = field(default_factory=dict)  # summary, by metric
    runtime_s: float | None = None
    is_censored: bool = False  # a stopping rule ended it early: it would have got better
    out_of_memory: str = ""  # it died of it: `gpu` or `host`
    source: str = ""  # id of the sweep it belongs to; empty: the one that is searched
    id: str = ""  # of the run


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A configuration to run next, and why; what the model says is in units of the metric."""

    config: dict[str, Any]
    by: str  # default, start, gaussian, forest, random, sobol, or the name of another search
    mean: float | None = None  # what the model expects
    low: float | None = None  # with `high` its 90 % interval, noise of a single run left out
    high: float | None = None
    best: float | None = None  # the best mean at a finished run
    improvement: float | None = None  # expected improvement on that
    runs: int = 0  # finished runs that the model was fitted to
    note: str = ""  # anything else worth a line

    def reason(self) -> dict[str, Any]:
        """Return all but the configuration, as JSON takes it; what is unknown is left out."""
        facts = asdict(self)
        del facts["config"]
        return {key: value for key, value in facts.items() if value not in (None, "")}

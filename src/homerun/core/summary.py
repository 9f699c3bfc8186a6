"""What a metric's summary is: W&B's rule (the last value), or what define_metric asked for."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from homerun.core.errors import UsageError

AGGREGATIONS = ("min", "max", "mean", "first", "last", "best", "none")


class Definition(NamedTuple):
    """What define_metric said about a metric, or about all that match a glob such as `val/*`."""

    name: str
    summary: tuple[str, ...] = ()  # of AGGREGATIONS; empty: the last value
    goal: str | None = None  # minimize or maximize; what best means
    step_metric: str | None = None
    step_sync: bool | None = None
    hidden: bool | None = None


def parse_aggregations(summary: str | None) -> tuple[str, ...]:
    """Return the aggregations of a comma list such as `min,max`; raise UsageError for others."""
    names = tuple(part.strip() for part in (summary or "").split(",") if part.strip())
    for name in names:
        if name not in {*AGGREGATIONS, "copy"}:
            raise UsageError(
                f"define_metric(summary={summary!r}): {name!r} is unknown; "
                f"use a comma list of {', '.join(AGGREGATIONS)}"
            )
    return tuple(name for name in names if name != "copy")


def definition_for(key: str, definitions: Mapping[str, Definition]) -> Definition | None:
    """Return what was defined for a metric: its own name first, then the longest glob."""
    exact = definitions.get(key)
    if exact is not None or not definitions:
        return exact
    globs = [name for name in definitions if "*" in name and fnmatchcase(key, name)]
    return definitions[max(globs, key=len)] if globs else None


def summarize(definition: Definition | None, stats: Mapping[str, Any]) -> Any:
    """Return a metric's summary from its statistics (first last min max mean); None: no entry.

    With a definition the summary is a dictionary as W&B's: `{"min": 0.1, "max": 0.3}`.
    """
    if definition is None or not definition.summary:
        return stats["last"]
    if "none" in definition.summary:
        return None
    best = "max" if definition.goal == "maximize" else "min"
    found = {name: stats[best if name == "best" else name] for name in definition.summary}
    return {name: value for name, value in found.items() if value is not None} or None

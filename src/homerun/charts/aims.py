"""What a picture is about: a metric, and whether more of it is better."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from homerun.core import UsageError
from homerun.insight import require_goal, require_metric

if TYPE_CHECKING:
    from pandas import DataFrame


def aim(df: "DataFrame", metric: str | None, goal: str | None) -> tuple[str, str]:
    """Return the metric and the goal: as asked, else what the table knows of its sweep."""
    name = metric or df.attrs.get("metric")
    if not name:
        columns = ", ".join(str(column) for column in df.columns[:12])
        raise UsageError(f"which metric? use metric=..., a column of the table: {columns}")
    require_metric(df, name)
    return name, goal_of(df.attrs, name, goal)


def goal_of(attrs: Mapping[Any, Any], metric: str | None, goal: str | None) -> str:
    """Return the goal: as asked, else what a table's attrs know of this metric, else minimize."""
    known = attrs.get("goal") if metric == attrs.get("metric") else None
    found = goal or known or "minimize"
    require_goal(found)
    return str(found)

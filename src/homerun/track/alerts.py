"""Alerts: messages that a run leaves for a person."""

from datetime import timedelta
from enum import StrEnum

from homerun.core import UsageError


class AlertLevel(StrEnum):
    """How urgent an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


def level_of(level: str | AlertLevel | None) -> AlertLevel:
    """Return the level of a name in any case; INFO for None."""
    name = str(level or "INFO").upper()
    if name not in AlertLevel.__members__:
        raise UsageError(f"alert(level={level!r}) is unknown; use one of {', '.join(AlertLevel)}")
    return AlertLevel[name]


def seconds(duration: float | timedelta | None) -> float:
    """Return a duration given in seconds or as a timedelta."""
    return duration.total_seconds() if isinstance(duration, timedelta) else float(duration or 0)

"""Numbers, times and sizes as a person reads them."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from homerun.core import duration as duration  # noqa: PLC0414  one of these words
from homerun.core import number as number  # noqa: PLC0414
from homerun.core import size as size  # noqa: PLC0414

_CHOSEN = 9  # characters; numbers of more were drawn, not written by a person


def numbers(values: Sequence[Any]) -> list[str]:
    """Return the values of a column of measurements, with the same decimals for all of them."""
    texts = ["" if value is None else cell(value) for value in values]
    if any("e" in text for text in texts if text[:1].isdigit() or text[:1] == "-"):
        return texts
    decimals = min(6, max((len(text.partition(".")[2]) for text in texts), default=0))
    return [
        f"{value:.{decimals}f}" if isinstance(value, float) and math.isfinite(value) else text
        for value, text in zip(values, texts, strict=True)
    ]


def cell(value: Any) -> str:
    """Return any value as short text: numbers rounded, text as it is, the rest as JSON."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, dict) and "_type" in value:  # media; where it lies says enough
        return " ".join(filter(None, [str(value["_type"]), str(value.get("path") or "")]))
    return json.dumps(value, default=str)


def exact(value: Any) -> str:
    """Return a value that a person chose, with all its digits: 0.00001 and not 1e-05."""
    if isinstance(value, float) and math.isfinite(value):
        text = number(value)
        return text if float(text) == value else repr(value)
    return cell(value)


def settings(config: Mapping[str, Any], *, between: str = " ") -> str:
    """Return what sets runs apart in one line, numbers that were drawn rounded: `lr=0.01348`."""
    return between.join(f"{key}={_brief(value)}" for key, value in config.items())


def _brief(value: Any) -> str:
    text = exact(value)
    return number(value) if isinstance(value, float) and len(text) > _CHOSEN else text


def share(value: float) -> str:
    """Return a part of 1 in percent: 52 %."""
    return f"{100 * value:.0f} %"


def ago(moment: float | None, now: float | None = None) -> str:
    """Return how long ago a moment was: now, 45s ago, 3m ago, 2h ago, 5d ago."""
    if moment is None:
        return ""
    seconds = (time.time() if now is None else now) - moment
    if seconds < 2:
        return "now"
    for length, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * length:
            return f"{int(seconds // length)}{unit} ago"
    return f"{int(seconds)}s ago"


def moment(at: float | None) -> str:
    """Return a moment in local time: 2026-11-23 10:15:00."""
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))

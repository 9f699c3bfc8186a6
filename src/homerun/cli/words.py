"""Numbers, times and sizes as a person reads them."""

import json
import math
import time
from collections.abc import Sequence
from typing import Any

_DIGITS = 4  # that a measured number is shown with
_LONGEST = 10  # characters of a number without exponent


def number(value: float) -> str:
    """Return a number with 4 digits that count, without an exponent where that stays short.

    0.0083746 is 0.008375 and 123456.7 is 123457; 0.00003 stays, 1.2345e-6 is 1.234e-06.
    What is no whole number does not become one by rounding: 0.99999 stays.
    """
    if isinstance(value, int) or not math.isfinite(value):
        return str(value)
    text = _rounded(value, _DIGITS)
    is_rounded_whole = "." not in text and "e" not in text and value % 1 != 0
    return _rounded(value, _DIGITS + 2) if is_rounded_whole and abs(value) < 1000 else text


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


def duration(seconds: float | None) -> str:
    """Return a time span with two units: 0.8s, 45s, 3m20s, 2h05m, 3d04h."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def ago(moment: float | None, now: float | None = None) -> str:
    """Return how long ago a moment was: now, 45s ago, 3m ago, 2h ago, 5d ago."""
    if moment is None:
        return ""
    seconds = (time.time() if now is None else now) - moment
    if seconds < 2:
        return "now"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{int(seconds // size)}{unit} ago"
    return f"{int(seconds)}s ago"


def moment(at: float | None) -> str:
    """Return a moment in local time: 2026-11-23 10:15:00."""
    return "" if at is None else time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def size(count: float) -> str:
    """Return a number of bytes: 512 B, 1.5 KiB, 12 MiB, 3.4 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.{0 if unit == 'B' or count >= 10 else 1}f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _rounded(value: float, digits: int) -> str:
    if value == 0 or not 1e-9 < abs(value) < 1e12:
        return f"{value:.{digits}g}"
    before = math.floor(math.log10(abs(value))) + 1  # digits before the point; negative: zeros
    text = f"{value:.{max(0, digits - before)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if len(text) <= _LONGEST or abs(value) >= 1 else f"{value:.{digits}g}"

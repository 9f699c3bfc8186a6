"""Values as a person reads them, in terminals, notebooks and pictures alike."""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

_DIGITS = 4  # that a measured number is shown with
_LONGEST = 10  # characters of a number without exponent
_FLAT = frozenset({str, int, float, bool, list, type(None)})


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


def duration(seconds: float | None) -> str:
    """Return a time span with two units: 0.8s, 45s, 3m20s, 2h05m, 3d04h."""
    if seconds is None or not math.isfinite(seconds):
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


def size(count: float) -> str:
    """Return a number of bytes: 512 B, 1.5 KiB, 12 MiB, 3.4 GiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.{0 if unit == 'B' or count >= 10 else 1}f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: 1 run, 2,000 runs."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shown(value: object) -> str:
    """Return any value as text: 0.008375, 12, crop, true, [1, 2]; nothing for a gap."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return "" if math.isnan(value) else number(value)
    if isinstance(value, str | int):
        return str(value)
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def printable(text: str) -> str:
    """Return text with a blank for what is no letter, such as a terminal's codes, a line's end."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested dictionaries as dotted keys; records of media (`_type`) stay whole."""
    if isinstance(document, dict) and _FLAT.issuperset(map(type, document.values())):
        return document
    return dict(leaves(document))


def leaves(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of nested dictionaries under dotted keys, as `flat` returns them."""
    for key, value in document.items():
        if isinstance(value, Mapping) and value and "_type" not in value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _rounded(value: float, digits: int) -> str:
    if value == 0 or not 1e-9 < abs(value) < 1e12:
        return f"{value:.{digits}g}"
    before = math.floor(math.log10(abs(value))) + 1  # digits before the point; negative: zeros
    text = f"{value:.{max(0, digits - before)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text if len(text) <= _LONGEST or abs(value) >= 1 else f"{value:.{digits}g}"

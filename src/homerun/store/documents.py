"""JSON in columns: valid for every SQLite client, with NaN and infinities kept."""

import json
import math
from collections.abc import Iterable
from typing import Any

# How JSON columns hold the numbers that JSON has none for.
NAMED = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def dumps(value: Any) -> str:
    """Return JSON in which a float that JSON has no number for is its name, as W&B does it."""
    try:
        return json.dumps(value, allow_nan=False, default=str)
    except ValueError:
        return json.dumps(_named(value), default=str)


def step_to(key: str) -> str:
    """Return the step of a path to a key; SQLite compares it with what `dumps` wrote."""
    return f".{json.dumps(key)}"


def loads(text: str) -> Any:
    """Return the value that `dumps` wrote."""
    value = json.loads(text)
    return _numbers(value) if '"NaN"' in text or 'Infinity"' in text else value


def loads_all(texts: Iterable[str]) -> list[Any]:
    """Return the values of many documents, several times as fast as one by one."""
    values: list[Any] = loads(f"[{','.join(texts)}]")
    return values


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _named(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_named(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_numbers(inner) for inner in value]
    return NAMED.get(value, value) if isinstance(value, str) else value

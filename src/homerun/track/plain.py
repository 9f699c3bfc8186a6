"""Configuration values as plain data: what a program uses becomes what a file can hold."""

import os
from collections.abc import Mapping
from enum import Enum
from typing import Any

_ARRAY_LIMIT = 1000  # elements; an array in a configuration is a mistake beyond that


def plain(value: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """Return None, booleans, numbers, text, lists and dictionaries; anything else as its text."""
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if isinstance(value, Enum):
        return plain(value.value)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset | range):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    if hasattr(type(value), "__dataclass_fields__"):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return _plain_array(value)


def as_dict(config: Any) -> dict[str, Any]:
    """Return a configuration given as a mapping, dataclass, argparse.Namespace or the like."""
    if config is None:
        return {}
    if isinstance(config, Mapping):
        return {str(key): value for key, value in config.items()}
    if hasattr(type(config), "__dataclass_fields__"):
        return {name: getattr(config, name) for name in config.__dataclass_fields__}
    try:
        return {key: value for key, value in vars(config).items() if not key.startswith("_")}
    except TypeError:
        return dict(config)


def _plain_array(value: Any) -> Any:
    """Return numbers of numpy and torch as numbers, small arrays as lists, the rest as text."""
    if hasattr(value, "tolist") and hasattr(value, "shape"):
        try:
            size = 1
            for length in value.shape:
                size *= int(length)
            if size <= _ARRAY_LIMIT:
                return plain(value.tolist())
        except (TypeError, ValueError, RuntimeError):
            return str(value)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return str(value)

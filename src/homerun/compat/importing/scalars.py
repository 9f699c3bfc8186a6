"""Text of tables and command lines as the values that it stands for."""

import re
from typing import Any

# YAML 1.2's core schema, chapter 10.3: 1e-5 is a number, and so is 1.
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {
    "nan": float("nan"),
    ".nan": float("nan"),
    "inf": float("inf"),
    ".inf": float("inf"),
    "infinity": float("inf"),
}
_WORDS: dict[str, Any] = {"true": True, "false": False}
ABSENT = {"", "null", "none", "~"}


def scalar(text: str) -> Any:
    """Return a number or boolean where the text is one, else the text; None for an empty one."""
    text = text.strip()
    lower = text.lower()
    if lower in ABSENT:
        return None
    if lower in _WORDS:
        return _WORDS[lower]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    special = _SPECIAL.get(lower.lstrip("+-"))
    if special is not None:
        return -special if lower.startswith("-") else special
    return text


def column(texts: list[str]) -> list[Any]:
    """Return the values of a column of one type: integers, floats, booleans or text.

    A single word among numbers makes all of them text, as they were; an empty cell is None.
    """
    values = [scalar(text) for text in texts]
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return [float(value) if isinstance(value, int) else value for value in values]
    if len(kinds) > 1:
        return [None if value is None else text for value, text in zip(values, texts, strict=True)]
    return values

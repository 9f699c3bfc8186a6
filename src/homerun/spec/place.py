"""Where in a sweep file a value stands, so that every refusal can say so in one line."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from homerun.core import SpecError

Key = str | int
T = TypeVar("T")

_SHOWN = 60  # characters of a value that an error quotes


@dataclass(slots=True)
class Node:
    """A value of a file with its line; mappings also keep the line of each key."""

    value: Any  # scalar, list[Node] or dict[str, tuple[int, Node]]
    line: int  # from 1
    size: int = 1  # values inside, aliases unfolded
    height: int = 0  # levels inside

    def plain(self) -> Any:
        """Return the value without lines."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, (_, node) in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def line_of(self, path: tuple[Key, ...]) -> int:
        """Return the line of the deepest part of a key path that exists."""
        node, line = self, self.line
        for key in path:
            if isinstance(node.value, dict) and key in node.value:
                line, node = node.value[key]
            elif isinstance(node.value, list) and isinstance(key, int) and key < len(node.value):
                node = node.value[key]
                line = node.line
            else:
                break
        return line


@dataclass(frozen=True)
class Place:
    """A key path inside one sweep file or dictionary."""

    source: str
    root: Node | None = None  # knows the lines; None for a dictionary
    path: tuple[Key, ...] = ()

    def at(self, *keys: Key) -> "Place":
        """Return the place further inside."""
        return replace(self, path=(*self.path, *keys))

    def error(self, text: str) -> SpecError:
        """Return the error that says file, line, key path and what is wrong."""
        line = f":{self.root.line_of(self.path)}" if self.root else ""
        path = f"{dotted(self.path)}: " if self.path else ""
        return SpecError(" ".join(f"{self.source}{line}: {path}{text}".splitlines()))

    def note(self, text: str) -> str:
        """Return a remark about this place."""
        return f"{dotted(self.path)}: {text}"


def dotted(path: tuple[Key, ...]) -> str:
    """Write a key path as people do: `parameters.lr.values[2]`."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            text += ("." if text else "") + (key if key.isprintable() else repr(key))
    return text if len(text) <= 3 * _SHOWN else text[: 3 * _SHOWN] + "..."


def shown(value: object) -> str:
    """Quote a value in one short line."""
    try:
        text = repr(value if not isinstance(value, str | list | dict) else _cut(value))
    except ValueError:  # Python refuses to write integers of over 4,300 digits
        return "a huge number"
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _cut(value: str | list[object] | dict[str, object]) -> object:
    if isinstance(value, dict):
        return dict(list(value.items())[:_SHOWN])
    return value[: _SHOWN + 1]


def nearest(word: object, allowed: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the allowed word most like this one, or nothing."""
    close = difflib.get_close_matches(str(word)[:_SHOWN], list(allowed), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def one_of(value: object, allowed: Iterable[T], place: Place) -> T:
    """Return the value if it is one of the allowed words."""
    words = list(allowed)
    for word in words:
        if isinstance(value, str) and word == value:
            return word
    names = [str(word) for word in words]
    raise place.error(
        f"{shown(value)} is unknown; use {'one of ' if len(names) > 1 else ''}{', '.join(names)}"
        f"{nearest(value, names)}"
    )


def whole(value: object, place: Place, *, fewest: int | None = None) -> int:
    """Return a whole number that is not too small."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not isinstance(value, int) or not is_whole or (fewest is not None and value < fewest):
        least = "" if fewest is None else f" of at least {fewest}"
        raise place.error(f"must be a whole number{least}, not {shown(value)}")
    if value.bit_length() > 63:  # what the database can hold
        raise place.error(f"{shown(value)} is too large; use at most {2**63 - 1}")
    return value

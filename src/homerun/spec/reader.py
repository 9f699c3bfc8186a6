"""YAML text into plain values and the lines they stand on.

Plain scalars are read by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema),
so `1e-5` is a number and `no` is a text. Repeated keys, keys that are not text, tags of programming
languages and aliases that unfold without end are refused. `<<` merges mappings as YAML 1.1 had it.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from homerun.core import SpecError
from homerun.spec.place import Key, Node, Place, shown

MAX_DEPTH = 64
MAX_VALUES = 1_000_000  # after aliases are unfolded
MAX_BITS = 4096  # of an integer

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_ZERO = "a text holds a zero character, which no program can be given"
_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


def read(text: str, source: str) -> Node:
    """Return the one document of a YAML text."""
    try:
        text.encode()
        return _Reader(text, source).document()
    except UnicodeEncodeError as error:
        raise SpecError(
            f"{source}: half a character at position {error.start}; use UTF-8"
        ) from None
    except yaml.MarkedYAMLError as error:
        raise SpecError(f"{source}{_explained(error, text)}") from None
    except yaml.YAMLError as error:
        raise SpecError(f"{source}: not valid YAML: {' '.join(str(error).split())}") from None


def scalar(text: str) -> str | int | float | bool | None:
    """Return what an unquoted text means in YAML 1.2; ValueError for a number too large."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        whole = int(text, 0 if text[:2] in ("0o", "0x") else 10)
        if whole.bit_length() > MAX_BITS:
            raise ValueError
        return whole
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError
        return number
    if _INFINITE.fullmatch(text):
        return -math.inf if text[0] == "-" else math.inf
    return text


def plain(value: object, source: str) -> Any:
    """Return a Python value as YAML would hold it: tuples as lists, numpy's numbers as numbers."""
    count = itertools.count(1)

    def walk(value: object, path: tuple[Key, ...]) -> Any:
        if next(count) > MAX_VALUES or len(path) > MAX_DEPTH:
            raise Place(source, path=path).error(
                f"over {MAX_VALUES:,} values, or nested over {MAX_DEPTH} levels"
            )
        if hasattr(value, "tolist"):  # numpy's scalars and arrays, without importing numpy
            value = value.tolist()
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise Place(source, path=path).error(
                        f"key {shown(key)} is not text; put it in quotes"
                    )
            return {walk(key, path): walk(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list | tuple | range):
            return [walk(item, (*path, i)) for i, item in enumerate(value)]
        return _plain_scalar(value, Place(source, path=path))

    return walk(value, ())


def _plain_scalar(value: object, place: Place) -> str | int | float | bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise place.error(f"half a character in {shown(value)}; use UTF-8")
        if "\0" in value:
            raise place.error(_ZERO)
        return str(value)
    if isinstance(value, int):
        if value.bit_length() > MAX_BITS:
            raise place.error(f"an integer of over {MAX_BITS} bits is too large")
        return int(value)
    if isinstance(value, float):
        return float(value)
    raise place.error(
        f"{shown(value)} is a {type(value).__name__}; "
        "use text, numbers, true, false, null, lists and dictionaries"
    )


class _Reader:
    """Builds nodes from the parser's events; goes down one call for each level, at most 64."""

    def __init__(self, text: str, source: str) -> None:
        self.source = source
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self.anchors: dict[str, Node] = {}

    def error(self, event: Any, text: str) -> SpecError:
        return SpecError(" ".join(f"{self.source}:{_line(event)}: {text}".splitlines()))

    def document(self) -> Node:
        next(self.events)  # start of the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            raise SpecError(
                f"{self.source}: is empty; a sweep needs at least method: and parameters:"
            )
        root = self.node(next(self.events), 0)
        next(self.events)  # end of the document
        event = next(self.events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self.error(event, "a second document begins; a sweep file holds one")
        return root

    def node(self, event: Any, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.error(event, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in self.anchors:
                raise self.error(
                    event, f"*{event.anchor} stands before, or inside, its &{event.anchor}"
                )
            target = self.anchors[event.anchor]
            if depth + target.height > MAX_DEPTH:
                raise self.error(event, f"nested deeper than {MAX_DEPTH} levels")
            return Node(target.value, _line(event), target.size, target.height)
        if isinstance(event, yaml.ScalarEvent):
            node = Node(self.scalar(event), _line(event))
        elif isinstance(event, yaml.SequenceStartEvent):
            self.check_tag(event, "seq")
            node = self.sequence(event, depth)
        else:
            self.check_tag(event, "map")
            node = self.mapping(event, depth)
        if node.size > MAX_VALUES:
            raise self.error(event, f"over {MAX_VALUES:,} values when the aliases are unfolded")
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def check_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", _TAG + kind):
            raise self.error(event, f"tag {event.tag!r} is not allowed; use plain YAML values")

    def scalar(self, event: Any) -> Any:
        text = str(event.value)
        if "\0" in text:
            raise self.error(event, _ZERO)
        try:
            if event.tag is None:
                return scalar(text) if event.implicit[0] else text
            if event.tag in ("!", _TAG + "str"):
                return text
            kind = _TAGGED.get(event.tag)
            value = scalar(text)
            if kind and isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
                return float(value) if kind == (int, float) else value
        except (ValueError, OverflowError):
            raise self.error(event, f"{text[:40]} is too large a number") from None
        if kind:
            raise self.error(event, f"{text[:40]!r} does not fit its tag")
        raise self.error(event, f"tag {event.tag!r} is not allowed; use plain YAML values")

    def sequence(self, start: Any, depth: int) -> Node:
        items = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return _around(items, items, start)

    def mapping(self, start: Any, depth: int) -> Node:
        items: dict[str, tuple[int, Node]] = {}
        merged: list[Node] = []
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self.node(event, depth + 1).value
            if not isinstance(key, str):
                if isinstance(key, list | dict):
                    raise self.error(event, "a key is a list or mapping; use text")
                raise self.error(event, f"key {shown(key)} is not text; put it in quotes")
            is_merge = key == "<<" and isinstance(event, yaml.ScalarEvent) and event.implicit[0]
            if key in items or (is_merge and merged):
                raise self.error(event, f"key {shown(key)} appears twice")
            node = self.node(next(self.events), depth + 1)
            if is_merge:
                merged = node.value if isinstance(node.value, list) else [node]
                if not all(isinstance(one.value, dict) for one in merged):
                    raise self.error(event, "<< takes a mapping, or a list of mappings")
            else:
                items[key] = (_line(event), node)
        for one in merged:
            items = {**one.value, **items}
        return _around(items, [node for _, node in items.values()], start)


_TAGGED: dict[str, Any] = {
    _TAG + "int": int,
    _TAG + "float": (int, float),
    _TAG + "bool": bool,
    _TAG + "null": type(None),
}


def _around(value: Any, inner: list[Node], start: Any) -> Node:
    return Node(
        value,
        _line(start),
        1 + sum(node.size for node in inner),
        1 + max((node.height for node in inner), default=0),
    )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _explained(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return the line and what the parser says about it."""
    mark, told = error.problem_mark, f"not valid YAML: {error.problem}"
    if error.context and error.context_mark:
        told += f" {error.context} from line {error.context_mark.line + 1}"
    if mark is None:
        return f": {told}"
    lines = text.split("\n")
    if mark.line < len(lines) and "\t" in lines[mark.line]:
        told += "; indent with spaces, not tabs"
    return f":{mark.line + 1}: {' '.join(told.split())}"

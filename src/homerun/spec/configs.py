"""`homerun.configs`: the very configurations that a sweep runs, in place of a search."""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from homerun.spec.grid import nest
from homerun.spec.parameters import Parameter
from homerun.spec.place import Place, nearest, shown

_METHODS = ("grid", "custom")  # of the others a model or chance decides what is run


def parse_configs(
    raw: object, place: Place, parameters: Sequence[Parameter], method: str
) -> tuple[Mapping[str, Any], ...]:
    """Return the configurations of a list, each with a value for every parameter.

    Nested parameters are written nested or with dots. Constant ones may be left out.
    """
    if method not in _METHODS:
        raise place.error(f"goes with method: {' or '.join(_METHODS)}, not {method}")
    if not isinstance(raw, list) or not raw:
        raise place.error(
            f"must list configurations such as {{lr: 0.1, size: 224}}, not {shown(raw)}"
        )
    found: dict[str, int] = {}
    configs = []
    for number, one in enumerate(raw):
        config = _config(one, place.at(number), parameters)
        first = found.setdefault(json.dumps(config, sort_keys=True), number)
        if first != number:
            raise place.at(number).error(
                f"is the same configuration as configs[{first}]; to run all again use repeats:"
            )
        configs.append(config)
    return tuple(configs)


def _config(raw: object, place: Place, parameters: Sequence[Parameter]) -> dict[str, Any]:
    if not isinstance(raw, dict) or not raw:
        raise place.error(
            f"must name parameters and their values, such as lr: 0.1, not {shown(raw)}"
        )
    by_path = {p.path: p for p in parameters}
    dotted = {p.name: p.path for p in parameters}
    given: dict[tuple[str, ...], Any] = {}
    for path, value in leaves(raw, set(by_path)):
        name = ".".join(path)
        if name not in dotted:
            raise place.error(
                f"{name!r} is no parameter of the sweep; it has {', '.join(dotted)}"
                f"{nearest(name, dotted)}"
            )
        given[dotted[name]] = value
    for path, p in by_path.items():
        if path not in given and p.distribution != "constant":
            raise place.error(f"has no value of {p.name}; give each parameter one")
        if path in given and p.values and as_text(given[path]) not in map(as_text, p.values):
            raise place.error(
                f"{p.name}: {shown(given[path])} is none of its values; list it under parameters:"
            )
        given.setdefault(path, p.values[0] if p.values else None)
    return nest((path, copy.deepcopy(given[path])) for path in by_path)


def as_text(value: Any) -> str:
    """Return a value as text that is the same for equal values of one kind."""
    return json.dumps(value, sort_keys=True)


def leaves(
    raw: Mapping[str, Any], paths: set[tuple[str, ...]], outer: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value with its keys; a mapping that is the value of a parameter stays whole."""
    for key, value in raw.items():
        path = (*outer, key)
        is_group = any(known[: len(path)] == path and known != path for known in paths)
        if isinstance(value, dict) and is_group:
            yield from leaves(value, paths, path)
        else:
            yield path, value

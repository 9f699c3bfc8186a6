"""For what a finding holds: the data set, task and model it was found with."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from homerun.insight.table import show

_KINDS = {  # what it is called here: what people call it
    "dataset": "dataset data_set dataset_name data_name",
    "task": "task task_name",
    "split": "split data_split",
    "model_family": "model_family family backbone_family",
    "model": "model model_name arch architecture backbone encoder",
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_MANY = 50  # values, above which a parameter says nothing of where a finding holds


def kind_of(name: str) -> str | None:
    """Return what a parameter says of the scope (`dataset`, `model`, ...), None where nothing.

    Nested ones count, too: `model.name` is `model_name`.
    """
    parts = name.lower().replace("-", "_").split(".")
    return _KIND_OF.get("_".join(parts[-2:])) or _KIND_OF.get(parts[-1])


def scope_of(columns: Mapping[str, Sequence[Any]], *, of: str = "") -> dict[str, Any]:
    """Return the scope that columns of values tell, without that of the parameter `of` itself.

    A kind with several values has the list of them.
    """
    found: dict[str, Any] = {}
    for name, values in columns.items():
        kind = kind_of(name)
        distinct = {show(value): value for value in values if value is not None}
        if kind is None or name == of or kind in found or not 0 < len(distinct) <= _MANY:
            continue
        found[kind] = next(iter(distinct.values())) if len(distinct) == 1 else [*distinct.values()]
    return found


def differences(scope: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    """Return what is outside of a scope here, such as `dataset digits, here mnist`.

    What only one of the two names is no difference; nor is the program.
    """
    found = []
    for kind, value in scope.items():
        if kind == "program" or kind not in here:
            continue
        known, asked = _texts(value), _texts(here[kind])
        if beyond := [text for text in asked if text not in known]:
            found.append(f"{kind} {_few(known)}, here {_few(beyond)}")
    return found


def is_same(scope: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether two findings speak of the same: then one may contradict the other.

    They name the same, and one data set, or without any data set one project.
    """
    named = {*scope, *other} - {"program", "project"}
    if any(sorted(_texts(scope.get(k))) != sorted(_texts(other.get(k))) for k in named):
        return False
    return "dataset" in named or scope.get("project") == other.get("project")


def joined(scopes: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the scope of several findings together: all values of each kind."""
    found: dict[str, dict[str, Any]] = {}
    for scope in scopes:
        for kind, value in scope.items():
            found.setdefault(kind, {}).update(dict.fromkeys(_texts(value)))
    return {kind: [*texts] for kind, texts in found.items()}


def told(scope: Mapping[str, Any]) -> str:
    """Return a scope for people: `dataset=digits, model=vit`."""
    return ", ".join(f"{kind}={_few(_texts(value))}" for kind, value in scope.items())


def _texts(value: Any) -> list[str]:
    return [] if value is None else [show(one) for one in (value if _is_list(value) else [value])]


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _few(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - 3} more" if len(texts) > 4 else ""
    return ", ".join(texts if not more else texts[:3]) + more

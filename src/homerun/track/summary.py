"""`run.summary`: of every metric the last value, or what define_metric asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

Changed = Callable[[dict[str, Any], list[str]], None]  # set keys and their values, deleted keys


class Summary(MutableMapping[str, Any]):
    """The summary of a run, by item and by attribute; what is set by hand is recorded at once.

    `log({"a": {"b": 1}})` gives the key "a.b", which `summary["a"]["b"]` finds, too.
    """

    def __init__(self, changed: Changed, clock: Callable[[], dict[str, Any]]) -> None:
        vars(self).update(_values={}, _changed=changed, _clock=clock)

    _values: dict[str, Any]
    _changed: Changed
    _clock: Callable[[], dict[str, Any]]  # _step, _timestamp, _runtime, once something was logged

    def __getitem__(self, key: str) -> Any:
        if key in self._values:
            return self._view(key, self._values[key])
        clock = self._clock()
        if key in clock:
            return clock[key]
        below = {k[len(key) + 1 :]: v for k, v in self._values.items() if k.startswith(f"{key}.")}
        if not below:
            raise KeyError(key)
        return _nested(below)

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._changed({}, [key])

    def __iter__(self) -> Iterator[str]:
        return iter({**self._values, **self._clock()})

    def __len__(self) -> int:
        return len(self._values) + len(self._clock())

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"the summary has no key {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __delattr__(self, name: str) -> None:
        del self[name]

    def __repr__(self) -> str:
        return repr({**self._values, **self._clock()})

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self]

    def update(self, *args: Any, **values: Any) -> None:
        """Set several keys; a nested dictionary replaces the one that was there."""
        new = dict(*args, **values)
        self._values.update(new)
        if new:
            self._changed(new, [])

    def _view(self, key: str, value: Any) -> Any:
        return Inner(value, lambda: self.update({key: value})) if type(value) is dict else value


class Inner(MutableMapping[str, Any]):
    """A dictionary inside the summary; a change in it is a change of the summary."""

    def __init__(self, values: dict[str, Any], changed: Callable[[], None]) -> None:
        self._values = values
        self._changed = changed

    def __getitem__(self, key: str) -> Any:
        value = self._values[key]
        return Inner(value, self._changed) if type(value) is dict else value

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = value
        self._changed()

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._changed()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


def _nested(dotted: Mapping[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for key, value in dotted.items():
        *path, last = key.split(".")
        inner = nested
        for name in path:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return nested

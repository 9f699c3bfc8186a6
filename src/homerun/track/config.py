"""`run.config`: what the run was called with, by item and by attribute, kept from silent change."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from homerun.core import ConfigError, UsageError
from homerun.track.plain import as_dict, plain


class Config:
    """The configuration of a run. Values are kept as the program gave them.

    Changing a key raises ConfigError unless `update(..., allow_val_change=True)` says that it is
    meant. Keys that a sweep has set stay as they are: changing them does nothing.
    """

    # As in W&B `vars(config)["_items"]` is the dictionary; integrations read it.
    def __init__(self, changed: Callable[[], None], *, allow_val_change: bool = False) -> None:
        vars(self).update(
            _items={}, _locked=frozenset(), _changed=changed, _allow_val_change=allow_val_change
        )

    _items: dict[str, Any]
    _locked: frozenset[str]
    _changed: Callable[[], None]
    _allow_val_change: bool

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __getattr__(self, name: str) -> Any:
        try:
            return vars(self)["_items"][name]
        except KeyError:
            raise AttributeError(f"the configuration has no key {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return repr(self._items)

    def __dir__(self) -> Iterable[str]:
        return [*super().__dir__(), *self._items]

    def keys(self) -> Iterable[str]:
        """Return the keys in the order in which they were set."""
        return self._items.keys()

    def values(self) -> Iterable[Any]:
        """Return the values in the order of the keys."""
        return self._items.values()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Return pairs of key and value."""
        return self._items.items()

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default when it is not set."""
        return self._items.get(key, default)

    def as_dict(self) -> dict[str, Any]:
        """Return a copy as a plain dictionary."""
        return dict(self._items)

    def update(self, d: Any, allow_val_change: bool | None = None) -> None:
        """Set keys from a mapping, dataclass or argparse.Namespace; nothing is set if one may not.

        Raises ConfigError when a key would change and `allow_val_change` is not true.
        """
        if allow_val_change is None:
            allow_val_change = self._allow_val_change or "ipykernel" in sys.modules
        new = {key: value for key, value in as_dict(d).items() if key not in self._locked}
        if not allow_val_change:
            for key, value in new.items():
                self._check(key, value)
        self._items.update(new)
        if new:
            self._changed()

    def setdefaults(self, d: Any) -> None:
        """Set the keys that are not set yet."""
        self.update({key: value for key, value in as_dict(d).items() if key not in self._items})

    def start(self, values: Mapping[str, Any], locked: Mapping[str, Any]) -> None:
        """Take the first values; those of the sweep win and stay, nested ones leaf by leaf."""
        self._items.update(_merged(values, locked))
        vars(self)["_locked"] = frozenset(locked)

    def _check(self, key: str, value: Any) -> None:
        if key not in self._items or self._items[key] is value:
            return
        if plain(self._items[key]) != plain(value):
            raise ConfigError(
                f'Attempted to change value of key "{key}" from {self._items[key]} to {value}\n'
                "If you really want to do this, pass allow_val_change=True to config.update()"
            )


def read_config(
    config: Any, *, exclude: str | Iterable[str] | None, include: str | Iterable[str] | None
) -> dict[str, Any]:
    """Return what `init(config=...)` was given: a mapping, dataclass, Namespace or YAML file."""
    if exclude and include:
        raise UsageError(
            "config_exclude_keys and config_include_keys were both given; use one of them"
        )
    values = _read_yaml(Path(config)) if isinstance(config, str | Path) else as_dict(config)
    if include:
        wanted = _names(include)
        return {key: value for key, value in values.items() if key in wanted}
    unwanted = _names(exclude)
    return {key: value for key, value in values.items() if key not in unwanted}


def _read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of `key: value` or, as W&B writes it, `key: {value: ...}`."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"init(config={str(path)!r}): {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"init(config={str(path)!r}): byte {error.start} is no UTF-8; save the file as UTF-8"
        ) from error
    return read_values(text, str(path))


def read_values(text: str, source: str) -> dict[str, Any]:
    """Return the values of a YAML text, without W&B's wrapping `{value: ..., desc: ...}`."""
    from homerun.spec import read  # noqa: PLC0415 - few programs need it

    values = read(text, source).plain()
    if not isinstance(values, dict):
        raise UsageError(f"{source}: a configuration must hold `key: value` lines")
    return {
        key: value["value"]
        if isinstance(value, dict) and "value" in value and not set(value) - {"value", "desc"}
        else value
        for key, value in values.items()
        if key != "wandb_version"
    }


def _names(names: str | Iterable[str] | None) -> set[str]:
    if isinstance(names, str):
        names = names.split(",")
    return {name.strip() for name in names or ()}


def _merged(values: Mapping[str, Any], winner: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in winner.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(below, value) if both else value  # type: ignore[arg-type]
    return merged

"""Packages whose names are loaded when they are first used, so that a start is light (PEP 562)."""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def attach(package: str, places: Mapping[str, str]) -> None:
    """Let a package load its public names on demand; `places`: submodule, the names in it."""
    module = sys.modules[package]
    module.__dict__["_homes"] = {
        name: place for place, names in places.items() for name in names.split()
    }
    module.__class__ = _LazyPackage


class _LazyPackage(ModuleType):
    _homes: dict[str, str]

    def __getattr__(self, name: str) -> Any:
        place = self._homes.get(name)
        if place is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{self.__name__}.{place}"), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a submodule sets its name here: `fold` must stay the function of that name.
        if not (name in self._homes and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._homes})

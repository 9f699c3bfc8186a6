"""Packages whose names are loaded when they are first used, so that a start is light (PEP 562)."""

import sys
from collections.abc import Mapping
from importlib import import_module
from types import ModuleType
from typing import Any


def attach(package: str, places: Mapping[str, str], *, extra: str = "", needing: str = "") -> None:
    """Let a package load its public names on demand; `places`: submodule, the names in it.

    `extra`: of homerun, with the libraries that those submodules import; `needing`: how to say so
    where they are missing, else by the package's name.
    """
    module = sys.modules[package]
    module.__dict__["_extra"] = extra
    module.__dict__["_needing"] = needing or f"{package.rpartition('.')[2]} needs"
    module.__dict__["_homes"] = {
        name: place for place, names in places.items() for name in names.split()
    }
    module.__class__ = _LazyPackage


def make_callable(package: str, place: str) -> None:
    """Let a package that `attach` has seen be called, too; `place`: module:function, called then.

    For a package that has the name of one of W&B's functions.
    """
    sys.modules[package].__dict__["_call"] = place


class _LazyPackage(ModuleType):
    _homes: dict[str, str]
    _extra: str
    _needing: str
    _call: str

    def __call__(self, *args: Any, **options: Any) -> Any:
        if "_call" not in self.__dict__:
            raise TypeError(f"module {self.__name__!r} cannot be called")
        place, _, name = self._call.partition(":")
        return getattr(import_module(place), name)(*args, **options)

    def __getattr__(self, name: str) -> Any:
        place = self._homes.get(name)
        if place is None:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(self._load(place), name)
        setattr(self, name, value)
        return value

    def _load(self, place: str) -> ModuleType:
        try:
            return import_module(f"{self.__name__}.{place}")
        except ModuleNotFoundError as error:
            if not self._extra or (error.name or "").startswith("homerun"):
                raise
            from homerun.core import MissingExtraError  # noqa: PLC0415  the core is lazy itself

            missing = f"{self._needing}: pip install 'homerun[{self._extra}]'"
            raise MissingExtraError(missing) from error

    def __setattr__(self, name: str, value: Any) -> None:
        # Importing a submodule sets its name here: `fold` must stay the function of that name.
        if not (name in self._homes and isinstance(value, ModuleType)):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._homes})

"""What all of the Api reads alike: collections, once, and times as W&B writes them."""

from abc import abstractmethod
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar, overload

T = TypeVar("T")


class Listed(Sequence[T]):
    """A collection of the home, read when it is first asked for."""

    @abstractmethod
    def _read(self) -> list[T]:
        """Return all that is in it."""

    @cached_property
    def _all(self) -> list[T]:
        return self._read()

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: Any) -> Any:
        return self._all[index]


def iso(seconds: float) -> str:
    """Return a time since the epoch as `2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""Where an Api looks: one home, and the names that W&B's paths need."""

import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from homerun.core import UsageError
from homerun.store import Store, settle

_KINDS = ("runs", "sweeps", "artifacts", "groups", "reports")


@dataclass(frozen=True)
class User:
    """The one user of a home."""

    username: str
    name: str
    email: None = None
    admin: bool = True

    @property
    def id(self) -> str:
        """Return the name of the user: nobody else is here."""
        return self.username

    @property
    def entity(self) -> str:
        """Return the entity of the user's runs."""
        return self.username

    @property
    def teams(self) -> list[str]:
        """Return no team."""
        return []

    @property
    def api_keys(self) -> list[str]:
        """Return no key: a home needs none."""
        return []


@dataclass(frozen=True)
class Place:
    """A home; a connection to it is opened for each question, so it may cross threads and forks."""

    home: Path
    entity: str

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Give an open store."""
        with Store(self.home, may_be_read_only=True) as store:
            yield store

    @contextmanager
    def settled(self) -> Iterator[Store]:
        """Give an open store in which states are true and journals folded."""
        with self.store() as store:
            settle(store)
            yield store


class Address(NamedTuple):
    """The parts of a path; those it does not have are empty."""

    entity: str = ""
    project: str = ""
    id: str = ""
    kind: str = ""  # runs, sweeps..., where the path says it


def user_name() -> str:
    """Return the name of the user of this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry for the user, no variable
        return str(os.getuid())


def read_address(path: str) -> Address:
    """Take `entity/project/id`, `project/id`, `id` or the address of a W&B page apart."""
    parts = _parts(path)
    kind = ""
    if len(parts) >= 3 and parts[-2] in _KINDS:
        kind = parts.pop(-2)
    if not 1 <= len(parts) <= 3:
        raise UsageError(
            f"the path {path!r} is not valid; write entity/project/id, project/id or id"
        )
    entity, project, run_id = ["", "", *parts][-3:]
    return Address(entity, project, run_id, kind)


def read_project(path: str | None) -> Address:
    """Take `entity/project` or `project` apart; nothing means all projects."""
    parts = _parts(path or "")
    if len(parts) > 2:
        raise UsageError(f"the path {path!r} is not valid; write entity/project or project")
    entity, project = ["", "", *parts][-2:]
    return Address(entity, project)


def _parts(path: str) -> list[str]:
    if not isinstance(path, str):
        raise UsageError(f"the path {path!r} is not valid; write entity/project/id as a text")
    _, is_page, rest = path.partition("://")
    parts = (rest.split("?")[0] if is_page else path).strip("/").split("/")
    return [part for part in (parts[1:] if is_page else parts) if part]

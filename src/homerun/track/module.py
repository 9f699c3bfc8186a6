"""The calls that go to the current run: `homerun.log(...)` is `homerun.run.log(...)`."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from homerun.track import current

if TYPE_CHECKING:
    from homerun.core import Definition
    from homerun.track.run import ActiveRun


def current_run() -> "ActiveRun | None":
    """Return the run that `homerun.log` writes to, None before init and after finish."""
    return current.run()


def log(
    data: Mapping[str, Any] | None = None, step: int | None = None, commit: bool | None = None
) -> None:
    """Record a row of values of the current run; see ActiveRun.log."""
    current.need("log()").log(data, step, commit)


def define_metric(name: str, *args: Any, **options: Any) -> "Definition":
    """Say what the summary of a metric is; see ActiveRun.define_metric."""
    return current.need("define_metric()").define_metric(name, *args, **options)


def alert(title: str, *args: Any, **options: Any) -> None:
    """Record a message and print it; see ActiveRun.alert."""
    current.need("alert()").alert(title, *args, **options)


def save(glob_str: str | os.PathLike[str], *args: Any, **options: Any) -> list[str]:
    """Keep files with the current run; see ActiveRun.save."""
    return current.need("save()").save(glob_str, *args, **options)


def restore(name: str, *args: Any, **options: Any) -> TextIO:
    """Bring back a saved file; see ActiveRun.restore."""
    return current.need("restore()").restore(name, *args, **options)


def log_code(*args: Any, **options: Any) -> list[str]:
    """Keep source files with the current run; see ActiveRun.log_code."""
    return current.need("log_code()").log_code(*args, **options)


def watch(*models: Any, **options: Any) -> None:
    """Accept W&B's call; gradients are not recorded."""
    current.need("watch()").watch(*models, **options)


def unwatch(*models: Any) -> None:
    """Accept W&B's call."""
    current.need("unwatch()").unwatch(*models)


def mark_preempting() -> None:
    """Say that the current run is being preempted."""
    current.need("mark_preempting()").mark_preempting()


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the current run; without one nothing happens."""
    run = current.run()
    if run is not None:
        run.finish(exit_code, quiet)


def setup(*_args: Any, **_options: Any) -> None:
    """Accept W&B's call: there is no service to start."""


def teardown(exit_code: int | None = None) -> None:
    """End all runs of this process."""
    for run in current.active():
        run.finish(exit_code)


def login(*_args: Any, **_options: Any) -> bool:
    """Accept W&B's call: there is nothing to log in to."""
    return True


class BeforeInit:
    """`homerun.config` and `homerun.summary`, also for who imported them before init."""

    def __init__(self, name: str) -> None:
        vars(self)["_name"] = name

    def _target(self, what: str) -> Any:
        name = vars(self)["_name"]
        return getattr(current.need(f"{name}{what}"), name)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return getattr(self._target(f".{key}"), key)

    def __setattr__(self, key: str, value: Any) -> None:
        setattr(self._target(f".{key}"), key, value)

    def __getitem__(self, key: str) -> Any:
        return self._target(f"[{key!r}]")[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._target(f"[{key!r}]")[key] = value

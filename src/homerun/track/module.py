"""The calls that go to the current run: `homerun.log(...)` is `homerun.run.log(...)`."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from homerun.track import current

if TYPE_CHECKING:
    from homerun.core import Definition
    from homerun.track.artifacts import Artifact
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


def log_artifact(
    artifact_or_path: "Artifact | str | os.PathLike[str]", *args: Any, **options: Any
) -> "Artifact":
    """Keep a version of an artifact; see ActiveRun.log_artifact."""
    return current.need("log_artifact()").log_artifact(artifact_or_path, *args, **options)


def use_artifact(artifact_or_name: "Artifact | str", *args: Any, **options: Any) -> "Artifact":
    """Return an artifact that the current run works with; see ActiveRun.use_artifact."""
    return current.need("use_artifact()").use_artifact(artifact_or_name, *args, **options)


def link_artifact(artifact: "Artifact", *args: Any, **options: Any) -> "Artifact | None":
    """Make a version also one of another artifact; see ActiveRun.link_artifact."""
    return current.need("link_artifact()").link_artifact(artifact, *args, **options)


def upsert_artifact(*args: Any, **options: Any) -> "Artifact":
    """Add a part to an artifact of several runs; see ActiveRun.upsert_artifact."""
    return current.need("upsert_artifact()").upsert_artifact(*args, **options)


def finish_artifact(*args: Any, **options: Any) -> "Artifact":
    """Log an artifact of several runs; see ActiveRun.finish_artifact."""
    return current.need("finish_artifact()").finish_artifact(*args, **options)


def log_model(path: str | os.PathLike[str], *args: Any, **options: Any) -> "Artifact":
    """Keep a version of a model; see ActiveRun.log_model."""
    return current.need("log_model()").log_model(path, *args, **options)


def use_model(name: str) -> str:
    """Return the path of a logged model; see ActiveRun.use_model."""
    return current.need("use_model()").use_model(name)


def link_model(path: str | os.PathLike[str], *args: Any, **options: Any) -> "Artifact | None":
    """Log a model and register it; see ActiveRun.link_model."""
    return current.need("link_model()").link_model(path, *args, **options)


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

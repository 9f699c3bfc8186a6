"""`homerun.init()`: what a program asks for, and which run it gets."""

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from homerun.core import UsageError
from homerun.track import current
from homerun.track.beginning import begin, disabled
from homerun.track.config import read_config
from homerun.track.run import ActiveRun
from homerun.track.settings import Request, Settings, settings_from
from homerun.track.terminal import silence, termlog, termwarn


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002, ARG001 - all is kept in the home
    id: str | None = None,  # noqa: A002 - W&B's name
    name: str | None = None,
    notes: str | None = None,
    tags: str | Iterable[str] | None = None,
    config: Any = None,
    config_exclude_keys: str | Iterable[str] | None = None,
    config_include_keys: str | Iterable[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,  # noqa: ARG001 - nobody has to log in
    anonymous: str | bool | None = None,  # noqa: ARG001
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
) -> ActiveRun:
    """Begin a run, or go on with one, and make it the one that `homerun.log` writes to.

    The arguments are W&B's. `config` is a mapping, dataclass, Namespace or the path of a YAML file.
    With mode="disabled" nothing is written; all other modes are local. `dir`, `force` and
    `anonymous` mean nothing here. What is not given is looked for in `settings`, then in the
    environment: HOMERUN_PROJECT, then WANDB_PROJECT, and so on.
    """
    for what, value in (("resume_from", resume_from), ("fork_from", fork_from)):
        if value is not None:
            raise UsageError(
                f"init({what}=...) is not possible: homerun does not rewind runs; "
                "use id= and resume='must' to go on where a run has ended"
            )
    for what, is_wanted in (
        ("tensorboard", tensorboard),
        ("sync_tensorboard", sync_tensorboard),
        ("monitor_gym", monitor_gym),
    ):
        if is_wanted:
            termwarn(f"init({what}=True): only what log() is given is recorded", repeat=False)
    request = Request(
        {
            "entity": entity,
            "project": project,
            "id": id,
            "name": name,
            "notes": notes,
            "tags": tags,
            "group": group,
            "job_type": job_type,
            "mode": mode,
            "reinit": reinit,
            "resume": resume,
            "save_code": save_code,
            "allow_val_change": allow_val_change,
        },
        settings_from(settings),
    )
    silence(request.flag("silent"))
    values = read_config(config, exclude=config_exclude_keys, include=config_include_keys)
    previous = _previous(request)
    if previous is not None:
        previous.config.setdefaults(values)
        return previous
    run = disabled(request, values) if request.mode == "disabled" else begin(request, values)
    current.add(run, as_current=request.reinit != "create_new")
    return run


def _previous(request: Request) -> ActiveRun | None:
    """Return the run that is active already, when that is the one to return."""
    previous = current.run()
    if previous is None or request.reinit == "create_new":
        return None
    if previous.is_guest:  # it belongs to the process that forked or spawned this one
        if request.id == previous.id:
            return previous
        previous.finish()
        return None
    how = request.reinit
    if how == "default":
        how = "finish_previous" if "ipykernel" in sys.modules else "return_previous"
    if how == "finish_previous":
        for run in current.active():
            run.finish()
        return None
    termlog(
        f"init() was called while run {previous.name} ({previous.id}) is active: that one is "
        "returned; finish() it first, or use reinit='finish_previous' or 'create_new'",
        repeat=False,
    )
    return previous

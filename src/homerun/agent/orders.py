"""What a program is started with: its command line, environment and parameter files."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from homerun.agent.order import Order
from homerun.agent.room import Place
from homerun.agent.stand_in import wandb_env
from homerun.core import Run, SweepRecord
from homerun.spec import Sweep, command_line, parameter_files, parameter_json, parameter_yaml
from homerun.store import Store, queued_environ, write_private

_Environ = Mapping[str, str]
NOTHING: _Environ = {}


def sweep_order(
    store: Store,
    sweep: Sweep,
    record: SweepRecord,
    run: Run,
    *,
    place: Place,
    python: Mapping[str, str] = NOTHING,
    function: str = "",
) -> Order:
    """Write the parameter files of a claimed run and return the order to start it.

    python: variables with which programs find their Python; function: the name of what is called
    here in place of a program.
    """
    environ = {**os.environ, **python}
    folder = store.folder(run.id).make()
    config = _bytes(parameter_json(run.config))
    parameters = folder.path / "config.yaml"
    write_private(folder.path / "config.json", config)
    write_private(parameters, _bytes(parameter_yaml(run.config)))
    if "${args_json_file}" in sweep.command:
        named = parameter_files(folder.path, run_id=run.id, sweep_id=record.id).json
        named.parent.mkdir(parents=True, exist_ok=True)
        write_private(named, config)
    argv = (
        [function]
        if function
        else command_line(
            sweep,
            run.config,
            run_id=run.id,
            sweep_id=record.id,
            folder=folder.path,
            environ=environ,
        )
    )
    return Order(
        home=str(store.home),
        run_id=run.id,
        setup=[] if function else list(sweep.settings.setup),
        argv=argv,
        cwd=os.getcwd() if function else record.cwd or "/",  # noqa: PTH109
        env={
            **python,
            **run_env(store.home, run, environ),
            "WANDB_SWEEP_ID": record.id,
            "WANDB_SWEEP_PARAM_PATH": str(parameters),
            **({"WANDB_ENTITY": sweep.entity} if sweep.entity else {}),
            **place.env,
        },
        devices=",".join(place.devices),
        alone=has_alone(run, place),
        timeout_s=sweep.settings.timeout_s if run.timeout_s is None else run.timeout_s,
    )


def queue_order(
    store: Store,
    run: Run,
    *,
    place: Place,
    lent: Callable[[_Environ], _Environ] = lambda _: NOTHING,
) -> Order:
    """Return the order to start a claimed command of the queue.

    lent: tells what a program with such an environment needs to find homerun.
    """
    store.folder(run.id).make()
    environ = queued_environ(store, run.id)
    environ |= lent(environ)
    return Order(
        home=str(store.home),
        run_id=run.id,
        argv=list(run.argv),
        cwd=run.cwd,
        env={
            **environ,
            **run_env(
                store.home,
                run,
                {**os.environ, **environ},
                is_project_free="HOMERUN_PROJECT" not in environ,
            ),
            **place.env,
        },
        devices=",".join(place.devices),
        alone=has_alone(run, place),
        timeout_s=run.timeout_s,
    )


def has_alone(run: Run, place: Place) -> str:
    """Return what a run has for itself: `gpu`, `host`, both or nothing."""
    words = ["gpu"] if place.at_most == 1 else []
    return " ".join([*words, "host"] if run.alone == "host" else words)


def home_env(store: Store) -> dict[str, str]:
    """Return our environment with this home in it, for supervisors."""
    return {**os.environ, "HOMERUN_HOME": str(store.home)}


def run_env(
    home: Path,
    run: Run,
    environ: Mapping[str, str] = os.environ,
    *,
    is_project_free: bool = False,
) -> dict[str, str]:
    """Return what tells the tracking in a program which run it is, in our names and in W&B's.

    `environ` is what the program has beside that; is_project_free: nobody has named a project, so
    the one that the program gives to init() is taken.
    """
    project = dict.fromkeys(("HOMERUN_PROJECT", "WANDB_PROJECT"), run.project)
    if is_project_free:  # one that is set where the agent was started is not meant
        project = dict.fromkeys(project.keys() & environ.keys(), "")
    return {
        **wandb_env(environ),
        "HOMERUN_HOME": str(home),
        "HOMERUN_RUN_ID": run.id,
        "WANDB_RUN_ID": run.id,
        "WANDB_DIR": str(home / "runs" / run.id),
        **project,
    }


def _bytes(text: str) -> bytes:
    """Return a text as it is written: half of a pair of surrogates may be in a value."""
    return text.encode("utf-8", "surrogatepass")

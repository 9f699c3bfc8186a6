"""`homerun poll`: the scripts of a folder, as fastgpu runs them."""

import os
from pathlib import Path
from typing import Any

import click

from homerun.agent import Wishes
from homerun.cli.options import arguments_of, python_option, use_options, wishes_of
from homerun.cli.serve import say_detached, serve_folder, start_detached
from homerun.core import UsageError
from homerun.store import Store


@click.command("poll")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option(
    "--path", type=click.Path(path_type=Path), metavar="FOLDER", help="The same as FOLDER."
)
@click.option(
    "--exit",
    "exits",
    type=click.Choice(["0", "1"]),
    default="0",
    help="1: end when no script is left. Default: 0, wait for more.",
)
@click.option("-p", "--project", help="The project of the runs; default: the name of the folder.")
@use_options
@python_option
@click.option("--detach", is_flag=True, help="Work on in the background, without this terminal.")
def poll_command(
    *,
    folder: Path | None,
    path: Path | None,
    exits: str,
    project: str | None,
    detach: bool,
    **use: Any,
) -> None:
    """Run the scripts in FOLDER/to_run (default: of this folder) as they come, in sorted order.

    Each is moved to running/, then to complete/ or fail/; what it wrote and its exit code are in
    out/. Each is a run, too: homerun ls shows it. The exit code is 0 when all finished, 1 when some
    failed, 130 when it was interrupted.

    \b
    homerun poll ablation
    homerun poll --path ablation --exit 1 --gpus 0,2
    """
    if folder is not None and path is not None:
        raise UsageError(f"FOLDER is {folder} and --path is {path}; give one of them")
    poll(
        folder or path or Path(),
        wishes_of(**use),
        exits=exits == "1",
        project=project,
        detach=detach,
    )


def poll(
    folder: Path, wishes: Wishes, *, exits: bool, project: str | None, detach: bool = False
) -> None:
    """Be the agent of a folder of scripts, here or in the background."""
    from homerun.track import check_project  # noqa: PLC0415  loads much

    if wishes.is_gpu_memory_learned:
        raise UsageError("--gpu-memory learned is for sweeps; give a size, such as 6GiB")
    project = check_project(
        project
        or os.environ.get("HOMERUN_PROJECT")
        or os.environ.get("WANDB_PROJECT")
        or folder.resolve().name
    )
    argv = ["poll", str(folder.resolve()), f"--exit={int(exits)}", f"--project={project}"]
    argv += arguments_of(wishes)
    with Store() as store:
        if detach:
            say_detached(start_detached(store, argv, cwd=Path.cwd()))
        else:
            serve_folder(store, folder, wishes, exits=exits, project=project, argv=argv)

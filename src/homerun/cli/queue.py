"""`homerun add`: any command as a run that waits for room."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from homerun.agent import Pythons
from homerun.cli import output
from homerun.cli.common import argument, completion_of, is_served, one_line
from homerun.cli.options import absolute_python, python_option
from homerun.cli.units import MEMORY, SECONDS
from homerun.core import Run, UsageError, redact_argv
from homerun.store import Store, add_to_queue

# What a command finds its programs and libraries by; values of other variables stay off the disk.
_KEPT = (
    "PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "CONDA_DEFAULT_ENV",
    "PYTHONPATH",
    "HOMERUN_WANDB",
    "LD_LIBRARY_PATH",
)


@click.command(
    "add", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@argument("command", "file", nargs=-1, required=True, metavar="[--] COMMAND...")
@click.option(
    "--gpus",
    type=click.IntRange(min=0),
    metavar="N",
    help="GPUs it needs; 0: CPU only. Default: 1 where there are any.",
)
@click.option(
    "--gpu-memory",
    "gpu_memory_mib",
    type=MEMORY,
    metavar="SIZE",
    help="Reserve so much on each GPU, as 6GiB, and share it with others.",
)
@click.option(
    "--priority", type=int, default=0, metavar="P", help="Higher ones start first. Default: 0."
)
@click.option(
    "--after",
    "after",
    multiple=True,
    metavar="RUN",
    shell_complete=completion_of("run"),
    help="Wait until this run has finished; may be given several times.",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=0,
    metavar="R",
    help="New attempts after a failure.",
)
@click.option("--timeout", "timeout_s", type=SECONDS, metavar="T", help="As 90s, 30m, 4h or 1d.")
@click.option("-p", "--project", help="The project; default: of the folder.")
@click.option("--name", help="The name of the run.")
@click.option("--tag", "tags", multiple=True, help="A tag; may be given several times.")
@python_option
def add_command(
    *,
    command: Sequence[str],
    gpus: int | None,
    gpu_memory_mib: float | None,
    priority: int,
    after: Sequence[str],
    retries: int,
    timeout_s: float | None,
    project: str | None,
    name: str | None,
    tags: Sequence[str],
    python: str | None,
) -> None:
    """Queue any command as a run; an agent starts it when there is room.

    It starts in the current folder, with the PATH and the Python environment of this shell. Its
    number goes to stdout. Runs start by priority, then in the order in which they were queued.

    \b
    homerun add -- python train.py --lr 0.1
    homerun add --gpus 2 --after 12 -- bash finetune.sh
    homerun agent --stay --detach
    """
    _refuse_secrets(command)
    from homerun.track import check_project, default_project  # noqa: PLC0415  loads much

    project = project or os.environ.get("HOMERUN_PROJECT") or os.environ.get("WANDB_PROJECT")
    with Store() as store:
        chosen = Pythons(store.home, asked=absolute_python(python), is_lending=False).of_folder(
            Path.cwd()
        )
        environ = {**_kept(os.environ), **chosen.env}
        run = add_to_queue(
            store,
            command,
            project=check_project(project or default_project(Path.cwd())),
            cwd=str(Path.cwd()),
            name=name or "",
            tags=tags,
            environ={**environ, **({"HOMERUN_PROJECT": project} if project else {})},
            gpus=gpus,
            gpu_memory_mib=gpu_memory_mib,
            priority=priority,
            after=[store.run(ref) for ref in after],
            retries=retries,
            timeout_s=timeout_s,
        )
        click.echo(run.number)
        if chosen.env:  # it is another than `python` in this shell
            output.say(output.plain(f"python: {chosen.text}"))
        _say_who_runs_it(store, run)


def _kept(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in _KEPT if name in environ}


def _refuse_secrets(command: Sequence[str]) -> None:
    shown = redact_argv(command)
    if shown != list(command):
        raise UsageError(
            f"the command holds a secret ({one_line(shown)}), and what is queued is on disk; have "
            "the program read it from a file or from the environment of the agent"
        )


def _say_who_runs_it(store: Store, run: Run) -> None:
    if is_served(store):
        output.say(f"run {run.number} is queued; next: homerun logs -f {run.number}")
    else:
        output.say(f"run {run.number} is queued and no agent serves the queue; next: homerun agent")

"""`homerun shell`: a shell in which `import wandb` finds homerun."""

import os
from pathlib import Path

import click

from homerun.agent import Pythons, wandb_env
from homerun.cli import output
from homerun.core import UsageError
from homerun.store import find_home

# bash reads it after ~/.bashrc, before the first prompt.
_BASH_PROMPT = 'PS1="(homerun) $PS1"; unset PROMPT_COMMAND'


@click.command("shell")
def shell_command() -> None:
    """Open your $SHELL in which programs that import wandb are tracked by homerun.

    It is for notebooks, debuggers and programs started by hand: those that homerun run and agents
    start find homerun anyway. Leave it with exit.

    \b
    homerun shell
    python train.py
    exit
    """
    shell = os.environ.get("SHELL") or "/bin/sh"
    if not wandb_env(os.environ):
        raise UsageError("HOMERUN_WANDB is off, so this shell would be no other; unset it first")
    home = find_home()
    ours = {**os.environ, **Pythons(home).of_folder(Path.cwd()).env}
    environ = {**ours, **wandb_env(ours), "HOMERUN_HOME": str(home)}
    if Path(shell).name == "bash":
        environ.setdefault("PROMPT_COMMAND", _BASH_PROMPT)
    output.say(f"in this shell `import wandb` is homerun, kept in {home}; exit leaves it")
    try:
        os.execve(shell, [shell], environ)  # noqa: S606 - it is the user's own shell
    except OSError as error:
        raise UsageError(f"SHELL={shell} cannot be started: {error.strerror}") from error

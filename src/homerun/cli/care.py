"""`homerun init`, `backup`, `doctor` and `completion`: the home itself, and the shell."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import get_completion_class

from homerun.cli import output, words
from homerun.cli.accepted import entity_option
from homerun.cli.common import json_option
from homerun.core import UsageError
from homerun.store import Store, doctor, find_home

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}
_HOW = {
    "bash": 'add to ~/.bashrc: eval "$(homerun completion bash)"',
    "zsh": 'add to ~/.zshrc: eval "$(homerun completion zsh)"',
    "fish": "homerun completion fish > ~/.config/fish/completions/homerun.fish",
}


@click.command("init")
@click.argument(
    "folder", metavar="[DIR]", default=".", type=click.Path(file_okay=False, path_type=Path)
)
@click.option("-p", "--project", metavar="NAME", help="W&B's; says how to set the project.")
@entity_option
@click.option("--reset", is_flag=True, help="W&B's; accepted, without effect.")
@click.option("-m", "--mode", metavar="MODE", help="W&B's; accepted, without effect.")
def init_command(*, folder: Path, project: str | None, **_: Any) -> None:
    """Make a home in DIR/.homerun, used by all commands and programs in DIR and below.

    \b
    homerun init
    homerun init ~/projects/digits
    """
    home = folder.absolute() / ".homerun"
    is_new = not (home / "homerun.db").exists()
    Store(home).close()
    ignored = home / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n")
    output.say(f"{'made' if is_new else 'already there:'} {home}")
    if find_home(cwd=folder.absolute()) != home:
        output.say(f"not used as long as HOMERUN_HOME names another home: {find_home()}")
    if project:
        output.say(f"a home has many projects; to set one: export HOMERUN_PROJECT={project}")


@click.command("backup")
@click.argument("target", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
def backup_command(*, target: Path | None) -> None:
    """Copy the database to one file, whole and consistent, also while runs write to it.

    The files of runs (output, media, diffs) lie in the home under runs/ and are not in the copy.
    To use a copy, put it as homerun.db into an empty folder and name that with --home.

    \b
    homerun backup
    homerun backup usb-disk/digits.db
    """
    name = time.strftime("homerun-%Y%m%d-%H%M%S.db")
    if target is None:
        target = Path(name)
    elif target.is_dir():
        target /= name
    copy = doctor.backup(find_home(), target)
    output.say(f"{words.size(copy.stat().st_size)} written")
    click.echo(copy)


@click.command("doctor")
@click.option("--repair", is_flag=True, help="Repair what can be repaired, then check again.")
@json_option
def doctor_command(*, repair: bool, is_json: bool) -> None:
    """Check the home and change nothing; with --repair mend it and say exactly what was lost.

    The exit code is 1 when something needs attention. A database that cannot be read is kept in a
    folder damaged-TIME, and all that can be saved of it goes into a new one.

    \b
    homerun doctor
    homerun doctor --repair
    """
    home = find_home()
    done = doctor.repair(home) if repair else ()
    found = doctor.check(home)
    if is_json:
        documents = {"repaired": [vars(f) for f in done], "found": [vars(f) for f in found]}
        output.print_json(documents)
    else:
        if done:
            _print(done)
            click.echo()
        _print(found)
        if any(finding.is_repairable for finding in found):
            output.say("to repair: homerun doctor --repair")
    if any(finding.level in {doctor.Level.WARNING, doctor.Level.ERROR} for finding in found):
        raise click.exceptions.Exit(1)


@click.command("completion")
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.pass_context
def completion_command(ctx: click.Context, *, shell: str) -> None:
    """Print the script that completes commands, options and ids of runs and sweeps.

    \b
    eval "$(homerun completion bash)"
    """
    script = get_completion_class(shell)
    if script is None:
        raise UsageError(f"{shell} cannot be completed; use one of {', '.join(_HOW)}")
    source = script(ctx.find_root().command, {}, "homerun", "_HOMERUN_COMPLETE").source()
    click.echo(f"{source.rstrip()}\n\n# {_HOW[shell]}")  # in it: a shell that starts says nothing


def _print(findings: Sequence[doctor.Finding]) -> None:
    for finding in findings:
        level = output.styled(f"{finding.level:8}", _STYLES[finding.level])
        click.echo(f"{level}{finding.subject:10}{output.plain(finding.text)}")

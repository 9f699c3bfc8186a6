"""`homerun init`, `backup` and `doctor`: the home itself."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from homerun.cli import output, words
from homerun.cli.accepted import entity_option
from homerun.cli.common import json_option
from homerun.store import Store, doctor, find_home

_STYLES = {"ok": "green", "note": "cyan", "warning": "yellow", "error": "bold red"}


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


def _print(findings: Sequence[doctor.Finding]) -> None:
    for finding in findings:
        head = f"{finding.level:8}{finding.subject:10}"
        text = output.wrapped(finding.text, first=head, others=" " * len(head))
        click.echo(output.styled(text[:8], _STYLES[finding.level]) + text[8:])

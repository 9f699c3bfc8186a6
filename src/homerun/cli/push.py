"""`homerun push`: runs of this home go to W&B, for those who want to see them there."""

import sys
from pathlib import Path

import click

from homerun.cli import output
from homerun.cli.common import argument, find, json_option, open_home
from homerun.compat.importing import Destination, push
from homerun.core import Run, counted


@click.command("push")
@click.argument("where", metavar="wandb", type=click.Choice(["wandb"]), expose_value=False)
@argument("refs", "sweep", "run", metavar="RUN|SWEEP...", nargs=-1, required=True)
@click.option("-p", "--project", default="", help="Project there; default: that of the run.")
@click.option("-e", "--entity", default="", help="User or team there; default: as wandb says.")
@click.option("--files", "with_files", is_flag=True, help="Upload the files of the runs, too.")
@click.option(
    "--python",
    metavar="PATH",
    default=sys.executable,
    type=click.Path(exists=True, dir_okay=False),
    help="A Python that has wandb; default: the one of homerun.",
)
@click.option("--again", is_flag=True, help="Upload also what was uploaded before.")
@json_option
def push_command(
    *,
    refs: tuple[str, ...],
    project: str,
    entity: str,
    with_files: bool,
    python: str,
    again: bool,
    is_json: bool,
) -> None:
    """Upload runs to W&B with its own client: config, history, summary, tags and notes.

    Pushing again uploads only what is new. With WANDB_MODE=offline nothing leaves this machine
    until `wandb sync`.

    \b
    homerun push wandb x3k9a2bc
    homerun push wandb 12 13 --entity my-team --files
    """
    to = Destination(
        python=str(Path(python).absolute()), entity=entity, project=project, with_files=with_files
    )
    done = []
    with open_home() as store:
        runs: dict[str, Run] = {}
        for ref in refs:
            noun = find(store, ref)
            some = [noun] if isinstance(noun, Run) else store.runs(sweep=noun.id)
            runs.update({run.id: run for run in some if run.started_at is not None})
        for number, run in enumerate(runs.values(), 1):
            one = push(store, run, to, again=again)
            done.append(one)
            if not is_json:
                said = counted(one.rows, "new row") if one.is_news else "nothing new"
                at = f" {one.url}" if one.url else ""
                click.echo(f"{number}/{len(runs)} run {run.number} {run.name}: {said}{at}")
    if is_json:
        output.print_json([vars(one) for one in done])
    elif not done:
        output.say("no run to push: none of these has started")

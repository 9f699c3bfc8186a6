"""Options of W&B's commands: what means nothing here is accepted, too, and said in one line."""

import click

from homerun.cli import output
from homerun.cli.common import together

_WHY = {
    "controller": "--controller is not needed: the agents of a sweep search by themselves",
    "settings": "--settings has no effect",
    "forward_signals": "--forward-signals: Ctrl-C twice stops the runs, homerun kill stops one; "
    "other signals are not passed on",
    "term_timeout": "--term-timeout is ignored: a run has 10 s between SIGTERM and SIGKILL",
    "entity": "",  # a label that nobody needs: not worth a line
}

entity_option = click.option(
    "-e", "--entity", metavar="NAME", help="W&B's; accepted: everything lies in your own home."
)
sweep_options = together(  # of `wandb sweep`
    entity_option,
    click.option("--program", metavar="PATH", help="The program; default: of the file."),
    click.option("--update", metavar="SWEEP", help="Put FILE in the place of the file of a SWEEP."),
    click.option("--controller", is_flag=True, help="W&B's; accepted, without effect."),
    click.option("--settings", metavar="TEXT", help="W&B's; accepted, without effect."),
    click.option(
        "-R",
        "--prior_run",
        "--prior-run",
        "prior_run",
        multiple=True,
        metavar="RUN",
        help="W&B's; as --prior.",
    ),
)
agent_options = together(  # of `wandb agent`
    entity_option,
    click.option(
        "-p", "--project", metavar="NAME", help="The project of SWEEP, as in entity/project/SWEEP."
    ),
    click.option("-f", "--forward-signals", is_flag=True, help="W&B's; accepted, without effect."),
    click.option(
        "-t", "--term-timeout", type=float, metavar="S", help="W&B's; accepted, without effect."
    ),
)


def say_ignored(**given: object) -> None:
    """Say of each option that was given and does nothing, why."""
    for name, value in given.items():
        if value and _WHY[name]:
            output.say(_WHY[name])

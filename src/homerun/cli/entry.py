"""The command `homerun`: finds the command that was named and loads only that one."""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from homerun.cli.letters import prepare
from homerun.core import HomerunError, SpecError, UsageError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS = {  # title: {command: (module, what --help says in one line)}
    "Run": {
        "sweep": ("start", "Make a sweep from its YAML file, change one, or clone one."),
        "promote": ("promote", "Run the best few of a sweep again, longer or on more seeds."),
        "agent": ("serve", "Take runs from a sweep or the whole queue until none is left."),
        "run": ("start", "Run a sweep file, a folder of scripts, or any command as one run."),
        "shell": ("shell", "Open a shell whose programs find homerun when they import wandb."),
        "add": ("queue", "Queue any command as a run; an agent runs it when there is room."),
        "poll": ("folder", "Run the scripts of a folder as they come, as fastgpu does."),
        "wandb": ("wandb", "Take a command line of W&B as it is: homerun wandb agent ..."),
    },
    "Control": {
        "kill": ("control", "Stop runs, or sweeps with all their runs."),
        "pause": ("control", "Hold runs that run, and let a sweep or queued runs wait."),
        "resume": ("control", "Let what was paused go on."),
        "retry": ("control", "Run again what failed."),
        "move": ("control", "Change the order in which queued runs start."),
        "stop": ("agents", "Have agents take no more runs and end when theirs have ended."),
        "agents": ("agents", "List the agents at work and what they wait for."),
        "attach": ("agents", "Watch what a detached agent does."),
        "detach": ("agents", "Let an agent outlive its terminal."),
        "fg": ("logs", "Follow the output of a run; Ctrl-C leaves it running."),
    },
    "Look": {
        "ls": ("listing", "List sweeps and runs; the runs of a sweep, best first."),
        "best": ("best", "Say which run of a sweep is best, and how sure that is."),
        "watch": ("watch", "Follow what runs until nothing is left; a line an event in a pipe."),
        "top": ("top", "Watch GPUs, slots, runs and the queue on one screen."),
        "devices": ("devices", "Show the GPUs, what they do, for whom, and whether they are free."),
        "show": ("show", "Show all there is to know about a run or a sweep."),
        "diff": ("diff", "Show what sets runs apart: settings, results, code and cost."),
        "plot": ("plot", "Draw a sweep, runs or a table: on a page, as PNG, in the terminal."),
        "logs": ("logs", "Print what the programs of runs wrote."),
        "df": ("data", "Write the table of runs, or every point of metrics, to a file."),
        "sql": ("data", "Ask the database; nothing can be changed without --write."),
    },
    "Learn": {
        "compare": ("learn", "Say which value of a parameter is best, or that none is."),
        "importance": ("learn", "Say how much each parameter matters."),
        "independence": ("learn", "Say which parameters must be tuned together."),
        "settled": ("learn", "Say what to fix, what to drop, and which ranges to extend."),
        "advise": ("advise", "Write the next sweep file: small, with a reason on each line."),
        "plan": ("advise", "Say what each way to run a sweep file costs, and can tell."),
        "report": ("report", "Write what a sweep taught on one page: HTML or Markdown."),
        "finding": ("finding", "Keep what sweeps taught, for the sweeps to come."),
    },
    "Keep": {
        "artifact": ("artifacts", "List, show and fetch versions of data sets and models."),
        "import": ("importing", "Import runs of W&B, TensorBoard and fastgpu, and tables."),
        "push": ("push", "Upload runs to W&B with its own client."),
        "note": ("labels", "Print or set the note of a run."),
        "tag": ("labels", "Add tags to a run and take them away."),
        "rm": ("remove", "Remove runs and sweeps with all their data."),
        "gc": ("space", "Show what takes up space, and free it."),
        "init": ("care", "Make a home for the runs of this folder."),
        "backup": ("care", "Copy the database to one file, also while runs write to it."),
        "doctor": ("care", "Check the home, and repair it."),
        "completion": ("completion", "Print the script that completes words in bash, zsh or fish."),
    },
}
MODULES = {name: module for group in COMMANDS.values() for name, (module, _) in group.items()}
# Commands of W&B's that have little to do here: accepted, and not listed.
_UNLISTED = dict.fromkeys(
    "login logout status sync online offline enabled disabled verify".split(), "wandb"
)
_ALL = {**MODULES, **_UNLISTED}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(MODULES)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command."""
        if cmd_name not in _ALL:
            return None
        module = import_module(f"homerun.cli.{_ALL[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of a command line; name the nearest for one that is unknown."""
        name = args[0]
        if name not in _ALL and not name.startswith("-"):
            from difflib import get_close_matches  # noqa: PLC0415

            near = get_close_matches(name, MODULES, n=1)
            hint = f"did you mean {near[0]}?" if near else "homerun --help lists all"
            raise click.UsageError(f"there is no command {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list["CompletionItem"]:
        """Complete the names of commands, without importing them, and options."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415

        commands = chain.from_iterable(group.items() for group in COMMANDS.values())
        return [
            CompletionItem(name, help=text)
            for name, (_, text) in commands
            if name.startswith(incomplete)
        ] + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for, without importing them."""
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    epilog="Start with: homerun sweep sweep.yaml, or homerun run -- python train.py\n\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage or sweep file, 130 interrupted.",
)
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="PATH",
    help="Where everything is kept. Default: $HOMERUN_HOME, else the nearest .homerun/ "
    "upwards, else ~/.homerun.",
)
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    help="Colours; auto: on a terminal, unless NO_COLOR is set.",
)
@click.option("--version", is_flag=True, help="Print the version and exit.")
@click.pass_context
def app(ctx: click.Context, *, home: Path | None, color: str, version: bool) -> None:
    """Sweeps, tracked runs and tables of results, entirely on your own machines."""
    if home is not None:
        # In the environment, for the programs and agents that this command starts.
        os.environ["HOMERUN_HOME"] = str(home.expanduser().absolute())
    ctx.obj = color
    if color == "always" or (color == "auto" and os.environ.get("FORCE_COLOR")):
        ctx.color = not (color == "auto" and os.environ.get("NO_COLOR"))  # click would strip it
    if version:
        from importlib.metadata import version as version_of  # noqa: PLC0415

        click.echo(f"homerun {version_of('homerun')}")
    elif ctx.invoked_subcommand is None:
        from homerun.cli.welcome import welcome  # noqa: PLC0415

        welcome()


def main() -> None:
    """Run the command line: 0 done, 1 failed, 2 wrong usage or sweep file, 130 interrupted."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `homerun ls | head` ends without a word
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal without Unicode is no reason to fail
            prepare(stream)
    sys.exit(execute())


def execute(arguments: Sequence[str] | None = None) -> int:
    """Run a command line (default: that of this process) and return its exit code."""
    if "_HOMERUN_COMPLETE" in os.environ:
        import_module("homerun.cli.completion")  # puts our shells in the place of click's
    try:
        return _run(arguments)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            click.echo(error.message, err=True)
        else:
            _complain(_with_help(error))
        return error.exit_code
    except HomerunError as error:
        _complain(str(error))
        return 2 if isinstance(error, SpecError | UsageError) else 1
    except (click.Abort, KeyboardInterrupt):
        return 130
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _complain(f"{error.filename or 'the output'} cannot be written: {error.strerror}")
        _send_to_nothing(sys.stdout)
        return 1


def _run(arguments: Sequence[str] | None) -> int:
    code = int(app.main(arguments, prog_name="homerun", standalone_mode=False) or 0)
    sys.stdout.flush()  # while there is somebody who can say that it failed
    return code


def _open_what_is_closed() -> None:
    """Give `homerun ls >&-` a stream, and its number to no file of ours."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
            os.set_inheritable(nothing, True)
            setattr(sys, name, open(nothing, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _send_to_nothing(stream: IO[str]) -> None:
    """Let Python end without another try to write what has no room."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, stream.fileno())
    os.close(nothing)


def _complain(text: str) -> None:
    click.echo(f"homerun: {text}", err=True)


def _with_help(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split()).rstrip(".")
    if isinstance(error, click.UsageError) and error.ctx is not None and "--help" not in text:
        return f"{text[:1].lower()}{text[1:]}; see: {error.ctx.command_path} --help"
    return text

"""`homerun wandb ...`: the commands of W&B in its own spelling, and what it prints for scripts."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from homerun.cli import output, start
from homerun.cli.accepted import say_ignored
from homerun.cli.care import doctor_command, init_command
from homerun.cli.common import Group
from homerun.cli.serve import agent_command
from homerun.core import NotFoundError, UsageError
from homerun.spec import load
from homerun.store import Store, agents, find_home

_ENTITY = "local"  # in W&B's names of sweeps; homerun takes any
_ABSENT = {  # commands of W&B's: what to do instead
    "beta": "homerun --help lists the commands there are",
    "controller": "the agents of a sweep search by themselves; use: homerun agent SWEEP",
    "docker": "homerun starts no containers; start homerun in one",
    "docker-run": "homerun starts no containers; start homerun in one",
    "job": "W&B Launch is not there; queue commands with: homerun add -- COMMAND",
    "launch": "W&B Launch is not there; queue commands with: homerun add -- COMMAND",
    "launch-agent": "W&B Launch is not there; use: homerun agent --stay",
    "launch-sweep": "W&B Launch is not there; use: homerun sweep FILE",
    "local": "there is no server to start: everything lies in your own home",
    "projects": "use: homerun ls",
    "pull": "the files of runs are here already; use: homerun show RUN",
    "restore": "what a run was started with is in its folder; use: homerun show RUN",
    "scheduler": "the agents of a sweep search by themselves; use: homerun agent SWEEP",
    "server": "there is no server to start: everything lies in your own home",
}


class _WandbGroup(Group):
    """W&B's commands; of those that homerun has not, each says what to do instead."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of W&B's."""
        if cmd_name == "artifact":
            from homerun.cli.entry import app  # noqa: PLC0415  it loads this module

            return app.get_command(ctx, cmd_name)
        known = super().get_command(ctx, cmd_name)
        if known is None and cmd_name in _ABSENT:
            return _absent(cmd_name)
        return known


def _absent(name: str) -> click.Command:
    @click.command(
        name, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
    )
    def command() -> None:
        raise UsageError(f"`wandb {name}` is not in homerun: {_ABSENT[name]}")

    return command


@click.group("wandb", cls=_WandbGroup)
def wandb_command() -> None:
    """Take the command lines of W&B as they are; nothing leaves this machine.

    `sweep` prints the lines from which scripts read the id of the sweep. What means nothing
    here is accepted and says so.

    \b
    homerun wandb sweep --project digits sweep.yaml
    homerun wandb agent --count 5 me/digits/x3k9a2bc
    homerun wandb login
    """


def _sweep(**given: Any) -> None:
    """Make a sweep, or change the state of one, and print what W&B prints.

    \b
    homerun wandb sweep --project digits sweep.yaml
    homerun wandb sweep --cancel me/digits/x3k9a2bc
    """
    is_new = not any(
        given[name]
        for name in ("update", "pause", "resume", "stop", "cancel", "dry_run", "wandb_yaml")
    )
    if not is_new or given["is_json"] or not Path(given["source"]).is_file():
        callback: Callable[..., None] = start.sweep_command.callback  # type: ignore[assignment]
        callback(**given)
        return
    say_ignored(controller=given["controller"], settings=given["settings"])
    source, entity = given["source"], given["entity"] or os.environ.get("WANDB_ENTITY")
    record = start.make_sweep(
        load(source),
        source,
        project=given["project"] or os.environ.get("WANDB_PROJECT"),
        name=given["name"],
        program=given["program"],
        entity=entity,
        prior=[*given["prior"], *given["prior_run"]],
        defaults=given["defaults"],
        defaults_from=given["defaults_from"],
    )
    path = f"{record.spec.get('entity') or _ENTITY}/{record.project}/{record.id}"
    output.say(f"wandb: Creating sweep from: {source}")
    output.say(f"wandb: Creating sweep with ID: {record.id}")
    output.say(f"wandb: Run sweep agent with: wandb agent {path}")


wandb_command.add_command(
    click.Command("sweep", params=start.sweep_command.params, callback=_sweep, help=_sweep.__doc__)
)
wandb_command.add_command(agent_command)
wandb_command.add_command(init_command)


@wandb_command.command("login")
@click.argument("key", nargs=-1)
@click.option("--relogin", is_flag=True, help="W&B's; accepted, without effect.")
@click.option("--cloud", is_flag=True, help="W&B's; accepted, without effect.")
@click.option("--host", "--base-url", "host", help="W&B's; accepted, without effect.")
@click.option("--verify/--no-verify", default=False, help="W&B's; accepted, without effect.")
@click.option("--anonymously", is_flag=True, help="W&B's; accepted, without effect.")
@click.option("--force", is_flag=True, help="W&B's; accepted, without effect.")
def login_command(*, key: Sequence[str], **_: Any) -> None:
    """Accept W&B's command: there is nothing to log in to. A KEY is not kept.

    \b
    homerun login
    """
    kept = "; the key is not kept" if key else ""
    output.say(f"nothing to log in to: all runs stay in {find_home()}{kept}")


@wandb_command.command("logout")
def logout_command() -> None:
    """Accept W&B's command: nobody is logged in.

    \b
    homerun wandb logout
    """
    output.say("nobody is logged in: there is no account")


@wandb_command.command("status")
@click.option("--settings/--no-settings", default=True, help="Show how runs are recorded.")
def status_command(*, settings: bool) -> None:
    """Print where runs are kept, of which project they are, and whether they are recorded.

    \b
    homerun status
    """
    from homerun.track import default_project  # noqa: PLC0415  loads much

    home = find_home()
    has_runs = (home / "homerun.db").exists()
    lines = {"home": str(home) if has_runs else f"{home} (not made yet)", "logged in": "not needed"}
    if settings:
        lines["project"] = _env("PROJECT") or default_project(Path.cwd())
        lines["mode"] = _env("MODE") or "online"
    if has_runs:
        with Store(home) as store:
            counts = store.counts()
            lines["runs"] = f"{sum(counts.values()):,}"
            lines["agents"] = str(len(agents(store)))
    for name, text in lines.items():
        click.echo(output.plain(f"{name:10} {text}"))


@wandb_command.command("sync")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("-p", "--project", help="The project of what is imported.")
@click.option("-e", "--entity", help="W&B's; accepted, without effect.")
@click.option("--id", "run_id", help="W&B's; accepted, without effect.")
@click.option("--clean", is_flag=True, help="W&B's; accepted, without effect: nothing is removed.")
@click.option("--sync-all", is_flag=True, help="Import all offline runs in ./wandb.")
@click.option(
    "--include-offline/--no-include-offline", default=True, help="W&B's; accepted, without effect."
)
@click.option(
    "--include-online/--no-include-online", default=True, help="W&B's; accepted, without effect."
)
@click.option(
    "--include-synced/--no-include-synced", default=True, help="W&B's; accepted, without effect."
)
@click.option("--mark-synced/--no-mark-synced", default=True, help="W&B's; accepted.")
def sync_command(*, paths: Sequence[Path], sync_all: bool, project: str | None, **_: Any) -> None:
    """Import runs that W&B has recorded offline; those of homerun are in the home already.

    \b
    homerun sync wandb/offline-run-20260102_030405-x3k9a2bc
    homerun sync --sync-all
    """
    if sync_all:
        paths = [*paths, *sorted(Path("wandb").glob("offline-run-*"))]
    if not paths:
        output.say("nothing to sync: runs of homerun are in the home as soon as they log")
        output.say("to bring in offline runs of W&B: homerun import PATH")
        return
    for path in paths:
        if not path.exists():
            raise NotFoundError(f"{path}: there is no such file or folder to import")
    from homerun.cli.entry import execute  # noqa: PLC0415  it loads this module

    options = ["--project", project] if project else []
    raise click.exceptions.Exit(execute(["import", *options, *map(str, paths)]))


def _switch(name: str, text: str) -> click.Command:
    @click.command(name, help=f"Accept W&B's command: {text}.\n\n\b\nhomerun wandb {name}")
    def command() -> None:
        output.say(text)

    return command


online_command = _switch("online", "runs are always recorded at home, with or without a network")
offline_command = _switch("offline", "runs are always recorded at home, with or without a network")
enabled_command = _switch("enabled", "runs are recorded unless HOMERUN_MODE=disabled is set")


@click.command("disabled")
def disabled_command() -> None:
    """Say how to switch the recording of runs off: HOMERUN_MODE=disabled.

    \b
    export HOMERUN_MODE=disabled
    """
    raise UsageError(
        "recording is not switched off for a folder; set HOMERUN_MODE=disabled in the environment"
    )


@wandb_command.command("verify")
@click.option("--host", help="W&B's; accepted, without effect.")
@click.pass_context
def verify_command(ctx: click.Context, *, host: str | None) -> None:  # noqa: ARG001
    """Check the home, as homerun doctor does.

    \b
    homerun verify
    """
    ctx.invoke(doctor_command, repair=False, is_json=False)


for _command in (online_command, offline_command, enabled_command, disabled_command):
    wandb_command.add_command(_command)
wandb_command.add_command(enabled_command, "on")
wandb_command.add_command(disabled_command, "off")


def _env(name: str) -> str | None:
    return os.environ.get(f"HOMERUN_{name}") or os.environ.get(f"WANDB_{name}") or None

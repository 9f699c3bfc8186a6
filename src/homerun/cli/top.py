"""`homerun top`: GPUs, slots, running runs, the queue and failures on one screen."""

import os
import sys
from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

import click

from homerun.cli import output
from homerun.cli.common import argument, json_option, open_home
from homerun.core import MissingExtraError
from homerun.store import Store, WatchedRun

if TYPE_CHECKING:
    from homerun.cli.screen.view import LookAtGpus, View

_LEAST_S = 0.2  # more looks a second are of no use to anybody

refresh_option = click.option(
    "--refresh",
    "refresh_s",
    type=click.FloatRange(min=_LEAST_S),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks.",
)


@click.command("top")
@argument("sweep", "sweep", metavar="[SWEEP]", required=False)
@click.option("--once", is_flag=True, help="Print the screen once, as plain text.")
@refresh_option
@json_option
def top_command(*, sweep: str | None, once: bool, refresh_s: float, is_json: bool) -> None:
    """Watch GPUs, running runs with the course of their metric, the queue and failures.

    Keys: arrows, j and k choose a run, p pauses it, K kills it, r runs it again, enter opens its
    page and l its output, o draws its sweep in the browser; s sorts, f filters, ? explains, q
    leaves. Where there is no terminal, the screen is printed once.

    \b
    homerun top
    homerun top x3k9a2bc --once
    homerun top --json | jq '.running[] | {number, metric: .curve.last}'
    """
    with open_home() as store:
        sweep_id = store.sweep(sweep).id if sweep else None
        is_screen = sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        if is_json or once or not is_screen:
            _print_once(store, sweep_id, is_json=is_json)
            return
        home = store.home
    try:
        from homerun.cli.screen.app import Top  # noqa: PLC0415  the only one that needs the extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "textual":
            raise
        raise MissingExtraError("homerun top needs: pip install 'homerun[tui]'") from error
    screen = Top(
        home,
        gpu_looks(),
        sweep=sweep_id,
        refresh_s=refresh_s,
        is_colored=output.is_colored(),
    )
    # Without the mouse, text can be selected as in any other program.
    screen.run(mouse=False)
    if screen.trouble is not None:
        raise screen.trouble
    if screen.return_code:
        raise click.exceptions.Exit(screen.return_code)


def gpu_looks() -> "LookAtGpus":
    """Return a function that looks at the GPUs, which are searched for only the first time."""
    from homerun.devices import gpus, look  # noqa: PLC0415  what prints help asks no driver

    found = cache(gpus)
    return lambda: look(found())


def _print_once(store: Store, sweep_id: str | None, *, is_json: bool) -> None:
    from homerun.cli.screen.frame import Size, frame  # noqa: PLC0415  with cells of rich
    from homerun.cli.screen.sections import header, sections  # noqa: PLC0415
    from homerun.cli.screen.view import Watcher  # noqa: PLC0415

    view = Watcher(store, gpu_looks(), sweep=sweep_id).look()
    if is_json:
        output.print_json(_document(view))
        return
    width = output.width()
    for line in frame(header(view, width), sections(view, width), Size(width, None)):
        click.echo(line.text.rstrip())


def _document(view: "View") -> dict[str, Any]:
    """Return what is to be seen as --json prints it."""
    snapshot = view.snapshot
    return {
        "home": str(view.home),
        "time": view.now,
        "eta_s": view.eta_s,
        "counts": snapshot.counts,
        "sweeps": [
            {
                "id": progress.record.id,
                "project": progress.record.project,
                "name": progress.record.name,
                "state": progress.record.state,
                "reason": progress.record.reason,
                "done": progress.done,
                "planned": progress.record.planned,
                "counts": progress.counts,
                "eta_s": view.eta_of(progress),
            }
            for progress in snapshot.sweeps
        ],
        "agents": [asdict(agent) for agent in snapshot.agents],
        "gpus": [{**asdict(gpu.look), **asdict(gpu.occupancy)} for gpu in view.gpus],
        "running": [_run_document(run) for run in snapshot.alive],
        "queue": [_run_document(run) for run in snapshot.queue],
        "failures": [_run_document(run) for run in snapshot.failures],
    }


def _run_document(run: WatchedRun) -> dict[str, Any]:
    return {**vars(run), "curve": asdict(run.curve) if run.curve else None}

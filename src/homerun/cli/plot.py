"""`homerun plot`: a picture of a sweep, of some of its runs, or of any table."""

import os
import sys
import time
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from homerun.cli import output
from homerun.cli.asking import table_options
from homerun.cli.common import argument
from homerun.cli.data import replace_text
from homerun.cli.picturing import KINDS, Subject, Wish, look
from homerun.core import UsageError

_REFRESH_S = 2.0
_SUFFIXES = (".html", ".png", ".svg", ".pdf")


@click.command("plot")
@argument("refs", "sweep", "run", metavar="SWEEP|RUN...|TABLE.csv", nargs=-1, required=True)
@click.option(
    "--kind", type=click.Choice(list(KINDS)), help="Default: parallel; of runs: curves or diff."
)
@click.option(
    "-o",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="FILE.html, .png, .svg or .pdf. Default: SWEEP-KIND.html in this folder.",
)
@click.option("--open", "is_open", is_flag=True, help="Show it in the browser.")
@click.option("--watch", "is_watched", is_flag=True, help="Write it anew while runs run.")
@click.option("--terminal", "is_terminal", is_flag=True, help="Draw it here, in braille.")
@click.option("--x", metavar="COLUMN", help="Across, of scatter; of curves: step or time.")
@click.option("--y", metavar="COLUMN", help="Up, of scatter. Default: the metric.")
@click.option("--color", metavar="COLUMN", help="Colour by it: parallel, scatter, curves.")
@click.option("--size", metavar="COLUMN", help="Size of the bubbles of scatter.")
@click.option("--key", metavar="METRIC", help="Whose curves. Default: the sweep's metric.")
@click.option("--smoothing", type=click.FloatRange(0, 1, max_open=True), help="Of curves, 0 to 1.")
@click.option("--target", "aim", type=float, metavar="VALUE", help="A line in progress.")
@table_options
def plot_command(
    *,
    refs: Sequence[str],
    kind: str | None,
    target: Path | None,
    is_open: bool,
    is_watched: bool,
    is_terminal: bool,
    aim: float | None,
    **options: Any,
) -> None:
    """Draw a sweep, some runs, or a table from elsewhere; a page holds all that it needs.

    \b
    parallel    every run a line through all its settings: hover, brush, compare
    scatter     the metric against time or memory, and the best for each cost
    effect      a parameter (--param), with runs that differ in nothing else paired
    curves      how the metric went while runs ran
    progress    the best so far, by runs and by hours
    importance  how much each parameter matters
    pair        two parameters (--param twice), and whether they are independent
    timeline    what ran where and when, and idle gaps
    table       the best runs with small bars
    diff        two or a few runs side by side

    \b
    homerun plot x3k9a2bc --open
    homerun plot x3k9a2bc --kind effect --param resize_method -o resize.png
    homerun plot 12 17 --terminal
    """
    options["target"] = aim
    wish = Wish(refs=tuple(refs), kind=kind, options=options, is_terminal=is_terminal)
    if is_terminal:
        if target or is_open:
            raise UsageError("--terminal draws right here: leave out -o and --open")
        _show(wish, is_watched=is_watched)
        return
    if target and target.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"-o {target}: the name must end in {', '.join(_SUFFIXES)}")
    subject = look(wish)
    path = target or Path(f"{subject.slug}-{subject.kind}.html")
    if is_watched and not subject.is_over:
        _follow(wish, path, is_open=is_open)
        return
    _write(subject, path, is_going_on=False)
    output.say(f"{path}: {subject.told}")
    if is_open:
        _open(path)


def _write(subject: Subject, path: Path, *, is_going_on: bool) -> None:
    """Write a picture, whole or not at all; a page of what goes on loads itself again and again."""
    picture = subject.draw()
    suffix = path.suffix.lower()
    if suffix == ".html":
        text = picture.to_html(refresh_s=_REFRESH_S if is_going_on else None)
        replace_text(path, text)
    else:
        picture.save(path)


def _follow(wish: Wish, path: Path, *, is_open: bool) -> None:
    """Write a picture again and again, until its runs have ended."""
    output.say(f"written anew every {_REFRESH_S:g} s until all runs have ended; Ctrl-C leaves it")
    is_waiting = False
    while True:
        subject = look(wish)
        try:
            _write(subject, path, is_going_on=not subject.is_over)
        except UsageError as error:
            if subject.has_results or subject.is_over:
                raise
            if not is_waiting:
                output.say(f"waits for the first results: {error}")
            is_waiting = True
        else:
            is_waiting = False
            if is_open:
                _open(path)
                is_open = False
        if subject.is_over:
            output.say(f"{path}: {subject.told}, all have ended")
            return
        time.sleep(_REFRESH_S)


def _show(wish: Wish, *, is_watched: bool) -> None:
    """Draw a picture on the terminal; with `is_watched` in place, until its runs have ended."""
    from homerun.cli.braille import draw  # noqa: PLC0415

    lines: list[str] = []
    while True:
        subject = look(wish)
        above = f"\x1b[{len(lines)}F\x1b[J" if lines and sys.stdout.isatty() else ""
        try:
            picture = subject.draw()
        except UsageError as error:
            if not is_watched or subject.has_results or subject.is_over:
                raise
            lines = [f"waits for the first results: {error}"]
        else:
            lines = draw(picture, output.width(), _height(), is_colored=output.is_colored())
        click.echo(above + "\n".join(lines))
        if not is_watched or subject.is_over:
            return
        time.sleep(_REFRESH_S)


def _height() -> int:
    return min(30, max(12, os.get_terminal_size().lines - 2)) if sys.stdout.isatty() else 20


def _open(path: Path) -> None:
    uri = path.absolute().as_uri()
    has_screen = sys.platform == "darwin" or any(
        map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))
    )
    if not (has_screen or os.environ.get("BROWSER")) or not webbrowser.open(uri):
        output.say(f"no browser can be opened from here: open {uri} where there is one")

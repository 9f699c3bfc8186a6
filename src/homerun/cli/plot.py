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
from homerun.cli.common import argument, keys_completion
from homerun.cli.data import replace_text
from homerun.cli.picturing import KINDS, Subject, Wish, look
from homerun.core import UsageError

_REFRESH_S = 2.0
_complete = keys_completion()
_SUFFIXES = (".html", ".png", ".svg", ".pdf")


@click.command("plot")
@argument(
    "refs",
    "sweep",
    "run",
    "project",
    "file",
    metavar="SWEEP|PROJECT|RUN...|TABLE.csv",
    nargs=-1,
    required=True,
)
@click.option(
    "--kind",
    type=click.Choice(list(KINDS)),
    metavar="KIND",
    help="One of the above. Default: parallel; of runs: curves or diff.",
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
@click.option("--dark", "is_dark", is_flag=True, help="Light on dark; a page suits both by itself.")
@click.option(
    "--x",
    metavar="COLUMN",
    shell_complete=_complete,
    help="Across, of scatter; of curves: step or time.",
)
@click.option(
    "--y", metavar="COLUMN", shell_complete=_complete, help="Up, of scatter. Default: the metric."
)
@click.option(
    "--color",
    metavar="COLUMN",
    shell_complete=_complete,
    help="Of parallel, scatter, curves, timeline.",
)
@click.option(
    "--size", metavar="COLUMN", shell_complete=_complete, help="Size of the bubbles of scatter."
)
@click.option(
    "--key",
    metavar="METRIC",
    shell_complete=_complete,
    help="Whose curves. Default: the sweep's metric.",
)
@click.option(
    "--smoothing",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="WEIGHT",
    help="Of curves: 0 none, 0.9 much.",
)
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
    is_dark: bool,
    aim: float | None,
    **options: Any,
) -> None:
    """Draw a sweep, a project, runs, or a table from elsewhere; a page holds all it needs.

    \b
    parallel    every run a line through all its settings: hover, brush, compare
    scatter     the metric against time or memory, and the best for each cost
    effect      a parameter (--param); runs that differ in nothing else are paired
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
        if target or is_open or is_dark:
            raise UsageError("--terminal draws right here: leave out -o, --open and --dark")
        _show(wish, is_watched=is_watched)
        return
    if target and target.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"-o {target}: the name must end in {', '.join(_SUFFIXES)}")
    if is_dark and (target is None or target.suffix.lower() == ".html"):
        raise UsageError("--dark is for -o FILE.png, .svg, .pdf; a page follows its reader's theme")
    subject = look(wish)
    path = target or Path(f"{subject.slug}-{subject.kind}.html")
    if is_watched and not subject.is_over:
        _follow(wish, path, is_open=is_open, is_dark=is_dark)
        return
    _write(subject, path, is_going_on=False, is_dark=is_dark)
    output.say(f"{path}: {subject.told}")
    if subject.kind == "parallel" and subject.table.metric is None:
        output.say("no metric was named: --metric NAME puts it last, with better up")
    if is_open:
        open_page(path)


def _write(subject: Subject, path: Path, *, is_going_on: bool, is_dark: bool) -> None:
    """Write a picture, whole or not at all; a page of what goes on loads itself again and again."""
    picture = subject.draw()
    suffix = path.suffix.lower()
    if suffix == ".html":
        text = picture.to_html(refresh_s=_REFRESH_S if is_going_on else None)
        replace_text(path, text)
    elif is_dark and subject.is_drawn:
        picture.save(path, theme="dark")
    else:
        picture.save(path)


def _follow(wish: Wish, path: Path, *, is_open: bool, is_dark: bool) -> None:
    """Write a picture again and again, until its runs have ended."""
    until = "until all runs have ended; Ctrl-C leaves it"
    output.say(f"{path}: written anew every {_REFRESH_S:g} s {until}")
    is_waiting = False
    while True:
        subject = look(wish)
        try:
            _write(subject, path, is_going_on=not subject.is_over, is_dark=is_dark)
        except UsageError as error:
            if subject.has_results or subject.is_over:
                raise
            if not is_waiting:
                output.say(f"waits for the first results: {error}")
            is_waiting = True
        else:
            is_waiting = False
            if is_open:
                open_page(path)
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


def open_page(path: Path) -> None:
    """Show a page in the browser; where none can be opened, say where the page is."""
    uri = path.absolute().as_uri()
    has_screen = sys.platform == "darwin" or any(
        map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY"))
    )
    if not (has_screen or os.environ.get("BROWSER")) or not webbrowser.open(uri):
        output.say(f"no browser here; open {uri}")

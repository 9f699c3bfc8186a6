"""`homerun import`: runs of other tools become runs of this home."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from homerun.cli import output
from homerun.cli.common import json_option
from homerun.compat.importing import (
    KINDS,
    Columns,
    FormatError,
    Importer,
    Outcome,
    Source,
    Taken,
    WireError,
    by_outcome,
    find_sources,
)
from homerun.core import counted
from homerun.store import Store, find_home

_MANY = 20  # runs from which on a progress bar is worth its lines
_SHOWN = 10  # runs that are listed one by one


@click.command("import")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--from",
    "kind",
    type=click.Choice(list(KINDS)),
    help="What the paths are, where they do not show it.",
)
@click.option("-p", "--project", help="Project of the runs; default: that of the source.")
@click.option("--config", metavar="A,B", help="Columns of a table that are configuration.")
@click.option("--metric", metavar="C,D", help="Columns of a table that are metrics.")
@click.option("--name", metavar="COLUMN", help="Column of a table that names the runs.")
@click.option("--dry-run", "is_dry", is_flag=True, help="Say what would be done; change nothing.")
@json_option
def import_command(
    *,
    paths: tuple[Path, ...],
    kind: str | None,
    project: str | None,
    config: str | None,
    metric: str | None,
    name: str | None,
    is_dry: bool,
    is_json: bool,
) -> None:
    """Import runs of W&B, TensorBoard and fastgpu, and tables, without their programs.

    PATH is a folder of W&B's offline runs or a .wandb file, a CSV file, a folder with TensorBoard's
    event files, or a folder of fastgpu. Importing again adds nothing, and brings runs up to date
    whose source has grown. The exit code is 1 when something could not be imported.

    \b
    homerun import wandb/
    homerun import runs/ --from tensorboard --project digits
    homerun import results.csv --config model,lr --metric error_rate --dry-run
    """
    columns = Columns(config=_names(config), metrics=_names(metric), name=name or "")
    sources = find_sources(paths, kind=kind or "", columns=columns)
    failed: list[tuple[Source, str]] = []
    with Store(find_home()) as store:
        importer = Importer(store, project=project or "", is_dry=is_dry)
        with _shown(sources) as shown:
            taken = list(_take(importer, shown, failed))
    if is_json:
        output.print_json({"runs": [vars(t) for t in taken], "failed": _failures(failed)})
    else:
        _report(taken, is_dry=is_dry)
    for source, reason in failed:
        output.say(f"{source.where}: not imported: {reason}")
    if failed:
        raise click.exceptions.Exit(1)


def _names(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (text or "").split(",") if part.strip())


def _take(
    importer: Importer, sources: Iterable[Source], failed: list[tuple[Source, str]]
) -> Iterator[Taken]:
    """Import what can be; what cannot is noted and does not hold up the rest."""
    for source in sources:
        try:
            yield importer.take(source)
        except (FormatError, WireError) as error:
            failed.append((source, str(error)))
        except OSError as error:
            failed.append((source, f"{error.filename}: {error.strerror}"))


def _failures(failed: Sequence[tuple[Source, str]]) -> list[dict[str, str]]:
    return [{"kind": s.kind, "where": s.where, "reason": reason} for s, reason in failed]


@contextmanager
def _shown(sources: Sequence[Source]) -> Iterator[Iterable[Source]]:
    """Give the sources one by one; for many a bar on stderr shows how long it will take."""
    if len(sources) < _MANY or not sys.stderr.isatty():
        yield sources
        return
    with click.progressbar(
        sources, label="importing", file=sys.stderr, show_pos=True, show_eta=True
    ) as bar:
        yield bar


def _report(taken: Sequence[Taken], *, is_dry: bool) -> None:
    counts = by_outcome(taken)
    would = "would be " if is_dry else ""
    lines = [f"{counted(count, 'run')} {would}{outcome}" for outcome, count in counts.items()]
    fresh = [t for t in taken if t.outcome != Outcome.UNCHANGED]
    for one in fresh[:_SHOWN]:
        rows = f", {counted(one.rows, 'row')}" if one.rows else ""
        lost = f", {counted(one.dropped, 'damaged record')} left out" if one.dropped else ""
        click.echo(f"{one.outcome:8} {one.run or 'a run'} from {one.where}{rows}{lost}")
    if len(fresh) > _SHOWN:
        click.echo(f"and {len(fresh) - _SHOWN:,} more")
    dropped = sum(one.dropped for one in fresh[_SHOWN:])
    if dropped:
        lines.append(f"{counted(dropped, 'damaged record')} left out there")
    click.echo("; ".join(lines) if lines else "there was no run to import")
    if any(t.outcome == Outcome.ADDED for t in taken) and not is_dry:
        output.say("homerun ls lists them; homerun df writes them as a table")

"""`homerun df` and `homerun sql`: the home as tables, for programs and for curious people."""

import csv
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from homerun.cli import output, words
from homerun.cli.common import argument, has_database, json_option, open_home
from homerun.core import MissingExtraError, NotFoundError, UsageError, counted
from homerun.store import find_home, history_frame, query, runs_frame

if TYPE_CHECKING:
    from pandas import DataFrame

_PREVIEW = 1000  # rows that a terminal shows of an answer


@click.command("df")
@argument("sweep", "sweep", metavar="[SWEEP]", required=False)
@click.option("-p", "--project", help="Only runs of this project.")
@click.option(
    "-o",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to FILE.csv, FILE.parquet or FILE.json.",
)
@click.option(
    "--history",
    "keys",
    metavar="KEYS",
    help="Every point of these metrics (a,b,c) instead of one row a run; '*' for all.",
)
def df_command(
    *, sweep: str | None, project: str | None, target: Path | None, keys: str | None
) -> None:
    """Write the table of runs, one row a run, failed ones included.

    The same table in Python: homerun.runs(sweep="x3k9a2bc"). Without -o a terminal shows a part
    of it, and a pipe gets CSV.

    \b
    homerun df x3k9a2bc -o runs.csv
    homerun df x3k9a2bc --history loss,error_rate -o loss.parquet
    """
    write = _writer(target) if target else None
    with open_home() as store:
        sweep_id = store.sweep(sweep).id if sweep else None
        frame = runs_frame(store, sweep=sweep_id, project=project)
        if keys is not None:
            wanted = None if keys == "*" else [key for key in keys.split(",") if key]
            frame = history_frame(store, list(frame["id"]), keys=wanted)
    if target and write:
        replace_file(target, lambda path: write(frame, path))
        output.say(f"{target}: {counted(len(frame), 'row')}, {counted(frame.shape[1], 'column')}")
    elif output.is_pretty():
        click.echo(frame.to_string(max_rows=20, max_cols=_columns(), line_width=output.width()))
        output.say(f"{counted(len(frame), 'row')}; write them with -o FILE.csv")
    else:
        frame.to_csv(sys.stdout, index=False)


@click.command("sql")
@click.argument("statement", metavar="STATEMENT")
@click.option("--write", "is_writing", is_flag=True, help="Let the statement change the home.")
@click.option("--csv", "is_csv", is_flag=True, help="Print comma separated values.")
@json_option
def sql_command(*, statement: str, is_writing: bool, is_csv: bool, is_json: bool) -> None:
    """Ask the database; nothing can be changed without --write. `-` reads the statement from stdin.

    Tables: sweep, run, metric, file, alert, and the view history(run, key, step, value, time).

    \b
    homerun sql "select state, count(*) from run group by state"
    homerun sql --csv "select step, value from history where run = 'x1y2z3'"
    """
    if statement == "-":
        statement = sys.stdin.read()
    home = find_home()
    if not has_database(home):
        raise NotFoundError(f"there is no home at {home} yet; make one here with: homerun init")
    with query(home, statement, is_writing=is_writing) as cursor:
        if cursor.description is None:
            changed = max(0, cursor.rowcount)
            output.say(f"{counted(changed, 'row')} changed" if is_writing else "no answer")
            return
        titles = [column[0] for column in cursor.description]
        if is_json:
            output.print_json([dict(zip(titles, row, strict=True)) for row in cursor])
        elif is_csv:
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerow(titles)
            writer.writerows(cursor)
        elif output.is_pretty():
            _print_answer(titles, cursor.fetchmany(_PREVIEW), has_more=bool(cursor.fetchone()))
        else:
            output.print_tsv(titles, cursor)


def _print_answer(titles: list[str], rows: list[tuple[Any, ...]], *, has_more: bool) -> None:
    columns = []
    for index, title in enumerate(titles):
        values = [row[index] for row in rows]
        is_number = all(isinstance(value, int | float | None) for value in values)
        cells = ["" if v is None else words.exact(_decoded(v)) for v in values]
        columns.append(output.Column(title, cells, is_number=is_number, rank=index))
    hidden = output.print_table(columns)
    output.say_hidden(hidden)
    if has_more:
        output.say(f"the first {_PREVIEW:,} rows; all: --csv or --json")


def _decoded(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _writer(target: Path) -> Callable[["DataFrame", Path], None]:
    writers: dict[str, Callable[[DataFrame, Path], None]] = {
        ".csv": lambda frame, path: frame.to_csv(path, index=False),
        ".json": lambda frame, path: frame.to_json(path, orient="records", date_format="iso"),
        ".parquet": _write_parquet,
    }
    if target.suffix not in writers:
        raise UsageError(f"-o {target}: the name must end in {', '.join(writers)}")
    return writers[target.suffix]


def _write_parquet(frame: "DataFrame", path: Path) -> None:
    try:
        frame.to_parquet(path, index=False)
    except ImportError as error:
        raise MissingExtraError("parquet files need: pip install pyarrow") from error


def replace_file(target: Path, write: Callable[[Path], None]) -> None:
    """Write a file beside the target and move it there: nobody sees half of it."""
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}: make it, or use another one")
    part = target.with_name(f".{target.stem}.{os.getpid()}{target.suffix}")
    try:
        write(part)
        part.replace(target)
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def replace_text(target: Path, text: str) -> None:
    """Write text to a file, whole or not at all."""
    replace_file(target, lambda part: _put(text, part))


def _put(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def _columns() -> int:
    return max(2, output.width() // 12)

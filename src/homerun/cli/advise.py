"""`homerun advise` and `homerun plan`: what to run next, and what to run at all."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from homerun.cli import output
from homerun.cli.asking import Table, ask, asked, question_options, table_of
from homerun.cli.common import argument, json_option
from homerun.core import SpecError, UsageError, counted
from homerun.search import count
from homerun.spec import load, parse

if TYPE_CHECKING:
    from homerun.insight import Advice, NextSweep


@click.command("advise")
@argument("refs", "sweep", "file", metavar="SWEEP|TABLE.csv...", nargs=-1, required=True)
@click.option(
    "-o",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the next sweep file.",
)
@click.option("--all", "is_all", is_flag=True, help="With -o: the ones after it, too: FILE-2, ...")
@question_options
@json_option
def advise_command(
    *, refs: Sequence[str], target: Path | None, is_all: bool, is_json: bool, **options: Any
) -> None:
    """Say what to run next, and write it as a sweep file that says why each line is what it is.

    What is settled is fixed, values that lose are left out, a range is extended whose best value
    lies at its end; parameters that do not interact are tuned one after the other, in small sweeps.
    Give the sweeps of before together with the first one: all their runs count.

    \b
    homerun advise x3k9a2bc -o next.yaml
    homerun advise x3k9a2bc p4r5s6t7 -o next.yaml
    homerun advise runs.csv --metric error_rate --param lr --param decay
    """
    if is_all and target is None:
        raise UsageError("--all goes with -o FILE")
    tables = [_table(ref, options) for ref in refs]
    first = tables[0]
    question = {**asked(options), "metric": first.required_metric, "goal": first.goal}
    spec = first.sweep.spec if first.sweep else None
    advice = ask("advise")(_together(tables), **question, spec=spec, margin=options["margin"])
    sweeps = advice.sweeps if is_all else advice.sweeps[:1]
    written = [
        _write(sweep, _numbered(target, at))
        for at, sweep in enumerate(sweeps)
        if target is not None
    ]
    if is_json:
        document = {**advice.to_dict(), "files": [str(path) for path in written]}
        output.print_json({"source": [table.title for table in tables], **document})
        return
    _print(advice, first)
    if advice.sweeps and not written:
        output.say(f"\nnext: homerun advise {' '.join(refs)} -o next.yaml")
    for path in written[:1]:
        output.say(
            f"\nnext: homerun sweep {path} · then homerun advise {' '.join(refs)} and its id"
        )


@click.command("plan")
@click.argument("source", metavar="FILE.yaml", type=click.Path(path_type=Path))
@click.option(
    "--noise",
    type=float,
    default=0.05,
    metavar="SHARE",
    help="What one run varies by. Default: 0.05, 5 % of the metric.",
)
@click.option(
    "--minutes-per-run",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MINUTES",
    help="To tell the hours that each plan takes.",
)
@click.option("--runs", type=click.IntRange(min=1), metavar="N", help="There is room for N runs.")
@json_option
def plan_command(
    *, source: Path, noise: float, minutes_per_run: float | None, runs: int | None, is_json: bool
) -> None:
    """Say what each way to run a sweep file would cost, and what it could find out.

    EFFECTS is how much worse a value must be to be found out (in 80 % of the cases, with 5 % false
    ones), INTERACTIONS the same of the effect that two parameters have on each other.

    \b
    homerun plan sweep.yaml
    homerun plan sweep.yaml --minutes-per-run 4 --runs 50 --noise 0.03
    """
    sweep = load(source)
    answer = ask("plan")(dict(sweep.spec), runs=runs, noise=noise, minutes_per_run=minutes_per_run)
    if is_json:
        output.print_json(answer.to_dict())
        return
    rows = answer.table.to_dict("records")
    columns = [
        output.Column("PLAN", [row["plan"] for row in rows], is_whole=True),
        output.Column("RUNS", [f"{row['runs']:,}" for row in rows], is_number=True),
        output.Column(
            "HOURS",
            [f"{row['hours']:.3g}" if "hours" in row else "" for row in rows],
            is_number=True,
        ),
        output.Column(
            "EFFECTS", [_percent(row["finds_effects_of"]) for row in rows], is_number=True
        ),
        output.Column(
            "INTERACTIONS", [_percent(row["finds_interactions_of"]) for row in rows], is_number=True
        ),
        output.Column("IN THE SWEEP FILE", [row["in_the_sweep_file"] for row in rows], rank=1),
    ]
    output.print_table(columns)
    _say(answer.sentence, answer.notes)


def _table(ref: str, options: dict[str, Any]) -> Table:
    return table_of(ref, metric=options["metric"], goal=options["goal"], where=options["where"])


def _together(tables: Sequence[Table]) -> Any:
    """Return the runs of all tables as one; columns are those of the first where they differ."""
    import pandas as pd  # noqa: PLC0415

    if len(tables) == 1:
        return tables[0].frame
    frames = [table.frame.dropna(axis="columns", how="all") for table in tables]
    frame = pd.concat(frames, ignore_index=True)
    frame.attrs.update(tables[0].frame.attrs)
    return frame


def _numbered(target: Path, at: int) -> Path:
    return target if at == 0 else target.with_name(f"{target.stem}-{at + 1}{target.suffix}")


def _write(sweep: "NextSweep", path: Path) -> Path:
    """Write a sweep file that was read once before anybody else has to."""
    from homerun.insight import sweep_text  # noqa: PLC0415

    text = sweep_text(sweep.spec, sweep.reasons, head=sweep.head)
    try:
        checked = parse(text, source=str(path))
    except SpecError as error:
        raise UsageError(f"the next sweep cannot be written as a sweep file: {error}") from error
    if count(checked).planned == 0:
        raise UsageError(
            f"the constraints of the sweep allow no run of {sweep.what} next to the"
            " best of the rest; advise on fewer parameters with --param"
        )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    output.say(f"{path}: {counted(sweep.runs, 'run')}, for {sweep.what}")
    return path


def _print(advice: "Advice", table: Table) -> None:
    click.echo(output.styled(output.plain(table.title), "bold"))
    for row in advice.table.to_dict("records"):
        name = output.styled(output.plain(row["parameter"]), "bold")
        click.echo(f"{name}: {output.plain(row['values'])} ({row['step']})")
        if row["why"]:
            click.echo(output.wrapped(row["why"], first="    ", others="    "))
    _say(advice.sentence, advice.notes)


def _say(sentence: str, notes: Sequence[str]) -> None:
    click.echo()
    click.echo(output.wrapped(sentence))
    for note in notes:
        click.echo(output.wrapped(note, first="- ", others="  "))


def _percent(share: float) -> str:
    if share == float("inf"):
        return "none"
    return f"{100 * share:.0f} %" if share < 10 else "> 999 %"

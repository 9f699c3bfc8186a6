"""`homerun report`: what a sweep taught, on one page that is read in two minutes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from homerun.agent import recommended
from homerun.cli import output, words
from homerun.cli.asking import Table, ask, asked, is_file, question_options, sweep_table, table_of
from homerun.cli.common import argument, json_option, one_line, open_home
from homerun.cli.data import replace_text
from homerun.cli.plot import open_page
from homerun.core import MissingExtraError, SweepRecord, UsageError, flat
from homerun.search import Candidate, Recommendation
from homerun.spec import Metric, from_dict
from homerun.store import Store, history_frame

if TYPE_CHECKING:
    from homerun.insight import Report, Section

_FORMATS = {".html": "html", ".htm": "html", ".md": "markdown"}
_MANY = 1000  # runs, of which the pictures take more than a second
_TOP = 5
_COLUMNS = 6  # parameters in the table of the best


@click.command("report")
@argument("ref", "sweep", "file", metavar="SWEEP|TABLE.csv")
@click.option(
    "-o",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write to FILE.html or FILE.md.",
)
@click.option(
    "--open", "is_open", is_flag=True, help="Show the page in the browser; report.html without -o."
)
@question_options
@json_option
def report_command(
    *, ref: str, target: Path | None, is_open: bool, is_json: bool, **options: Any
) -> None:
    """Write what a sweep taught on one page: questions, answers, best runs, cost.

    An HTML page holds its pictures and fetches nothing. Without -o the answers are printed, a
    sentence or two each. Nothing is claimed that the runs do not show.

    \b
    homerun report x3k9a2bc
    homerun report x3k9a2bc --open
    homerun report runs.csv --metric error_rate -o report.md
    """
    if target and target.suffix.lower() not in _FORMATS:
        raise UsageError(f"-o {target}: the name must end in {', '.join(_FORMATS)}")
    if is_open:
        target = target or Path("report.html")
        if not _is_page(target):
            raise UsageError(f"--open shows a page in the browser: -o {target.stem}.html")
    made = _report(ref, options, is_drawn=target is not None and _is_page(target))
    if target:
        text = made.to_html() if _is_page(target) else made.to_markdown()
        replace_text(target, text)
        output.say(f"{target}: {made.title}")
        if is_open:
            open_page(target)
    elif is_json:
        output.print_json(made.to_dict())
    else:
        title, *rest = str(made).splitlines()
        click.echo(output.styled(output.plain(title), "bold"))
        click.echo("\n".join(map(output.plain, rest)))
        if not is_file(ref):
            output.say(f"\nnext: homerun report {one_line([ref])} -o report.html")


def _is_page(target: Path) -> bool:
    return _FORMATS[target.suffix.lower()] == "html"


def _report(ref: str, options: dict[str, Any], *, is_drawn: bool) -> "Report":
    known: dict[str, Any] = {**asked(options), "margin": options["margin"]}
    where = {name: options[name] for name in ("metric", "goal", "where")}
    points = None
    if is_file(ref):
        table = table_of(ref, **where)
    else:
        with open_home() as store:
            record = store.sweep(ref)
            ref, table = record.id, sweep_table(store, record, **where)
            if is_drawn and table.name is not None:
                points = history_frame(store, list(table.frame["id"]), keys=[table.name])
            known["gpus"] = _gpus(record)
            if options["where"] is None:  # the model of all runs says nothing of a part of them
                known["best"] = _best(store, record, table, options["repeats"])
    if table.metric is not None:
        known["commands"] = [_advise(ref, options)]
    known |= {"metric": table.metric, "goal": table.goal, "title": table.title}
    made: Report
    if is_drawn:
        from homerun import charts  # noqa: PLC0415  as late as insight

        with _steps(len(table.frame)) as on_step:
            made = charts.report(table.frame, history=points, on_step=on_step, **known)
    else:
        made = ask("report")(table.frame, **known)
    return made


@contextmanager
def _steps(runs: int) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far a report of many runs is, and how long it will take, on a terminal."""
    if runs < _MANY or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(
        length=1, label=f"report of {runs:,} runs", file=sys.stderr, show_eta=True
    ) as bar:

        def on_step(done: int, every: int) -> None:
            bar.length = every
            bar.update(done - bar.pos)

        yield on_step


def _gpus(record: SweepRecord) -> int:
    gpus = from_dict(record.spec, source=f"sweep {record.id}").settings.gpus
    return 1 if gpus is None else gpus


def _advise(ref: str, options: dict[str, Any]) -> str:
    """Return the command that writes the next sweep file, asked as this report was."""
    given = [f"--{name}={options[name]}" for name in ("metric", "goal", "where") if options[name]]
    given += [f"--param={name}" for name in options["params"]]
    given += [f"--repeat-column={name}" for name in options["repeats"]]
    return one_line(["homerun", "advise", ref, *given, "-o", "next.yaml"])


def _best(
    store: Store, record: SweepRecord, table: Table, repeats: Sequence[str]
) -> "Section | None":
    """Return what a model of all runs says of the best few."""
    metric = None
    if table.name is not None:
        is_maximized = table.goal == "maximize"
        metric = Metric(name=table.name, goal="maximize" if is_maximized else "minimize")
    elif not record.spec.get("metrics"):
        return None
    try:
        found = recommended(store, record, metric=metric)
    except MissingExtraError:
        return None
    return _section(found, repeats) if found.top or found.front else None


def _section(found: Recommendation, repeats: Sequence[str]) -> "Section":
    import pandas as pd  # noqa: PLC0415

    shown = (found.front or found.top)[:_TOP]
    configs = [
        {key: value for key, value in flat(dict(one.config)).items() if key not in repeats}
        for one in shown
    ]
    varying = [key for key in configs[0] if len({words.exact(one.get(key)) for one in configs}) > 1]
    rows = [
        {
            "run": found.name_of(one),
            **{key: words.number(one.values[key]) for key in found.metrics},
            **({} if found.front else {found.metric: words.number(one.observed)}),
            "expected": _expected(one),
            **{key: words.cell(config.get(key)) for key in varying[:_COLUMNS]},
        }
        for one, config in zip(shown, configs, strict=True)
    ]
    table = pd.DataFrame(rows)
    if not table["expected"].any():
        table = table.drop(columns="expected")
    alike = {key: value for key, value in configs[0].items() if key not in varying}
    same = words.settings(alike, between=", ")
    said = tuple(f"{text[:1].upper()}{text[1:]}." for text in found.sentences)
    shared = f"All of them have {same}." if same and len(rows) > 1 else ""
    how = "Expected: when run again, with a 90 % interval." if "expected" in table else ""
    section: Section = ask("Section")(
        title="Best runs",
        sentences=said,
        table=table,
        remark=" ".join(filter(None, [shared, how])),
    )
    return section


def _expected(one: Candidate) -> str:
    if one.mean is None or one.low is None or one.high is None:
        return ""
    mean, low, high = words.numbers([one.mean, one.low, one.high])
    return f"{mean} [{low}, {high}]"

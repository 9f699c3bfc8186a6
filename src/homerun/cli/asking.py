"""The table of runs that a question is about: of a sweep in the home, or of a file."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from homerun.cli.common import keys_completion, location, open_home, together
from homerun.cli.condition import WHERE_HELP, condition_of, holding
from homerun.core import MissingExtraError, NotFoundError, SweepRecord, UsageError
from homerun.spec import from_dict
from homerun.store import Store, runs_frame

if TYPE_CHECKING:
    from pandas import DataFrame

_FILES = (".csv", ".tsv")
_LISTED = 8  # columns that a message names
_complete = keys_completion()


@dataclass(frozen=True, kw_only=True, eq=False)
class Table:
    """Runs, what is known of where they are from, and what is to be learned of them."""

    frame: "DataFrame"
    title: str
    metric: str | None  # a column of the frame
    name: str | None = None  # of the metric, as its sweep knows it
    goal: str
    sweep: SweepRecord | None = None

    @property
    def required_metric(self) -> str:
        """Return the metric; raise UsageError where none is known."""
        if self.metric is not None:
            return self.metric
        shown = ", ".join(_numbers(self.frame)[:_LISTED]) or "no number"
        raise UsageError(
            f"{self.title}: no metric says what is better: --metric NAME; there is {shown}"
        )


table_options = together(  # of all questions about a table of runs
    click.option(
        "--metric",
        metavar="NAME",
        help="By this metric; default: the sweep's.",
        shell_complete=_complete,
    ),
    click.option(
        "--goal",
        type=click.Choice(["minimize", "maximize"]),
        help="Default: the sweep's, else minimize.",
    ),
    click.option(
        "--param",
        "params",
        multiple=True,
        metavar="NAME",
        help="Only this parameter (several times: these).",
        shell_complete=_complete,
    ),
    click.option(
        "--repeat-column",
        "repeats",
        multiple=True,
        metavar="NAME",
        help="A column that only tells repeats apart, as a seed does; default: seed, fold, ...",
        shell_complete=_complete,
    ),
    click.option("--where", metavar="EXPR", help=WHERE_HELP, shell_complete=_complete),
)
question_options = together(  # of most of them
    table_options,
    click.option(
        "--margin",
        type=float,
        default=0.02,
        metavar="SHARE",
        help="What is no difference worth acting on. Default: 0.02, 2 % of the metric.",
    ),
)


def ask(question: str) -> Callable[..., Any]:
    """Return a function of the room of insight; raise MissingExtraError where it cannot be had."""
    from homerun import insight  # noqa: PLC0415

    function: Callable[..., Any] = getattr(insight, question)
    return function


def check(ref: str) -> None:
    """Raise NotFoundError where there is no such sweep, before anything large is loaded."""
    if not is_file(ref):
        with open_home() as store:
            store.sweep(ref)


def asked(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a question as the functions of insight take them."""
    return {name: options[name] or None for name in ("params", "repeats")}


def is_file(ref: str) -> bool:
    """Tell whether a word on the command line means a table in a file."""
    return Path(ref).suffix.lower() in _FILES


def table_of(ref: str, *, metric: str | None, goal: str | None, where: str | None) -> Table:
    """Return the runs of a sweep in the home, or of a CSV file."""
    if is_file(ref):
        frame = _narrowed(_read(Path(ref)), where)
        if metric is not None and metric not in frame.columns:
            _complain_of(frame, metric, ref)
        return Table(frame=frame, title=ref, metric=metric, goal=goal or "minimize")
    with open_home() as store:
        return sweep_table(store, store.sweep(ref), metric=metric, goal=goal, where=where)


def sweep_table(
    store: Store,
    record: SweepRecord,
    *,
    metric: str | None = None,
    goal: str | None = None,
    where: str | None = None,
) -> Table:
    """Return the runs of a sweep; its parameters are those of its file."""
    frame = runs_frame(store, sweep=record.id)
    kinds = {kind: frame.attrs[kind] for kind in ("config", "summary")}
    sweep = from_dict(record.spec, source=f"sweep {record.id}")
    if sweep.parameters:  # of the rest a program only takes note
        columns = [_column(frame, "config", parameter.name) for parameter in sweep.parameters]
        frame.attrs["config"] = [name for name in columns if name in frame.columns]
    own = {one.name: one.goal for one in (sweep.metric, *sweep.metrics) if one}
    name = metric or (sweep.metric.name if sweep.metric else None)
    column = None
    if name is not None:
        column = _column(frame, "summary", name)
        if column not in frame.columns:
            if name not in own and (frame["state"] == "finished").any():
                _complain_of(frame, name, record.id)
            frame[column] = float("nan")  # no run has come so far
    return Table(
        frame=_narrowed(frame, where, kinds),
        title=location(record.project, record.name),
        metric=column,
        name=name,
        goal=goal or ("maximize" if own.get(name or "") == "maximize" else "minimize"),
        sweep=record,
    )


def project_table(
    store: Store,
    project: str,
    *,
    metric: str | None = None,
    goal: str | None = None,
    where: str | None = None,
) -> Table:
    """Return the runs of a project; the metric is that of its sweeps, where they have but one."""
    frame = runs_frame(store, project=project)
    kinds = {kind: frame.attrs[kind] for kind in ("config", "summary")}
    found = {one.metric for one in store.sweeps() if one.project == project and one.metric}
    own = found.pop() if len(found) == 1 else None
    name = metric or (own.name if own else None)
    return Table(
        frame=_narrowed(frame, where, kinds),
        title=project,
        metric=_column(frame, "summary", name) if name else None,
        name=name,
        goal=goal or (own.goal if own and own.name == name else "minimize"),
    )


def _column(frame: "DataFrame", kind: str, name: str) -> str:
    """Return the column of a key of the configs or summaries."""
    if name in frame.attrs[kind] or f"{kind}.{name}" not in frame.columns:
        return name
    return f"{kind}.{name}"


def _read(path: Path) -> "DataFrame":
    try:
        import pandas as pd  # noqa: PLC0415
    except ImportError as error:
        raise MissingExtraError("tables need: pip install 'homerun[insight]'") from error
    try:
        return pd.read_csv(path, sep=_separator(path))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}") from error
    except (OSError, ValueError) as error:  # what pandas raises of a file is a ValueError
        raise UsageError(f"{path} is no table: {str(error).splitlines()[0]}") from error


def _separator(path: Path) -> str:
    """Return what parts the columns: tabs in a .tsv, else what the head has most of."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    with path.open(encoding="utf-8", errors="replace") as file:
        head = file.readline()
    return max(",;\t", key=head.count)


def _narrowed(
    frame: "DataFrame", where: str | None, kinds: Mapping[str, Sequence[str]] | None = None
) -> "DataFrame":
    """Return the rows for which a condition holds; `kinds`: the columns of config and summary."""
    if where is None:
        return frame
    places = {str(name): i for i, name in enumerate(frame.columns)}
    for kind, names in (kinds or {}).items():  # as lists of runs know them, too
        for name in names:
            places.setdefault(f"{kind}.{name}", places[name])
    first = [name for names in (kinds or {}).values() for name in names]
    condition = condition_of(where, dict.fromkeys([*first, *places]))
    rows = frame.astype(object).where(frame.notna(), None).itertuples(index=False, name=None)
    found = frame[
        holding(condition, ({name: row[i] for name, i in places.items()} for row in rows))
    ]
    found.attrs.update(frame.attrs)
    return found


def _complain_of(frame: "DataFrame", metric: str, source: str) -> None:
    import difflib  # noqa: PLC0415

    known = _numbers(frame)
    near = difflib.get_close_matches(metric, known, n=3, cutoff=0.5) or known[:_LISTED]
    raise UsageError(f"{source} has no metric {metric!r}; there is {', '.join(near) or 'none'}")


def _numbers(frame: "DataFrame") -> list[str]:
    measured = set(frame.attrs.get("summary") or frame.columns)
    names = [str(name) for name in frame.select_dtypes("number").columns]
    return [name for name in names if name in measured]

"""What `homerun plot` draws: which kinds of pictures there are, and what each is made from."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homerun.cli.asking import Table, is_file, project_table, sweep_table, table_of
from homerun.cli.common import find, open_home
from homerun.core import ENDED, NotFoundError, Run, RunState, SweepRecord, UsageError, counted
from homerun.store import Store, history_frame, projects, runs_frame

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of picture: what it shows, and what it can be told."""

    about: str
    takes: tuple[str, ...] = ()  # arguments of its function of `homerun.charts`
    params: int | None = None  # how many --param it takes; None: any number
    history: str = ""  # the points that it needs, too: of the `metric`, or `system` metrics
    needs_aim: bool = True  # which metric, and whether more of it is better
    is_figure: bool = True  # can be drawn in a terminal


KINDS = {
    "parallel": Kind(
        about="every run a line through all its settings",
        takes=("columns", "color", "repeats", "title"),
        is_figure=False,
    ),
    "scatter": Kind(
        about="the metric against time or memory, and the best for each cost",
        takes=("params", "repeats", "x", "y", "color", "size"),
    ),
    "effect": Kind(
        about="a parameter, with runs that differ in nothing else paired",
        takes=("parameter", "repeats"),
        params=1,
    ),
    "curves": Kind(
        about="how the metric went while runs ran",
        takes=("key", "x", "color", "smoothing"),
        params=0,
        history="metric",
        needs_aim=False,
    ),
    "progress": Kind(about="the best so far, by runs and by hours", takes=("target",), params=0),
    "importance": Kind(about="how much each parameter matters", takes=("params", "repeats")),
    "pair": Kind(
        about="two parameters, and whether they are independent",
        takes=("a", "b", "repeats"),
        params=2,
    ),
    "timeline": Kind(
        about="what ran where and when, and idle gaps",
        takes=("color",),
        params=0,
        history="system",
        needs_aim=False,
    ),
    "table": Kind(about="the best runs with small bars", params=0, is_figure=False),
    "diff": Kind(
        about="two or a few runs side by side", params=0, history="metric", is_figure=False
    ),
}
_OPTIONS = ("x", "y", "color", "size", "key", "smoothing", "target")
_SYSTEM = re.compile(r"system\.gpu\.\d+\.(gpu|powerWatts|memoryAllocated)$")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What was asked for."""

    refs: tuple[str, ...]
    kind: str | None
    options: Mapping[str, Any]
    is_terminal: bool = False

    @property
    def where(self) -> dict[str, Any]:
        """Return the options that choose rows and metric."""
        return {name: self.options[name] for name in ("metric", "goal", "where")}


@dataclass(frozen=True, kw_only=True, eq=False)
class Subject:
    """What is drawn, and what with."""

    kind: str
    name: str  # of the file, if no other is given
    table: Table
    history: "DataFrame | None"
    chosen: Mapping[str, Any]  # arguments of its function

    @property
    def slug(self) -> str:
        """Return the name as it stands in the name of a file."""
        return re.sub(r"[^\w.-]+", "-", self.name).strip("-.") or "runs"

    @property
    def told(self) -> str:
        """Return what it is, in one line."""
        rows = counted(len(self.table.frame), "point" if self._is_log else "run")
        return f"{KINDS[self.kind].about}, {rows}"

    @property
    def _is_log(self) -> bool:
        """Tell whether the rows of the table are what runs logged, not runs."""
        return self.history is self.table.frame

    @property
    def is_drawn(self) -> bool:
        """Tell whether it can be a PNG, in light or dark, and is no table."""
        return self.kind not in {"table", "diff"}

    @property
    def has_results(self) -> bool:
        """Tell whether a run has finished, so that there should be something to draw."""
        frame = self.table.frame
        return "state" not in frame or bool((frame["state"] == RunState.FINISHED).any())

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more will come."""
        frame, sweep = self.table.frame, self.table.sweep
        if sweep is not None and sweep.state == "running" and sweep.planned is None:
            return False
        if sweep is not None and sweep.planned and len(frame) < sweep.planned:
            return sweep.state != "running"
        return "state" not in frame or bool(frame["state"].isin(list(map(str, ENDED))).all())

    def draw(self) -> Any:
        """Return the picture."""
        from homerun import charts  # noqa: PLC0415  pandas and numpy

        function = getattr(charts, self.kind)
        if self.kind == "curves":
            runs = None if self._is_log else self.table.frame
            return function(self.history, runs=runs, **self.chosen)
        if self.history is not None:
            return function(self.table.frame, history=self.history, **self.chosen)
        return function(self.table.frame, **self.chosen)


def look(wish: Wish) -> Subject:
    """Read what is to be drawn."""
    if len(wish.refs) == 1 and is_file(wish.refs[0]):
        kind = wish.kind or ("progress" if wish.is_terminal else "parallel")
        table = table_of(wish.refs[0], **wish.where)
        points = table.frame if kind == "curves" else None
        return _subject(wish, kind, Path(wish.refs[0]).stem, table, points)
    with open_home() as store:
        nouns = _nouns(store, wish.refs)
        of_runs = "diff" if len(nouns) > 1 and not wish.is_terminal else "curves"
        of_sweep = "progress" if wish.is_terminal else "parallel"
        kind = wish.kind or (of_runs if nouns and isinstance(nouns[0], Run) else of_sweep)
        if nouns:
            name, table = _table(store, nouns, wish)
        else:
            name = wish.refs[0]
            table = project_table(store, name, **wish.where)
        return _subject(wish, kind, name, table, _history(store, kind, table, wish))


def _nouns(store: Store, refs: Sequence[str]) -> list[Run | SweepRecord]:
    """Return the runs or the sweep that are meant; none: a project is."""
    try:
        return [find(store, ref) for ref in refs]
    except NotFoundError:
        if len(refs) == 1 and refs[0] in projects(store):
            return []
        raise


def _table(store: Store, nouns: Sequence[Run | SweepRecord], wish: Wish) -> tuple[str, Table]:
    first = nouns[0]
    if isinstance(first, SweepRecord):
        if len(nouns) > 1:
            raise UsageError("give one sweep, or several runs")
        return first.name, sweep_table(store, first, **wish.where)
    runs = [noun for noun in nouns if isinstance(noun, Run)]
    if len(runs) < len(nouns):
        raise UsageError("give one sweep, or runs alone")
    names = "-".join(str(run.number) for run in runs[:4])
    frame = runs_frame(store, ids=[run.id for run in runs])
    sweeps = {run.sweep for run in runs}
    if len(sweeps) == 1 and first.sweep:
        of = sweep_table(store, store.sweep(first.sweep), **wish.where)
        kept = of.frame[of.frame["id"].isin(frame["id"])]
        kept.attrs.update(of.frame.attrs)
        return names, replace(of, frame=kept, sweep=None)
    title = ", ".join(run.name for run in runs[:4])
    metric, goal = wish.options["metric"], wish.options["goal"]
    return names, Table(frame=frame, title=title, metric=metric, goal=goal or "minimize")


def _history(store: Store, kind: str, table: Table, wish: Wish) -> "DataFrame | None":
    wanted, ids = KINDS[kind].history, list(table.frame["id"])
    if wanted == "metric":
        key = wish.options["key"] or table.name or table.metric
        found = history_frame(store, ids, keys=[key] if key else None)
        if wish.options["key"] and found.empty:
            every = store.rows(
                "SELECT DISTINCT key FROM metric WHERE substr(key, 1, 7) != 'system.'"
            )
            names = ", ".join(sorted(name for (name,) in every)[:12]) or "nothing"
            raise UsageError(f"--key {key}: none of these runs logged it; logged was {names}")
        return found
    if wanted == "system":
        every = store.rows("SELECT DISTINCT key FROM metric WHERE substr(key, 1, 7) = 'system.'")
        keys = [key for (key,) in every if _SYSTEM.match(key)] or ["system.cpu"]
        return history_frame(store, ids, keys=keys)
    return None


def _subject(
    wish: Wish, kind: str, name: str, table: Table, history: "DataFrame | None"
) -> Subject:
    """Match what was asked for with what this kind of picture takes."""
    of, options = KINDS[kind], wish.options
    if wish.is_terminal and not of.is_figure:
        able = ", ".join(name for name, one in KINDS.items() if one.is_figure)
        raise UsageError(f"a terminal cannot show {kind}; it shows --kind {able}")
    for option in _OPTIONS:
        if options[option] is not None and option not in of.takes:
            fit = ", ".join(other for other, its in KINDS.items() if option in its.takes)
            raise UsageError(f"--{option} says nothing to {kind}; it is for {fit}")
    params = list(options["params"])
    if of.params is not None and len(params) > of.params:
        raise UsageError(f"--param: {kind} takes {counted(of.params, 'parameter')}")
    known: dict[str, Any] = {
        **options,
        "columns": params,
        "parameter": params[0] if params else None,
        "a": params[0] if params else None,
        "b": params[1] if params[1:] else None,
        "title": table.title,
        "key": options["key"] or table.name or table.metric,
    }
    chosen = {key: known[key] for key in of.takes if known[key] not in (None, [], ())}
    if of.needs_aim:
        chosen |= {"metric": table.metric, "goal": table.goal}
    return Subject(kind=kind, name=name, table=table, history=history, chosen=chosen)

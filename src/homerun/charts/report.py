"""The report of insight with its pictures: all runs, what matters, how it went, what it cost."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from homerun import insight
from homerun.charts.aims import goal_of
from homerun.charts.figure import Figure
from homerun.charts.kinds import importance
from homerun.charts.kinds.curves import curves
from homerun.charts.kinds.effect import effect
from homerun.charts.kinds.progress import progress
from homerun.charts.kinds.scatter import scatter
from homerun.charts.kinds.timeline import timeline
from homerun.charts.live import Bundle
from homerun.charts.pages import framed, packed
from homerun.charts.parallel import Parallel, parallel
from homerun.charts.parallel.display import best_runs, page_of
from homerun.core import MissingExtraError, UsageError
from homerun.insight import Picture, Report, Section

if TYPE_CHECKING:
    from pandas import DataFrame

_FRAME, _ROW, _ROWS = 575, 26, 12  # pixels: the axes, a row of the table; rows without scrolling
_ORDER = (  # of the parts of a report
    "All runs",
    "Questions and answers",
    "Value against value",
    "What matters",
    "What must be tuned together",
    "Best runs",
    "What to do next",
    "How it went",
    "What it cost",
    "What to beware of",
)


def report(
    df: "DataFrame",
    *,
    metric: str | None = None,
    goal: str | None = None,
    params: Iterable[str] | None = None,
    repeats: str | Iterable[str] | None = None,
    history: "DataFrame | None" = None,
    on_step: Callable[[int, int], None] | None = None,
    **known: Any,
) -> Report:
    """Return what a table of runs teaches as one page with pictures.

    `history`: the points of the metric, as `homerun.history()` gives them, for learning curves. All
    else is as in `homerun.insight.report`, which makes the page without pictures. `on_step` hears
    how many parts are done, of how many.
    """
    df = insight.plain_table(df)
    metric = metric or df.attrs.get("metric")
    goal = goal_of(df.attrs, metric, goal)
    asked: dict[str, Any] = {
        "params": params if params is None or isinstance(params, str) else list(params),
        "repeats": repeats if repeats is None or isinstance(repeats, str) else list(repeats),
    }
    made: Report = insight.report(df, metric=metric, goal=goal, **asked, **known)
    if metric is None or metric not in df.columns:
        return made
    df = df.copy(deep=False)
    df.attrs.pop("title", None)  # the page has it
    aim: dict[str, Any] = {"metric": metric, "goal": goal}
    repeat = {"repeats": asked["repeats"]}
    lines = {"title": "", "columns": asked["params"], **repeat}
    bundle = Bundle()
    parts = {
        "All runs": [lambda: _frame(parallel(df, **aim, **lines))],
        "What matters": [
            *_asked_already(bundle, made, metric),
            lambda: _drawn(bundle, effect(df, **aim, **asked)),
        ],
        "How it went": [
            *([] if _is_mixed(df, metric) else [lambda: _drawn(bundle, progress(df, **aim))]),
            *([lambda: _drawn(bundle, curves(history, runs=df))] if history is not None else []),
        ],
        "What it cost": [
            lambda: _drawn(bundle, scatter(df, **aim, **asked)),
            lambda: _drawn(bundle, timeline(df)),
        ],
    }
    if on_step is not None:
        parts = _counted(parts, on_step)
    sections = tuple(_illustrated(made.sections, parts))
    return replace(made, sections=sections, script=bundle.script())


def _asked_already(bundle: Bundle, made: Report, metric: str) -> list[Callable[[], Picture]]:
    """Return what draws the answers in a report; nothing where none could be had."""
    ranking, pairs = made.importance, made.independence
    if ranking is None or pairs is None:
        return []
    return [lambda: _drawn(bundle, importance.drawn(metric, ranking, pairs))]


def _counted(
    parts: dict[str, list[Callable[[], Picture]]], on_step: Callable[[int, int], None]
) -> dict[str, list[Callable[[], Picture]]]:
    """Return the makers of pictures, which say how far it is; the words, made before, are first."""
    every = 1 + sum(map(len, parts.values()))
    done = count(1)
    on_step(next(done), every)

    def told(make: Callable[[], Picture]) -> Picture:
        try:
            return make()
        finally:
            on_step(next(done), every)

    return {title: [partial(told, make) for make in own] for title, own in parts.items()}


def _illustrated(
    sections: tuple[Section, ...], parts: dict[str, list[Callable[[], Picture]]]
) -> Iterator[Section]:
    """Yield the sections with their pictures, in the order of a reader."""
    by_title = {section.title: section for section in sections}
    for title in dict.fromkeys([*_ORDER, *by_title]):
        section = by_title.get(title, Section(title=title))
        section = replace(section, pictures=tuple(_possible(parts.get(title, ()))))
        if not section.is_empty:
            yield section


def _possible(makers: Iterable[Callable[[], Picture]]) -> Iterator[Picture]:
    """Yield the pictures that the runs allow; matplotlib may be missing."""
    for make in makers:
        try:
            yield make()
        except (UsageError, MissingExtraError):
            continue


def _is_mixed(df: "DataFrame", metric: str) -> bool:
    """Tell whether there are several data sets or the like, of which no run is the best of all."""
    return any(df[name].nunique() > 1 for name in insight.classify(df, metric=metric).blocks)


def _frame(chart: Parallel) -> Picture:
    page = packed(page_of(chart.document, is_framed=True), without_script=best_runs(chart.document))
    height = _FRAME + _ROW * min(chart.document["count"], _ROWS)
    frame = framed(page, height=height, title="parallel coordinates of all runs")
    return Picture(html=frame, is_broad=True)


def _drawn(bundle: Bundle, figure: Figure) -> Picture:
    """Return a figure that stands still until the script of the page lets it answer."""
    still = figure.to_svg(is_inline=True)
    return Picture(html=bundle.place(figure, meanwhile=still), is_broad=True)

"""A DataFrame in, a picture out: a widget, a page of its own, a PNG, a terminal."""

from typing import TYPE_CHECKING

from homerun import lazy

if TYPE_CHECKING:
    from homerun.charts.figure import Axis as Axis
    from homerun.charts.figure import Band as Band
    from homerun.charts.figure import Bars as Bars
    from homerun.charts.figure import Boxes as Boxes
    from homerun.charts.figure import Cells as Cells
    from homerun.charts.figure import Color as Color
    from homerun.charts.figure import Figure as Figure
    from homerun.charts.figure import Line as Line
    from homerun.charts.figure import Panel as Panel
    from homerun.charts.figure import Points as Points
    from homerun.charts.figure import Rule as Rule
    from homerun.charts.figure import Spans as Spans
    from homerun.charts.kinds.curves import curves as curves
    from homerun.charts.kinds.diff import diff as diff
    from homerun.charts.kinds.effect import effect as effect
    from homerun.charts.kinds.html_table import HtmlTable as HtmlTable
    from homerun.charts.kinds.importance import importance as importance
    from homerun.charts.kinds.pair import pair as pair
    from homerun.charts.kinds.progress import progress as progress
    from homerun.charts.kinds.scatter import scatter as scatter
    from homerun.charts.kinds.table import table as table
    from homerun.charts.kinds.timeline import timeline as timeline
    from homerun.charts.live import fragment_of as fragment_of
    from homerun.charts.parallel import Parallel as Parallel
    from homerun.charts.parallel import parallel as parallel
    from homerun.charts.report import report as report

lazy.attach(
    __name__,
    {
        "figure": "Axis Band Bars Boxes Cells Color Figure Line Panel Points Rule Spans",
        "kinds.curves": "curves",
        "kinds.diff": "diff",
        "kinds.effect": "effect",
        "kinds.html_table": "HtmlTable",
        "kinds.importance": "importance",
        "kinds.pair": "pair",
        "kinds.progress": "progress",
        "kinds.scatter": "scatter",
        "kinds.table": "table",
        "kinds.timeline": "timeline",
        "live": "fragment_of",
        "parallel": "Parallel parallel",
        "report": "report",
    },
    extra="plot",
)

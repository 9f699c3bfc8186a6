"""The runs of a table as parallel coordinates: in a notebook, as a page, as a picture."""

import uuid
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from homerun.charts.figure import Theme
from homerun.charts.parallel import display
from homerun.charts.parallel.document import document
from homerun.charts.writing import save
from homerun.core import MissingExtraError, counted, kernel

if TYPE_CHECKING:
    import anywidget
    from pandas import DataFrame


def parallel(
    df: "DataFrame",
    *,
    metric: str | None = None,
    goal: str | None = None,
    columns: str | Iterable[str] | None = None,
    color: str | None = None,
    title: str | None = None,
    labels: Mapping[str, str] | None = None,
    repeats: str | Iterable[str] | None = None,
) -> "Parallel":
    """Return the rows of a table, one a run, as parallel coordinates.

    The metric comes last, with better up; `metric` and `goal` ("minimize", "maximize") are known of
    a table of one sweep. `columns`: the axes, in this order; without them it takes what varies.
    `color`: the column that colours the lines, else the metric. `labels`: what to call columns
    instead of their names. `repeats`: columns that only tell repeats of a configuration apart,
    besides seed, fold and the like.
    """
    made = document(
        df,
        metric=metric,
        goal=goal,
        columns=columns,
        color=color,
        title=title,
        labels=labels,
        repeats=repeats,
    )
    return Parallel(df, made)


class Parallel:
    """Parallel coordinates of a table; as the last line of a notebook's cell, it shows itself."""

    def __init__(self, df: "DataFrame", document: dict[str, Any]) -> None:
        self.df = df
        self.document = document

    def save(self, path: str | Path, *, theme: Theme = "light") -> Path:
        """Write the chart: .html answers to the mouse and needs nothing else; .png, .svg, .pdf.

        A page suits light and dark by itself; `theme` is for the others.
        """
        from homerun.charts.parallel.drawing import picture  # noqa: PLC0415  with numpy

        makers = {
            ".html": lambda: self.to_html().encode(),
            ".png": lambda: picture(self.document, "png", theme),
            ".svg": lambda: picture(self.document, "svg", theme),
            ".pdf": lambda: picture(self.document, "pdf", theme),
        }
        return save(path, makers)

    def to_html(self, *, refresh_s: float | None = None) -> str:
        """Return the chart as a page of its own, which needs no network.

        With `refresh_s` it loads itself again after so many seconds, and keeps what is brushed.
        """
        return display.page_of({**self.document, "refresh_s": refresh_s})

    def widget(self) -> "anywidget.AnyWidget":
        """Return the live chart for notebooks, always the same one; what is brushed comes back."""
        return self._widget

    @property
    def selected(self) -> "DataFrame":
        """Return the rows that are brushed in the live chart; all when nothing is."""
        return self._rows("selected") if "_widget" in self.__dict__ else self.df

    @property
    def pinned(self) -> "DataFrame":
        """Return the rows that are pinned in the live chart, in the order of pinning."""
        return self._rows("pinned") if "_widget" in self.__dict__ else self.df.iloc[:0]

    @cached_property
    def _widget(self) -> "anywidget.AnyWidget":
        from homerun.charts.parallel.widget import make  # noqa: PLC0415  imported where it is used

        return make(self.document, hides=self._place)

    @cached_property
    def _place(self) -> str:
        """Return the id of the element that stands in for the live chart where there is none."""
        return f"homerun-{uuid.uuid4().hex[:12]}"

    def _rows(self, trait: str) -> "DataFrame":
        rows = cast("list[int]", getattr(self._widget, trait))
        return self.df.iloc[[row for row in rows if 0 <= row < len(self.df)]]

    def __repr__(self) -> str:
        axes = [column["name"] for column in self.document["columns"] if column["shown"]]
        aim = f", {self.document['goal']} {self.document['metric']}"
        lines = [
            f"Parallel coordinates of {counted(self.document['count'], 'run')}"
            + (aim if self.document["metric"] else ""),
            f"axes: {' | '.join(axes) or 'none'}",
            display.dropped(self.document),
            *self.document["notes"],
            "save it with .save('runs.html') or '.png'; .selected is what is brushed",
        ]
        return "\n".join(line for line in lines if line)

    def _repr_mimebundle_(
        self,
        include: object = None,  # noqa: ARG002  IPython's signature
        exclude: object = None,  # noqa: ARG002
    ) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._stand_in}

    @cached_property
    def _stand_in(self) -> str:
        return display.stand_in(self.document, self._place)

    def _ipython_display_(self) -> None:
        """Show what stays in the saved notebook, then the live chart, which hides it."""
        from IPython.display import display as show  # noqa: PLC0415  only IPython calls this

        if kernel() is None:  # IPython in a terminal
            show({"text/plain": repr(self)}, raw=True)
            return
        show(self._repr_mimebundle_(), raw=True)
        try:
            live = display.view_of(self.widget())
        except MissingExtraError:
            return
        show(live, raw=True)

    def _display_(self) -> object:
        """Return what marimo shows: the live chart where it can be made."""
        try:
            return self.widget()
        except MissingExtraError:
            return _Page(self)


class _Page:
    """The page of a chart, for marimo without anywidget."""

    def __init__(self, chart: Parallel) -> None:
        self._chart = chart

    def _repr_html_(self) -> str:
        return self._chart._repr_mimebundle_()["text/html"]

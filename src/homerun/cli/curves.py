"""The curves of runs in braille, over each other."""

from collections.abc import Mapping, Sequence

from homerun.cli import output
from homerun.cli.canvas import STYLES, Series, plot
from homerun.core import Run
from homerun.store import COUNTERS, Store, Thinned, thinned

_WIDEST = 110  # columns; a wider picture says no more
_LEAST = 3  # points, fewer are told by the numbers alone

Points = Mapping[tuple[int, str], Thinned]  # by number of the run and key


def curve_lines(store: Store, runs: Sequence[Run], metric: str | None, height: int) -> list[str]:
    """Return how the metric went in each run, as a picture; none where there is nothing to see.

    Without a metric it is the first that all of them have logged.
    """
    found = thinned(store, [run.number for run in runs], keys=[metric] if metric else None)
    key = metric or _common(found, runs)
    curves = [(run, found[run.number, key]) for run in runs if (run.number, key) in found]
    if max((len(points.values) for _, points in curves), default=0) < _LEAST:
        return []
    series = [
        Series(
            x=points.steps,
            y=points.values,
            label=f"{run.number} {run.name}" if len(runs) > 1 else "",
            style=STYLES[index % len(STYLES)],
            end="×" if run.censored else "",  # noqa: RUF001
        )
        for index, (run, points) in enumerate(curves)
    ]
    width = min(output.width(), _WIDEST)
    colored = output.is_colored()
    return plot(series, width, height, x_label="step", y_label=key, is_colored=colored)


def _common(found: Points, runs: Sequence[Run]) -> str:
    """Return the first key that all runs have, empty without one."""
    for number, key in found:
        is_first = number == runs[0].number and key not in COUNTERS
        if is_first and all((run.number, key) in found for run in runs):
            return key
    return ""

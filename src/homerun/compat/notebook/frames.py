"""Tables of runs in a notebook: what varies, the metric first; what does not is named below.

IPython asks a printer for each DataFrame. Ours answers for tables of runs that homerun made and
leaves all others, and selections of columns, to whoever showed them before.
"""

import math
import os
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from homerun.core import counted, duration, ipython, markup, shown

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_PLAIN = "HOMERUN_DISPLAY"  # plain: nothing is shown in a way of our own
_RUN = ("id", "number", "name", "state")  # a table without these is a selection of its user
_KINDS = ("config", "summary", "metadata")
_ROWS = 60  # that are shown
_MOST = 24  # columns that are shown
_NAMED = 12  # columns that are named below
_LOG_FROM = 100.0  # a bar is logarithmic if the largest value is so many times the smallest


def show_frames() -> None:
    """Have IPython, if this runs in it, show tables of runs our way; again does nothing."""
    shell = ipython()
    if shell is None or find_spec("pandas") is None:
        return
    from pandas import DataFrame as frame_type  # noqa: N813, PLC0415  only where there are frames

    formatter = shell.display_formatter.formatters["text/html"]
    try:
        before = formatter.lookup_by_type(frame_type)
    except KeyError:
        before = None
    if not isinstance(before, _Printer):
        formatter.for_type(frame_type, _Printer(before))


class _Printer:
    """Shows DataFrames: ours, and all others as they were shown before."""

    def __init__(self, before: Callable[[Any], str | None] | None) -> None:
        self._before = before

    def __call__(self, frame: Any) -> str | None:
        import pandas as pd  # noqa: PLC0415  there are frames, so it is loaded

        is_wanted = pd.get_option("display.notebook_repr_html") and not is_plain()
        if is_wanted and is_of_runs(frame):
            return runs_html(frame)
        if self._before is not None:
            return self._before(frame)
        usual: str | None = frame._repr_html_()
        return usual


def is_plain() -> bool:
    """Tell whether somebody wants none of this."""
    return os.environ.get(_PLAIN, "").strip().lower() == "plain"


def is_of_runs(frame: "DataFrame") -> bool:
    """Tell whether homerun made this table of runs, and nobody chose columns of it."""
    names = set(frame.columns)
    return frame.columns.is_unique and names.issuperset(_RUN) and set(_KINDS) <= set(frame.attrs)


def runs_html(frame: "DataFrame") -> str:
    """Return a table of runs as HTML, in its own order."""
    attrs = frame.attrs
    metric = str(attrs.get("metric") or "")
    metric = metric if metric in frame.columns else ""
    config = [name for name in attrs["config"] if name in frame.columns]
    summary = [name for name in attrs["summary"] if name in frame.columns and name != metric]
    one = len(frame) == 1
    varying = [name for name in config if one or _varies(frame[name])]
    results = [name for name in summary if one or _varies(frame[name])]
    about = [name for name in ("project", "sweep") if _varies(frame[name])]
    chosen = [*about, *varying, *results][:_MOST]

    rows = _rows(len(frame))
    states = [markup.state(name) if name else "" for name in _picked(frame["state"], rows)]
    columns = [
        markup.Column(title="", cells=_index(frame, rows), is_faint=True),
        markup.Column(title="run", cells=_cells(frame["number"], rows), is_number=True),
        markup.Column(title="name", cells=_cells(frame["name"], rows)),
        markup.Column(title="state", cells=states),
    ]
    if metric:
        columns.append(_metric(frame[metric], metric, str(attrs.get("goal")), rows))
    columns += [
        markup.Column(
            title=name, cells=_cells(frame[name], rows), is_number=frame[name].dtype.kind in "iuf"
        )
        for name in chosen
    ]
    if "runtime_s" in frame.columns and frame["runtime_s"].notna().any():
        times = [duration(_float(value)) for value in _picked(frame["runtime_s"], rows)]
        columns.append(markup.Column(title="time", cells=times, is_number=True))
    if "reason" in frame.columns and any(_cells(frame["reason"], rows)):
        columns.append(
            markup.Column(title="reason", cells=_cells(frame["reason"], rows), is_faint=True)
        )
    parts = [
        markup.heading(str(attrs.get("title") or "runs"), more=_count(len(frame), len(rows))),
        markup.table(columns),
    ]
    same = [name for name in config if name not in varying]
    if same and len(frame):
        texts = [f"{name}={shown(_plain(frame[name].iloc[0]))}" for name in same]
        parts.append(markup.note(f"the same in all: {_some(texts)}"))
    left = [name for name in (*about, *varying, *results) if name not in chosen]
    if left:
        parts.append(markup.note(f"not shown: {_some(left)}"))
    return markup.block(parts)


def _rows(count: int) -> list[int | None]:
    """Return the positions of the rows to show; None: a gap."""
    if count <= _ROWS:
        return list(range(count))
    return [*range(_ROWS // 2), None, *range(count - _ROWS // 2, count)]


def _picked(column: "Series[Any]", rows: Sequence[int | None]) -> list[Any]:
    return [None if at is None else _plain(column.iloc[at]) for at in rows]


def _cells(column: "Series[Any]", rows: Sequence[int | None]) -> list[str]:
    return [markup.cell(value) for value in _picked(column, rows)]


def _index(frame: "DataFrame", rows: Sequence[int | None]) -> list[str]:
    return ["⋯" if at is None else markup.cell(_plain(frame.index[at])) for at in rows]


def _metric(
    column: "Series[Any]", name: str, goal: str, rows: Sequence[int | None]
) -> markup.Column:
    """Return the column of the metric: its values over bars, the best one strong."""
    numbers = [_float(_plain(value)) for value in column]
    finite = [value for value in numbers if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    best = high if goal == "maximize" else low
    cells = []
    for at in rows:
        if at is None:
            cells.append("")
            continue
        value = numbers[at]
        words = markup.cell(_plain(column.iloc[at]))
        words = f"<b>{words}</b>" if finite and value == best else words
        cells.append(words + markup.bar(_share(value, low, high)))
    return markup.Column(title=name, cells=cells)


def _share(value: float, low: float, high: float) -> float | None:
    """Return where a value stands between two others, as a share; on a log scale if they differ."""
    if not math.isfinite(value):
        return None
    if high <= low:
        return 1.0
    if low > 0 and high / low >= _LOG_FROM:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return 0.04 + 0.96 * (value - low) / (high - low)  # the smallest is seen, too


def _varies(column: "Series[Any]") -> bool:
    try:
        return bool(column.nunique(dropna=False) > 1)
    except TypeError:  # lists and the like
        return len({shown(_plain(value)) for value in column}) > 1


def _plain(value: Any) -> Any:
    """Return a value of a column as Python has it, None for a gap."""
    if hasattr(value, "isoformat"):
        return str(value)
    value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
    return None if str(value) in {"<NA>", "NaT"} else value


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _count(count: int, rows: int) -> str:
    runs = counted(count, "run")
    return f"{runs}, the first and last {_ROWS // 2} of them" if rows < count else runs


def _some(texts: Sequence[str]) -> str:
    more = f", and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return f"{', '.join(texts[:_NAMED])}{more}"

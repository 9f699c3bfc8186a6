"""When each run was on which GPU, how long GPUs were idle, and what they were doing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from homerun.charts.arrays import Floats, floats
from homerun.charts.figure import Axis, Band, Color, Figure, Line, Mark, Panel, Points, Spans
from homerun.charts.kinds.runs import levels_of, names_of
from homerun.charts.ticks import duration, plain, show
from homerun.core import UsageError, counted
from homerun.insight import is_number, plain_table, require

if TYPE_CHECKING:
    from pandas import DataFrame, Series

# The states as the terminal colours them, as near as colours for all eyes come.
_COLORS: Mapping[str, Color] = {
    "finished": 2,
    "running": "accent",
    "failed": 1,
    "crashed": 6,
    "killed": 4,
    "preempted": 3,
    "paused": "muted",
}
_QUARTERS: tuple[Color, ...] = ("first", "second", "third", "fourth")
_GROUPS = 7  # colours of a column; what is left is grey
_SIGNS: tuple[tuple[Literal["cross", "ring"], tuple[str, ...]], ...] = (
    ("cross", ("failed", "crashed")),
    ("ring", ("killed", "preempted")),
)
_Unit = Literal["", "share"]
_SENSORS: tuple[tuple[str, str, str, float, _Unit], ...] = (
    # label, key of GPU N, else that of the host, factor, unit
    ("utilisation", "system.gpu.{}.gpu", "system.cpu", 0.01, "share"),
    ("power (W)", "system.gpu.{}.powerWatts", "", 1.0, ""),
)
_SILENCE_S = 60.0  # between two samples, above which a line is broken
_MOST_ROWS = 64
_WINDOWS = 240  # of a line


@dataclass(frozen=True, kw_only=True)
class _Stay:
    """A run in a row of the picture; times in seconds since the start of the first run."""

    row: str
    start: float
    end: float
    state: str
    group: str  # that has a colour
    name: str
    hover: str


class _Gap(NamedTuple):
    start: float
    end: float


def timeline(
    df: "DataFrame", history: "DataFrame | None" = None, *, color: str | None = None
) -> Figure:
    """Draw the runs on their GPUs, or in the slots of their host, and the idle times between them.

    `history` with system metrics (`homerun.history(df.id, keys=[...])`) adds utilisation and power.
    `color`: a column, a parameter or the metric for instance, else the state; numbers of many
    values go by quarters, and runs that did not finish get a sign. Busy: the share of
    the time from the first start to the last end in which any run was there.
    """
    df = plain_table(df)
    for name in ("started_at", "ended_at"):
        if name not in df.columns:
            raise UsageError(f"a timeline needs the columns started_at and ended_at: no {name}")
    began, ended = _seconds(df["started_at"]), _seconds(df["ended_at"])
    if not np.isfinite(began).any():
        raise UsageError(f"none of {len(df)} runs has started: there is no timeline yet")
    first = float(np.nanmin(began))
    last = float(np.nanmax(np.concatenate([began, ended, _times_of(history)])))
    groups, looks = _colored(df, color)
    ended = np.where(np.isfinite(ended), ended, last)
    stays = _stays(df, began - first, ended - first, first, color, groups)
    rows = sorted({stay.row for stay in stays}, key=_by_number)
    shown, length = rows[:_MOST_ROWS], max(last - first, 1e-3)
    about = {row: _Row.of([s for s in stays if s.row == row], length) for row in shown}
    x = Axis(label=f"since {_local(first, '%H:%M on %d %B %Y')}", unit="seconds", low=0.0)
    top = Panel(
        x=x,
        y=Axis(
            label="",
            scale="category",
            categories=tuple(f"{row}: {about[row].said}" for row in reversed(shown)),
        ),
        marks=tuple(_marks(about, list(reversed(shown)), looks, has_signs=color is not None)),
        weight=30 + 34.0 * len(shown),
    )
    started = int(np.isfinite(began).sum())
    panels = (top, *_sensors(history, x, first))
    return Figure(
        kind="timeline",
        title=f"{counted(started, 'run')} in {duration(length)}, {_busy(about)}",
        caption=_caption(df, began, rows, about, length, color),
        panels=panels,
        shares_x=True,
        width=720,
        height=30 + sum(panel.weight for panel in panels),
    )


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A GPU or slot: its runs, in lanes side by side where several were there at once."""

    crowds: tuple[list[list[_Stay]], ...]
    gaps: tuple[_Gap, ...]
    busy: float  # share of the time

    @classmethod
    def of(cls, stays: Sequence[_Stay], length: float) -> "_Row":
        ordered = sorted(stays, key=lambda stay: (stay.start, stay.end))
        gaps = [gap for gap in _gaps(ordered, length) if gap.end - gap.start > length * 1e-4]
        idle = sum(gap.end - gap.start for gap in gaps)
        return cls(crowds=tuple(_crowds(ordered)), gaps=tuple(gaps), busy=1 - idle / length)

    @property
    def longest(self) -> float:
        """Return the longest gap in seconds, 0 without any."""
        return max((gap.end - gap.start for gap in self.gaps), default=0.0)

    @property
    def idle(self) -> float:
        """Return for how many seconds nothing was there."""
        return sum(gap.end - gap.start for gap in self.gaps)

    @property
    def said(self) -> str:
        """Return how busy it was, in words."""
        return f"{_percent(self.busy)} busy" + (
            f", {duration(self.idle)} idle" if self.busy < 0.995 else ""
        )


def _colored(df: "DataFrame", color: str | None) -> tuple[list[str], dict[str, Color]]:
    """Return the group of each run, and the colours of the groups as a legend has them."""
    if color is None:
        states = [state or "finished" for state in _texts(df, "state")]
        known = sorted(set(states), key=_order)
        return states, {state: _COLORS.get(state, 7) for state in known}
    require(df, color)
    nothing = f"no {color}"
    is_there = df[color].notna().tolist()
    groups = [
        group if there else nothing
        for group, there in zip(levels_of(df[color], most=_GROUPS), is_there, strict=True)
    ]
    known = list(dict.fromkeys(groups))
    if is_number(df[color]):
        by_value = pd.Series(floats(df[color])).groupby(groups, sort=False).min().sort_values()
        known = [str(name) for name in by_value.index]
        if df[color].nunique() > _GROUPS:
            is_up = color == df.attrs.get("metric") and df.attrs.get("goal") == "maximize"
            ranges = [name for name in known if name != nothing]
            best_first = ranges[::-1] if is_up else ranges
            return groups, {**dict(zip(best_first, _QUARTERS, strict=False)), nothing: "muted"}
    else:
        counts = pd.Series(groups, dtype=object).value_counts()
        kept = set(counts.index[: _GROUPS if len(counts) <= _GROUPS else _GROUPS - 1])
        groups = [group if group in kept else "other" for group in groups]
        known = [group for group in known if group in kept]
    there_are = [name for name in known if name != nothing]
    named: dict[str, Color] = {name: at for at, name in enumerate(there_are)}
    return groups, {**named, "other": "muted", nothing: "muted"}


def _stays(
    df: "DataFrame",
    start: Floats,
    end: Floats,
    first: float,
    color: str | None,
    groups: Sequence[str],
) -> list[_Stay]:
    """Return the stays of all runs that have started."""
    known = np.flatnonzero(np.isfinite(start))
    states = _texts(df, "state")
    names = names_of(df)
    hosts = _texts(df, "host")
    is_many = len({hosts[i] for i in known} - {""}) > 1
    rows = _rows(df, known, start, end, [f"{host} " if is_many else "" for host in hosts])
    metric = df.attrs.get("metric")
    results = floats(df[metric]) if metric in df.columns else np.full(len(df), np.nan)
    found = []
    reasons = _texts(df, "reason")
    values = _texts(df, color) if color is not None else []
    for i in known:
        run = int(i)
        began, ended = float(start[run]), float(end[run])
        reason = f" {reasons[run]}" if states[run] != "finished" else ""
        lines = [
            names[run],
            f"{states[run]}{reason}".strip(),
            f"{_local(first + began)} to {_local(first + ended)}, {duration(ended - began)}",
            f"{metric} {plain(float(results[run]))}" if np.isfinite(results[run]) else "",
            f"{color} {values[run]}" if color is not None and color != metric else "",
        ]
        hover = "\n".join(line for line in lines if line)
        stay = _Stay(
            row="",
            start=began,
            end=ended,
            state=states[run] or "finished",
            group=groups[run],
            name=names[run],
            hover=hover,
        )
        found += [replace(stay, row=row) for row in rows[run]]
    return found


def _rows(
    df: "DataFrame", known: Any, start: Floats, end: Floats, prefixes: list[str]
) -> dict[int, list[str]]:
    """Return the rows of each run: its GPUs, else a slot of its host that is free."""
    devices = df["devices"].tolist() if "devices" in df.columns else [()] * len(df)
    free_at: dict[str, float] = {}
    found: dict[int, list[str]] = {}
    for i in sorted(known, key=lambda i: (start[i], end[i])):
        own = devices[i] if isinstance(devices[i], (list, tuple)) else ()
        if own:
            found[i] = [f"{prefixes[i]}{_gpu(str(device))}" for device in own]
            continue
        slot = 0
        while free_at.get(row := f"{prefixes[i]}slot {slot}", -np.inf) > start[i] + 1e-6:
            slot += 1
        free_at[row] = float(end[i])
        found[i] = [row]
    return found


def _gpu(device: str) -> str:
    """Return a GPU for people: its index, or the first letters of its UUID."""
    short = device.removeprefix("GPU-")
    return f"GPU {short if len(short) <= 8 else short[:8]}"


def _crowds(ordered: Sequence[_Stay]) -> Iterator[list[list[_Stay]]]:
    """Yield the stays in lanes; as many of them as there were at once, until all had ended."""
    lanes: list[list[_Stay]] = []
    for stay in ordered:
        if lanes and all(lane[-1].end <= stay.start + 1e-6 for lane in lanes):
            yield lanes
            lanes = []
        free = next((lane for lane in lanes if lane[-1].end <= stay.start + 1e-6), None)
        if free is None:
            lanes.append([stay])
        else:
            free.append(stay)
    yield lanes


def _gaps(ordered: Sequence[_Stay], length: float) -> Iterator[_Gap]:
    at = 0.0
    for stay in ordered:
        if stay.start > at:
            yield _Gap(at, stay.start)
        at = max(at, stay.end)
    if at < length:
        yield _Gap(at, length)


def _marks(
    about: Mapping[str, _Row],
    rows: Sequence[str],
    looks: Mapping[str, Color],
    *,
    has_signs: bool,
) -> Iterator[Mark]:
    """Yield the idle times, then the runs by group and by how broad they are drawn, then signs."""
    gaps = [(y, gap) for y, row in enumerate(rows) for gap in about[row].gaps]
    if gaps:
        yield Spans(
            y=np.array([y for y, _ in gaps], dtype=np.float64),
            start=np.array([gap.start for _, gap in gaps]),
            end=np.array([gap.end for _, gap in gaps]),
            color="muted",
            label="idle",
            height=0.16,
            hovers=tuple(f"{rows[y]}\nidle for {duration(gap.end - gap.start)}" for y, gap in gaps),
        )
    found: dict[tuple[str, float], list[tuple[float, _Stay]]] = {}
    for y, row in enumerate(rows):
        for lanes in about[row].crowds:
            height = 0.76 / len(lanes)
            for k, lane in enumerate(lanes):
                middle = y + 0.38 - height * (k + 0.5)
                for stay in lane:
                    found.setdefault((stay.group, height), []).append((middle, stay))
    order = list(looks)
    for (group, height), stays in sorted(found.items(), key=lambda item: order.index(item[0][0])):
        yield Spans(
            y=np.array([y for y, _ in stays]),
            start=np.array([stay.start for _, stay in stays]),
            end=np.array([stay.end for _, stay in stays]),
            color=looks[group],
            label=group,
            height=height,
            hovers=tuple(stay.hover for _, stay in stays),
            texts=tuple(stay.name for _, stay in stays),
        )
    if has_signs:
        yield from _signs([one for stays in found.values() for one in stays])


def _signs(stays: Sequence[tuple[float, _Stay]]) -> Iterator[Points]:
    """Yield a sign in the middle of each run that did not finish."""
    for marker, states in _SIGNS:
        own = [(y, stay) for y, stay in stays if stay.state in states]
        if own:
            there = {stay.state for _, stay in own}
            yield Points(
                x=np.array([(stay.start + stay.end) / 2 for _, stay in own]),
                y=np.array([y for y, _ in own]),
                color="ink",
                marker=marker,
                label=" or ".join(state for state in states if state in there),
                hovers=tuple(stay.hover for _, stay in own),
            )


def _order(state: str) -> int:
    return [*_COLORS].index(state) if state in _COLORS else len(_COLORS)


def _sensors(history: "DataFrame | None", x: Axis, first: float) -> Iterator[Panel]:
    """Yield a panel for utilisation and one for power, where they were recorded."""
    if history is None or not len(history):
        return
    keys = [str(key) for key in history["key"].unique()]
    for label, of_gpu, of_host, factor, unit in _SENSORS:
        start, _, end = of_gpu.partition("{}")
        found = {k[len(start) : len(k) - len(end)]: k for k in keys if _is_of(k, start, end)}
        names = {f"GPU {at}": key for at, key in found.items()}
        if not names and of_host in keys:
            names = {"CPU": of_host}
        lines = tuple(
            _line(history[history["key"] == names[name]], first, factor, name, color)
            for color, name in enumerate(sorted(names, key=_by_number))
        )
        if len(lines) == 1:
            yield Panel(x=x, y=Axis(label=label, unit=unit, low=0.0), marks=lines, weight=110)
        elif lines:
            yield _lanes(lines, x, label, unit)


def _lanes(lines: Sequence[Line], x: Axis, label: str, unit: _Unit) -> Panel:
    """Return a row for each line, filled up to it: over one another they would not be seen."""
    most = max([float(np.nanmax(line.y)) for line in lines if np.isfinite(line.y).any()], default=1)
    most = 1.0 if unit == "share" else most or 1.0
    marks: list[Mark] = []
    for row, line in enumerate(reversed(lines)):
        base = np.where(np.isfinite(line.y), row - 0.4, np.nan)
        mean = show(float(np.nanmean(line.y)), unit) if np.isfinite(line.y).any() else "none"
        top = replace(line, y=base + 0.8 * line.y / most, color="accent", label="")
        marks += [
            Band(x=line.x, low=base, high=top.y, color="accent"),
            replace(top, hover=f"{line.label}: mean {mean}"),
        ]
    return Panel(
        x=x,
        y=Axis(
            label=f"{label}, 0 to {show(most, unit)}",
            scale="category",
            categories=tuple(line.label for line in reversed(lines)),
        ),
        marks=tuple(marks),
        weight=40 + 24.0 * len(lines),
    )


def _is_of(key: str, start: str, end: str) -> bool:
    return key.startswith(start) and key.endswith(end) and key[len(start) : -len(end)].isdigit()


def _line(points: "DataFrame", first: float, factor: float, name: str, color: int) -> Line:
    """Return the means over windows of time, few enough to be seen; silence is a gap."""
    times = _seconds(points["time"]) - first
    values = floats(points["value"]) * factor
    window = max(float(np.ptp(times)) / _WINDOWS, 1.0)
    means = pd.DataFrame({"x": times, "y": values}).groupby(times // window).mean().sort_index()
    x, y = means["x"].to_numpy(), means["y"].to_numpy()
    breaks = np.flatnonzero(np.diff(x) > max(_SILENCE_S, 2 * window)) + 1
    return Line(
        x=np.insert(x, breaks, np.nan),
        y=np.insert(y, breaks, np.nan),
        color=color,
        label=name,
        width=1.2,
    )


def _busy(about: Mapping[str, _Row]) -> str:
    share = float(np.mean([row.busy for row in about.values()]))
    kind = "GPUs" if all("GPU" in row for row in about) else "slots"
    count = len(about)
    return f"{count} {kind if count > 1 else kind[:-1]} {_percent(share)} busy"


def _caption(
    df: "DataFrame",
    began: Floats,
    rows: Sequence[str],
    about: Mapping[str, _Row],
    length: float,
    color: str | None,
) -> str:
    worst = max(about, key=lambda row: about[row].longest)
    texts = [f"Colours: {color}."] if color is not None else []
    if about[worst].longest > 0:
        total = sum(row.idle for row in about.values())
        share = f" ({_percent(total / length / len(about))})" if len(about) > 1 else ""
        texts.append(
            f"Idle for {duration(total)} in all{share}; the longest gap is"
            f" {duration(about[worst].longest)}, on {worst}."
        )
    waiting = int((~np.isfinite(began)).sum())
    if waiting:
        texts.append(f"{waiting} of {len(df)} runs have not started.")
    if len(rows) > len(about):
        texts.append(f"{len(rows) - len(about)} of {len(rows)} rows are left out.")
    return " ".join(texts)


def _seconds(column: "Series") -> Floats:
    """Return times as seconds since the epoch; NaN where there is none."""
    if pd.api.types.is_numeric_dtype(column.dtype):
        return floats(column)
    times = pd.to_datetime(column, utc=True)
    nanoseconds = times.to_numpy(dtype="datetime64[ns]")
    seconds = nanoseconds.astype("int64") / 1e9
    return np.where(np.isnat(nanoseconds), np.nan, seconds)


def _times_of(history: "DataFrame | None") -> Floats:
    return np.empty(0) if history is None or not len(history) else _seconds(history["time"])


def _local(seconds: float, form: str = "%H:%M:%S") -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime(form)


def _texts(df: "DataFrame", name: str) -> list[str]:
    if name not in df.columns:
        return [""] * len(df)
    return ["" if pd.isna(value) else str(value) for value in df[name].tolist()]


def _by_number(name: str) -> tuple[Any, ...]:
    head, _, number = name.rpartition(" ")
    return (head, 0, int(number), "") if number.isdigit() else (head, 1, 0, number)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"

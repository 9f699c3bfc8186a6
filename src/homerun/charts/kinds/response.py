"""The axis of a metric: linear or by factors, and where it ends."""

from dataclasses import replace

import numpy as np

from homerun.charts.arrays import Floats
from homerun.charts.figure import Axis
from homerun.charts.ticks import plain
from homerun.core import counted

_CROWD = 20  # runs from which a few far ones do not stretch an axis


def response(label: str, values: Floats, goal: str) -> tuple[Axis, Floats, str]:
    """Return the axis of a metric, its values on that axis, and what to say of those beyond it.

    The far tail of the bad side ends at the edge, where there are many runs: at the 95th
    percentile and as much again as lies between it and the median.
    """
    finite = values[np.isfinite(values)]
    sign = 1.0 if goal == "minimize" else -1.0
    low, high = float(finite.min()), float(finite.max())
    is_log = goal == "minimize" and low > 0 and _bad_end(finite, sign) > 10 * low
    edge = _bad_end(np.log(finite), sign) if is_log else _bad_end(finite, sign)
    edge = float(np.exp(edge)) if is_log else edge
    if sign > 0:
        high = max(min(high, edge), low)
    else:
        low = min(max(low, edge), high)
    beyond = int((sign * finite > sign * (high if sign > 0 else low)).sum())
    axis = Axis(
        label=label,
        scale="log" if is_log else "linear",
        better="low" if goal == "minimize" else "high",
    )
    note = ""
    if beyond:
        start, end = _padded(low, high, is_log)
        axis = replace(axis, low=start, high=end)
        word = "above" if sign > 0 else "below"
        note = f"{counted(beyond, 'run')} {word} {plain(edge)} at the edge."
    return axis, np.clip(values, low, high), note


def _bad_end(values: Floats, sign: float) -> float:
    """Return where the crowd's bad side ends; of few runs, the worst one."""
    signed = sign * values
    if len(values) < _CROWD:
        return sign * float(signed.max())
    middle, far = np.quantile(signed, [0.5, 0.95])
    return sign * min(float(signed.max()), float(far + (far - middle)))


def _padded(low: float, high: float, is_log: bool) -> tuple[float, float]:
    if is_log:
        room = (high / low) ** 0.04
        return low / room, high * room
    pad = 0.04 * (high - low)
    return (0.0 if low == 0 else low - pad), high + pad

"""The scale on which results are compared: smaller is better, and effects are nearly additive."""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from homerun.core import Goal

Floats = npt.NDArray[np.float64]

# Metrics that are given in percent: 1 .. 100 under one of these names is no plain number.
_PERCENT = re.compile(r"acc|top_?[15]|f1|auc|precision|recall|iou|dice|percent|pct|%")


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How a metric became the response: `log`, `logit` (of a metric in 0..1) or `plain`."""

    kind: Literal["log", "logit", "plain"]
    goal: Goal
    top: float = 1.0  # of a logit metric: 1, or 100 for percent
    offset: float = 0.0  # added before the logarithm, where a metric may be 0 (or at its top)
    spread: float = 1.0  # of a plain metric: what its margins are a share of, in its units

    def forward(self, values: Floats) -> Floats:
        """Return the response of metric values; smaller is better."""
        if self.kind == "logit":
            good, bad = values / self.top, 1 - values / self.top
            return np.log((bad + self.offset) / (good + self.offset))
        sign = 1.0 if self.goal == "minimize" else -1.0
        return sign * (np.log(values + self.offset) if self.kind == "log" else values)

    def backward(self, response: float) -> float:
        """Return the metric's value of a response."""
        sign = 1.0 if self.goal == "minimize" else -1.0
        if self.kind == "log":
            return float(np.exp(sign * response) - self.offset)
        if self.kind == "plain":
            return sign * response
        odds = np.exp(response)
        return float(self.top * (1 + self.offset * (1 - odds)) / (1 + odds))

    def step(self, margin: float) -> float:
        """Return a relative margin (0.02: two percent) as a difference of responses."""
        return margin * self.spread if self.kind == "plain" else float(np.log1p(margin))

    def relative(self, difference: float) -> float:
        """Return a difference of responses as a share (0.04: 4 % worse); plain ones as they are."""
        return difference if self.kind == "plain" else float(np.expm1(np.clip(difference, -50, 50)))

    def words(self, difference: float) -> str:
        """Return a difference of responses for people: `4 %`, or a number in the metric's units."""
        share = self.relative(difference)
        return f"{share:.3g}" if self.kind == "plain" else percent(share)


def percent(share: float) -> str:
    """Return a share as `4 %`, with two digits that say something and no more."""
    value = 100 * share
    if value > 999:
        return "> 999 %"
    digits = 0 if abs(value) >= 9.95 else 1 if abs(value) >= 0.95 else 2
    return f"{value:.{digits}f} %".replace("-0 %", "0 %")


def scale_of(values: Floats, *, name: str, goal: Goal) -> Scale:
    """Choose the scale of a metric from its values (finite), its name and its goal.

    An error is compared as a ratio (log), an accuracy by the odds of being wrong (logit). What may
    be negative, and what is 0 in more than a fifth of the runs, is compared as it is.
    """
    low, high = float(values.min()), float(values.max())
    if goal == "maximize" and low >= 0 and high <= 1:
        return _logit(values, goal, 1.0)
    if goal == "maximize" and low >= 0 and 1 < high <= 100 and _PERCENT.search(name.lower()):
        return _logit(values, goal, 100.0)
    zeros = float((values == 0).mean())
    if low < 0 or zeros > 0.2:
        edges = np.quantile(values, [0.05, 0.95])
        return Scale(kind="plain", goal=goal, spread=float(edges[1] - edges[0]) or 1.0)
    offset = float(values[values > 0].min()) / 2 if zeros else 0.0
    return Scale(kind="log", goal=goal, offset=offset)


def _logit(values: Floats, goal: Goal, top: float) -> Scale:
    shares = values / top
    distances = np.concatenate([shares, 1 - shares])
    at_edge = bool((distances <= 0).any())
    offset = float(distances[distances > 0].min()) / 2 if at_edge else 0.0
    return Scale(kind="logit", goal=goal, top=top, offset=offset)

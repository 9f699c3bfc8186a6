"""Small pictures in a line of text: the course of numbers, and a bar; alike in all commands."""

import itertools
import math
from collections.abc import Iterable, Sequence

_LEVELS = "▁▂▃▄▅▆▇█"


def sparkline(values: Iterable[float], width: int) -> str:
    """Return the course of numbers in so many characters at most; neighbours are averaged."""
    numbers = [value for value in values if math.isfinite(value)]
    if not numbers or width < 1:
        return ""
    if len(numbers) > width:
        edges = [index * len(numbers) // width for index in range(width + 1)]
        numbers = [_mean(numbers[a:b]) for a, b in itertools.pairwise(edges)]
    low, high = min(numbers), max(numbers)
    scale = high / 2 - low / 2  # halved: their difference may be beyond a float
    if not scale:
        return _LEVELS[3] * len(numbers)
    top = len(_LEVELS) - 1
    return "".join(_LEVELS[round(top * ((n / 2 - low / 2) / scale))] for n in numbers)


def bar(share: float, width: int) -> str:
    """Return a bar that is filled to a share of 0 to 1."""
    full = round(min(1.0, max(0.0, share)) * width)
    return "━" * full + "─" * (width - full)


def _mean(numbers: Sequence[float]) -> float:
    return sum(number / len(numbers) for number in numbers)

"""Histograms: how often the values of a sequence fall into each of some equal bins."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from homerun.core import UsageError
from homerun.track.media.arrays import is_array, to_numpy
from homerun.track.media.files import Media, Record

MAX_BINS = 512  # as W&B


class Histogram(Media):
    """Counts of values in bins, from a sequence or from what numpy.histogram returned.

    NaN and infinite values are left out, because they lie in no bin.
    """

    def __init__(
        self,
        sequence: Any = None,
        np_histogram: tuple[Any, Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        if (sequence is None) == (np_histogram is None):
            raise UsageError("Histogram needs either a sequence of numbers or np_histogram=")
        if np_histogram is not None:
            self.histogram, self.bins = (_numbers(part) for part in np_histogram)
            if len(self.histogram) + 1 != len(self.bins):
                raise UsageError(
                    f"np_histogram has {len(self.histogram)} counts and {len(self.bins)} edges; "
                    "there must be one edge more than counts"
                )
        elif not 1 <= num_bins <= MAX_BINS:
            raise UsageError(f"Histogram: num_bins is {num_bins}; use 1 to {MAX_BINS}")
        else:
            self.histogram, self.bins = _count(sequence, num_bins)
        if len(self.histogram) > MAX_BINS:
            raise UsageError(f"Histogram: {len(self.histogram)} bins; use at most {MAX_BINS}")

    def save(self, folder: Path, key: str, step: int) -> Record:  # noqa: ARG002 - no file
        """Return W&B's `histogram` record; there is no file."""
        return {"_type": "histogram", "values": self.histogram, "bins": self.bins}


def _numbers(part: Any) -> list[float]:
    return list(part.tolist() if hasattr(part, "tolist") else part)


def _count(values: Any, bins: int) -> tuple[list[float], list[float]]:
    if is_array(values):
        return _count_array(values, bins)
    numbers = [float(value) for value in _flat(values)]
    finite = [number for number in numbers if math.isfinite(number)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts = [0] * bins
    for number in finite:
        counts[min(bins - 1, int((number - low) / (high - low) * bins))] += 1
    return list(counts), [low + (high - low) * i / bins for i in range(bins)] + [high]


def _flat(values: Iterable[Any]) -> Iterable[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value


def _count_array(values: Any, bins: int) -> tuple[list[float], list[float]]:
    import numpy as np  # noqa: PLC0415 - the values come from an array library

    array = to_numpy(values).ravel().astype(np.float64)
    counts, edges = np.histogram(array[np.isfinite(array)], bins=bins)
    return counts.tolist(), edges.tolist()

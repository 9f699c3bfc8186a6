"""The points of ROC and precision-recall curves, by numpy alone.

Definitions and the choice of points are scikit-learn's (sklearn.metrics.roc_curve and
precision_recall_curve); what is interpolated, rounded and thinned out is W&B's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from homerun.core import MissingExtraError, UsageError

try:
    import numpy as np
except ImportError:
    raise MissingExtraError("curves need numpy: pip install numpy") from None

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Curve = tuple[Any, NDArray[Any], NDArray[Any]]  # class, two columns

_DIGITS = 3  # that W&B keeps of a rate


def roc_points(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, classes: Any, *, limit: int
) -> list[list[Any]]:
    """Return rows [class, false positive rate, true positive rate], at most `limit` of them."""
    curves: list[Curve] = []
    for name, is_class, scores in _classes(y_true, y_probas, labels, classes):
        false, true = _counts(is_class, scores)
        if len(false) > 2:  # points on a straight line between their neighbours say nothing
            bends = (np.diff(false, 2) != 0) | (np.diff(true, 2) != 0)
            is_corner = np.r_[True, bends, True]
            false, true = false[is_corner], true[is_corner]
        false, true = np.r_[0, false], np.r_[0, true]
        curves.append((name, _share(false), _share(true)))
    return _rows(curves, limit)


def pr_points(
    y_true: Any,
    y_probas: Any,
    labels: Sequence[str] | None,
    classes: Any,
    size: int,
    *,
    limit: int,
) -> list[list[Any]]:
    """Return rows [class, precision, recall] at `size` recalls from 1 to 0, at most `limit`."""
    recalls = np.linspace(0, 1, size)[::-1]
    curves: list[Curve] = []
    for name, is_class, scores in _classes(y_true, y_probas, labels, classes):
        false, true = _counts(is_class, scores)
        precision = np.r_[1, true / (true + false)]  # recall goes up
        best = np.maximum.accumulate(precision[::-1])[::-1]
        at = np.searchsorted(np.r_[0, _share(true)], recalls, side="left")
        curves.append((name, best[at], recalls))
    return _rows(curves, limit)


def _classes(
    y_true: Any, y_probas: Any, labels: Sequence[str] | None, wanted: Any
) -> list[tuple[Any, NDArray[Any], NDArray[Any]]]:
    """Return for each class its name, which samples are of it, and the probabilities for it."""
    if y_true is None or y_probas is None:
        raise UsageError("a curve needs y_true and y_probas")
    actual, probas = _array(y_true), _array(y_probas)
    classes = np.unique(actual)
    if probas.ndim != 2 or actual.shape != probas.shape[:1] or len(classes) > probas.shape[1]:
        raise UsageError(
            f"y_true has shape {actual.shape} and {len(classes)} classes, y_probas has shape "
            f"{probas.shape}; give [samples] and [samples, classes]"
        )
    is_wanted = np.ones(len(classes), bool) if wanted is None else np.isin(classes, wanted)
    if not is_wanted.any():
        raise UsageError(f"none of classes_to_plot {wanted!r} is in y_true; it has {classes}")
    is_named = labels is not None and np.issubdtype(actual.dtype, np.integer)
    if is_named and classes[-1] >= len(labels or ()):
        raise UsageError(f"y_true has class {classes[-1]}, labels has {len(labels or ())} names")
    return [
        (labels[value] if labels is not None and is_named else value, actual == value, column)
        for value, column, wants in zip(classes.tolist(), probas.T, is_wanted, strict=False)
        if wants
    ]


def _array(values: Any) -> NDArray[Any]:
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _counts(is_class: NDArray[Any], scores: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the numbers of false and of true positives at each threshold, from the highest on."""
    order = np.argsort(-scores.astype(float), kind="stable")
    scores, hits = scores[order], is_class[order]
    last = np.r_[np.flatnonzero(np.diff(scores)), len(scores) - 1]  # of equal scores
    true = np.cumsum(hits)[last]
    return 1 + last - true, true


def _share(counts: NDArray[Any]) -> NDArray[Any]:
    """Return counts as shares of the last one; NaN if that is 0."""
    return counts / counts[-1] if counts[-1] else np.full(len(counts), np.nan)


def _rows(curves: Sequence[Curve], limit: int) -> list[list[Any]]:
    """Return the curves as rows; the longer ones thinned out evenly, their ends kept."""
    total = sum(len(x) for _, x, _ in curves)
    rows: list[list[Any]] = []
    for name, x, y in curves:
        kept = len(x) if total <= limit else max(2, len(x) * limit // total)
        at = np.linspace(0, len(x) - 1, kept).round().astype(int)
        columns = (np.round(column[at], _DIGITS).tolist() for column in (x, y))
        rows += [[name, *point] for point in zip(*columns, strict=True)]
    return rows

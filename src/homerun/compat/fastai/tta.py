"""Test-time augmentation, with the error it gives beside the plain one."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import homerun


def tta(
    learn: Any,
    ds_idx: int = 1,
    dl: Any = None,
    n: int = 4,
    item_tfms: Any = None,
    batch_tfms: Any = None,
    beta: float = 0.25,
    use_max: bool = False,
    *,
    metrics: list[Callable[[Any, Any], Any]] | None = None,
) -> tuple[Any, Any]:
    """Return what `learn.tta` returns; record plain_METRIC and tta_METRIC in the current run.

    `metrics`: functions of predictions and targets; default: the simple ones of the Learner.
    """
    options = {"ds_idx": ds_idx, "dl": dl, "n": n, "item_tfms": item_tfms, "batch_tfms": batch_tfms}
    (augmented, plain), targets = learn.tta(**options, beta=None)
    if use_max:
        preds, targets = learn.tta(**options, use_max=True)
    else:
        preds = augmented.lerp(plain, beta)
    run = homerun.run
    if run is not None and targets is not None:
        for metric in metrics if metrics is not None else _simple_metrics(learn):
            name = getattr(getattr(metric, "func", metric), "__name__", type(metric).__name__)
            run.summary[f"plain_{name}"] = float(metric(plain, targets))
            run.summary[f"tta_{name}"] = float(metric(preds, targets))
    return preds, targets


def _simple_metrics(learn: Any) -> list[Callable[[Any, Any], Any]]:
    """Return the Learner's metrics that are functions, told that predictions are activated."""
    functions = [one.func for one in learn.metrics if type(one).__name__ == "AvgMetric"]
    return [
        partial(one, sigmoid=False) if "sigmoid" in inspect.signature(one).parameters else one
        for one in functions
    ]

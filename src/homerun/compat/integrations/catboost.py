"""A callback for CatBoost, called as W&B's: `model.fit(..., callbacks=[WandbCallback()])`."""

from pathlib import Path
from typing import Any

import catboost

import homerun as hr
from homerun.compat.integrations.common import keep_model, log_importance, need_run


class WandbCallback:
    """Log a row for each iteration whose metrics are new; `metric_period` as given to CatBoost."""

    def __init__(self, metric_period: int = 1) -> None:
        need_run("WandbCallback()")
        self.metric_period = metric_period
        self._seen = 0

    def after_iteration(self, info: Any) -> bool:
        """Log the newest value of each metric of each data set; let the training go on."""
        metrics = {
            f"{data}-{metric}": values
            for data, by_metric in (info.metrics or {}).items()
            for metric, values in by_metric.items()
        }
        seen = sum(map(len, metrics.values()))
        if seen > self._seen:
            self._seen = seen
            row = {key: values[-1] for key, values in metrics.items()}
            hr.log({**row, f"iteration@metric-period-{self.metric_period}": info.iteration})
        return True


def log_summary(
    model: Any,
    log_all_params: bool = True,
    save_model_checkpoint: bool = False,
    log_feature_importance: bool = True,
) -> None:
    """Record parameters, best iteration and score, features and, if asked, the model."""
    run = need_run("log_summary()")
    if not isinstance(model, catboost.CatBoost):
        raise hr.UsageError(f"log_summary() takes a model of CatBoost, not {type(model).__name__}")
    parameters = model.get_all_params()
    if log_all_params:
        run.config.update(parameters)
    run.summary["best_iteration"] = model.get_best_iteration()
    run.summary["best_score"] = model.get_best_score()
    if save_model_checkpoint:
        path = Path(run.dir) / "model.cbm"
        model.save_model(str(path))
        keep_model(f"model_{run.id}", path, ["best" if parameters["use_best_model"] else "last"])
    if log_feature_importance:
        log_importance(zip(model.feature_names_, model.get_feature_importance(), strict=True))
        run.log({})

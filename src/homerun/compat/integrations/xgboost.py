"""A callback for XGBoost, called as W&B's: `xgboost.train(..., callbacks=[WandbCallback()])`."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import xgboost

import homerun as hr
from homerun.compat.integrations.common import keep_model, log_importance, need_run

# Metrics of XGBoost by what is better; a parameter such as in error@0.7 follows them.
_MAXIMIZED = frozenset({"auc", "aucpr", "map", "ndcg", "pre"})


class WandbCallback(xgboost.callback.TrainingCallback):  # type: ignore[misc]
    """Log the configuration, a row for each iteration, the best one and feature importance.

    With `define_metric` the summary holds the best value of each metric, and not the last one;
    `importance_type` is XGBoost's; with `log_model` the model is kept as an artifact.
    """

    def __init__(
        self,
        log_model: bool = False,
        log_feature_importance: bool = True,
        importance_type: str = "gain",
        define_metric: bool = True,
    ) -> None:
        super().__init__()
        need_run("WandbCallback()")
        self.log_model = log_model
        self.log_feature_importance = log_feature_importance
        self.importance_type = importance_type
        self.define_metric = define_metric

    def before_training(self, model: Any) -> Any:
        """Record the configuration of the booster."""
        hr.config.update(json.loads(model.save_config()))
        return model

    def after_iteration(
        self, _model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, list[Any]]]
    ) -> bool:
        """Log the newest value of each metric of each data set; never stop the training."""
        row: dict[str, Any] = {"epoch": epoch}
        for data, metrics in evals_log.items():
            for metric, values in metrics.items():
                key = f"{data}-{metric}"
                if self.define_metric and epoch == 0:
                    hr.define_metric(key, summary="max" if _is_maximized(metric) else "min")
                # With xgboost.cv a value is a pair: mean and standard deviation.
                row[key] = values[-1][0] if isinstance(values[-1], tuple) else values[-1]
        hr.log(row)
        return False

    def after_training(self, model: Any) -> Any:
        """Record what came of it."""
        run = need_run("after_training()")
        if isinstance(model, xgboost.Booster):  # and not the folds of xgboost.cv
            if self.log_model:
                name = f"{run.id}_model.json"
                path = Path(run.dir) / name
                model.save_model(path)
                keep_model(name, path)
            if self.log_feature_importance:
                log_importance(model.get_score(importance_type=self.importance_type).items())
        best = model.attr("best_score")
        found = {} if best is None else {"best_score": float(best)}
        if best is not None:
            found["best_iteration"] = int(model.attr("best_iteration"))
        run.log(found)
        return model


def wandb_callback() -> Callable[[Any], None]:
    """Return a callback for versions of XGBoost that call a function after each iteration."""
    need_run("wandb_callback()")

    def log(env: Any) -> None:
        hr.log(dict(env.evaluation_result_list))

    return log


def _is_maximized(metric: str) -> bool:
    return metric.partition("@")[0].rstrip("-").lower() in _MAXIMIZED

"""A callback for LightGBM, called as W&B's: `lightgbm.train(..., callbacks=[wandb_callback()])`."""

from pathlib import Path
from typing import Any

import lightgbm

import homerun as hr
from homerun.compat.integrations.common import keep_model, log_importance, need_run


class _Callback:
    """Called by LightGBM after each iteration."""

    order = 20  # among other callbacks; that of lightgbm.record_evaluation
    before_iteration = False

    def __init__(self, *, log_params: bool, define_metric: bool) -> None:
        self._log_params = log_params
        self._define_metric = define_metric

    def __call__(self, env: Any) -> None:
        if env.iteration == env.begin_iteration:
            self._begin(env)
        row: dict[str, Any] = {"iteration": env.iteration}
        for result in env.evaluation_result_list or ():
            data, metric, value = result[:3]
            if len(result) == 4:
                row[f"{data}_{metric}"] = value
            else:  # lightgbm.cv: mean and standard deviation over the folds
                row[f"{data}_{metric}-mean"], row[f"{data}_{metric}-stdv"] = value, result[4]
        hr.log(row)

    def _begin(self, env: Any) -> None:
        if self._log_params:
            hr.config.update(env.params)
        if self._define_metric:
            for result in env.evaluation_result_list or ():
                data, metric, _value, is_maximized = result[:4]
                suffix = "" if len(result) == 4 else "-mean"
                best = "max" if is_maximized else "min"
                hr.define_metric(f"{data}_{metric}{suffix}", summary=best)


def wandb_callback(log_params: bool = True, define_metric: bool = True) -> _Callback:
    """Return a callback that logs the parameters and a row for each iteration.

    With `define_metric` the summary holds the best value of each metric, and not the last one.
    """
    need_run("wandb_callback()")
    return _Callback(log_params=log_params, define_metric=define_metric)


def log_summary(
    model: Any, feature_importance: bool = True, save_model_checkpoint: bool = False
) -> None:
    """Record the best iteration and score of a booster, its features and, if asked, the model."""
    run = need_run("log_summary()")
    if not isinstance(model, lightgbm.Booster):
        raise hr.UsageError(
            f"log_summary() takes a lightgbm.Booster, not a {type(model).__name__}; "
            "of LGBMModel that is model.booster_"
        )
    run.summary["best_iteration"] = model.best_iteration
    run.summary["best_score"] = {data: dict(scores) for data, scores in model.best_score.items()}
    if feature_importance:
        log_importance(zip(model.feature_name(), model.feature_importance(), strict=True))
        run.log({})
    if save_model_checkpoint:
        path = Path(run.dir) / f"model_ckpt_{model.best_iteration}.txt"
        model.save_model(path, num_iteration=model.best_iteration)
        keep_model(f"model_{run.id}", path, ["best"])

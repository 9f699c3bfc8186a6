"""Callbacks for Keras 3, called as W&B's: `model.fit(..., callbacks=[WandbMetricsLogger()])`."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

import homerun as hr
from homerun.compat.integrations.common import keep_model, need_run


class WandbMetricsLogger(keras.callbacks.Callback):  # type: ignore[misc]
    """Log metrics and learning rate as `epoch/...`, or as `batch/...` after every n batches.

    `log_freq`: "epoch", "batch" or the n; `initial_global_step`: where a learning-rate schedule
    goes on that was begun before.
    """

    def __init__(self, log_freq: str | int = "epoch", initial_global_step: int = 0) -> None:
        super().__init__()
        need_run("WandbMetricsLogger()")
        if log_freq not in {"epoch", "batch"} and not (isinstance(log_freq, int) and log_freq > 0):
            raise hr.UsageError(
                f"WandbMetricsLogger(log_freq={log_freq!r}): use 'epoch', 'batch' or a number"
            )
        self.log_freq = 1 if log_freq == "batch" else log_freq
        self.global_step = initial_global_step
        self.global_batch = 0
        unit, step = ("epoch", "epoch") if log_freq == "epoch" else ("batch", "batch_step")
        hr.define_metric(f"{unit}/{step}")
        hr.define_metric(f"{unit}/*", step_metric=f"{unit}/{step}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the row of an epoch, also beside those of batches."""
        hr.log({**_named("epoch", logs), **self._rate("epoch"), "epoch/epoch": epoch})

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the row of a batch, if it is its turn."""
        self.global_step += 1
        if isinstance(self.log_freq, int) and batch % self.log_freq == 0:
            step = {"batch/batch_step": self.global_batch}
            hr.log({**_named("batch", logs), **self._rate("batch"), **step})
            self.global_batch += self.log_freq

    def _rate(self, unit: str) -> dict[str, float]:
        rate = getattr(self.model.optimizer, "learning_rate", None)
        if rate is None:
            return {}
        if callable(rate):
            rate = rate(self.global_step)
        return {f"{unit}/learning_rate": float(keras.ops.convert_to_numpy(rate))}


class WandbModelCheckpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras's ModelCheckpoint, whose every file is kept as a version of an artifact too."""

    def __init__(self, filepath: Any, *args: Any, **options: Any) -> None:
        need_run("WandbModelCheckpoint()")
        super().__init__(filepath, *args, **options)

    def _save_model(self, epoch: int, batch: int | None, logs: Any) -> None:
        path = Path(self._get_file_path(epoch, batch, logs))
        before = _stamp(path)
        super()._save_model(epoch, batch, logs)
        if _stamp(path) != before:  # with save_best_only not every epoch leaves a file
            alias = f"epoch_{epoch}" if batch is None else f"epoch_{epoch}_batch_{batch}"
            keep_model(f"run_{need_run('_save_model()').id}_model", path, ["latest", alias])


class WandbEvalCallback(keras.callbacks.Callback, ABC):  # type: ignore[misc]
    """Keep a table of the validation data and after each epoch one of predictions.

    A subclass fills `self.data_table` in add_ground_truth() and `self.pred_table` in
    add_model_predictions(); there `self.data_table_ref` is the first table.
    """

    def __init__(self, data_table_columns: list[str], pred_table_columns: list[str]) -> None:
        super().__init__()
        need_run("WandbEvalCallback()")
        self.data_table_columns = data_table_columns
        self.pred_table_columns = pred_table_columns

    @abstractmethod
    def add_ground_truth(self, logs: Mapping[str, Any] | None = None) -> None:
        """Add the rows of the validation data to `self.data_table`."""

    @abstractmethod
    def add_model_predictions(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Add the rows of predictions to `self.pred_table`."""

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Make the table of the validation data."""
        self.data_table = self.data_table_ref = hr.Table(columns=self.data_table_columns)
        self.add_ground_truth(logs)
        hr.log({"val_data": self.data_table}, commit=False)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Make the table of an epoch's predictions."""
        self.pred_table = hr.Table(columns=self.pred_table_columns)
        self.add_model_predictions(epoch, logs)
        hr.log({"eval_data": self.pred_table})


class WandbCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """W&B's older callback: log a row for each epoch, and keep the best model's epoch and value.

    Of its many options those are honoured that are named here.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        verbose: int = 0,  # noqa: ARG002 - W&B's
        mode: str = "auto",
        save_model: bool = True,
        **_options: Any,
    ) -> None:
        super().__init__()
        need_run("WandbCallback()")
        if mode not in {"auto", "min", "max"}:
            raise hr.UsageError(f"WandbCallback(mode={mode!r}): use auto, min or max")
        is_maximized = mode == "max" or (mode == "auto" and ("acc" in monitor or "auc" in monitor))
        self._sign = 1 if is_maximized else -1
        self._monitor = monitor
        self._best: float | None = None
        self._saves = save_model

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Log the row of an epoch, and take note when it is the best."""
        run, row = need_run("on_epoch_end()"), dict(logs or {})
        run.log({**row, "epoch": epoch})
        value = row.get(self._monitor)
        if value is None or (self._best is not None and self._sign * (value - self._best) <= 0):
            return
        self._best = value
        run.summary[f"best_{self._monitor}"] = value
        run.summary["best_epoch"] = epoch
        if self._saves:
            self.model.save(Path(run.dir) / "model-best.keras")


def _named(unit: str, logs: Mapping[str, Any] | None) -> dict[str, Any]:
    return {f"{unit}/{key}": value for key, value in (logs or {}).items()}


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return what changes when a file is written, None while there is none."""
    if not path.exists():
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size

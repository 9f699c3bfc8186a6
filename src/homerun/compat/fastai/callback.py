"""The callback: what a Learner is and how its training goes, into the current run."""

import math
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import homerun
from homerun.compat.fastai.facts import describe, describe_batch
from homerun.compat.fastai.samples import sample_table
from homerun.core import MissingExtraError
from homerun.track import ActiveRun, termwarn

try:
    from fastai.callback.tracker import SaveModelCallback
    from fastai.learner import Recorder
    from fastai.torch_core import no_random, rank_distrib
except ImportError:
    raise MissingExtraError("homerun.compat.fastai needs fast.ai: pip install fastai") from None

from fastai.callback.core import Callback

_NOT_METRICS = {"epoch", "train_loss", "time"}


class HomerunCallback(Callback):  # type: ignore[misc]  # fast.ai has no types
    """Record a Learner and its training; the arguments are those of fast.ai's WandbCallback."""

    remove_on_fetch, order = True, Recorder.order + 1

    def __init__(
        self,
        log: str | None = None,  # accepted
        log_preds: bool = True,
        log_preds_every_epoch: bool = False,
        log_model: bool = False,
        model_name: str | None = None,
        log_dataset: bool | str | Path = False,  # accepted
        dataset_name: str | None = None,  # noqa: ARG002 - accepted
        valid_dl: Any = None,
        n_preds: int = 36,
        seed: int = 12345,
        reorder: bool = True,
    ) -> None:
        self.log, self.log_dataset = log, log_dataset
        self.log_preds, self.log_preds_every_epoch = log_preds, log_preds_every_epoch
        self.log_model, self.model_name = log_model, model_name
        self.valid_dl, self.n_preds, self.seed, self.reorder = valid_dl, n_preds, seed, reorder
        self._active: ActiveRun | None = None  # while a fit that we record goes on
        self._is_pending = False  # a row that more values may join
        self._has_trained = False
        self._epoch = 0.0
        self._begin_s = self._batch_begin_s = 0.0

    def after_create(self) -> None:
        """Let the model be saved, if it is asked for."""
        if self.log_model and not hasattr(self.learn, "save_model"):
            self.learn.add_cb(SaveModelCallback(fname=self.model_name or "model"))
        elif self.log_model and self.model_name is not None:
            self.learn.save_model.fname = self.model_name

    # A fit

    def before_fit(self) -> None:
        """Stay out of learning rate searches, predictions and all ranks but the first."""
        is_fit = not (hasattr(self.learn, "lr_finder") or hasattr(self.learn, "gather_preds"))
        self.run = is_fit and rank_distrib() == 0
        if self.run:
            if self._active is homerun.run:  # the last fit has ended with an error
                self._commit()
            self._active, self._is_pending, self._has_trained = None, False, False
            self._begin_s = time.perf_counter()

    def before_train(self) -> None:
        """Describe the Learner when the first epoch begins; validation alone is no fit."""
        self._has_trained = True
        if self._active is None:
            self._active = homerun.run or homerun.init()
            seen = self._active.summary.get("epoch")
            self._epoch = math.ceil(seen) if isinstance(seen, int | float) else 0
            with self._harmless("the Learner is not described"):
                self._active.config.update(describe(self.learn), allow_val_change=True)
            self._say_what_is_ignored()

    def before_batch(self) -> None:
        """Take the time; the first batch tells the size of the images."""
        if self.training and self._active is not None:
            if self.learn.train_iter == 0:
                sizes = describe_batch(self.learn.xb)
                self._active.config.update(sizes, allow_val_change=True)
            self._batch_begin_s = time.perf_counter()

    def after_batch(self) -> None:
        """Record loss, learning rate and speed of a batch, each in a step of its own."""
        if not self.training or self._active is None:
            return
        self._epoch += 1 / self.learn.n_iter
        row = {"epoch": self._epoch, "raw_loss": float(self.learn.loss.detach().mean())}
        if hasattr(self.learn, "smooth_loss"):
            row["train_loss"] = float(self.learn.smooth_loss)
        for group, hypers in enumerate(self.learn.opt.hypers):
            row |= {f"{name}_{group}": value for name, value in hypers.items()}
        seconds = time.perf_counter() - self._batch_begin_s
        row["train_samples_per_sec"] = len(self.learn.xb[0]) / seconds
        self._commit()
        self._active.log(row, commit=False)  # validation and the user's values join this step
        self._is_pending = True

    def after_validate(self) -> None:
        """Record a sample of predictions, of each epoch or the last one."""
        is_last = self.learn.epoch == self.learn.n_epoch - 1
        if self._has_trained and (self.log_preds_every_epoch or is_last):
            self._record_predictions()

    def after_epoch(self) -> None:
        """Record validation loss and metrics."""
        recorder = getattr(self.learn, "recorder", None)
        if self._active is None or not self._has_trained:
            return
        self._has_trained = False
        self._epoch = round(self._epoch)
        row: dict[str, Any] = {"epoch": self._epoch}
        # A cancelled part leaves a hole in fast.ai's list: its names no longer fit.
        if recorder is not None and not (recorder.cancel_train or recorder.cancel_valid):
            values = zip(recorder.metric_names, recorder.log, strict=False)
            row |= {name: value for name, value in values if name not in _NOT_METRICS}
        self._active.log(row, commit=False)
        self._is_pending = True

    def after_cancel_fit(self) -> None:
        """Record the predictions of a fit that ends early, as EarlyStoppingCallback does."""
        if not self.log_preds_every_epoch:
            self._record_predictions()

    def after_fit(self) -> None:
        """Record time, memory and model."""
        if self._active is None:
            return
        run, self._active = self._active, None
        if self._is_pending:
            run.log({})
        before = run.summary.get("fit_time")
        seconds = time.perf_counter() - self._begin_s
        run.summary["fit_time"] = seconds + (before if isinstance(before, int | float) else 0)
        run.summary["GPU_mem"] = gpu_memory_gib(getattr(self.learn.dls, "device", None))
        if self.log_model:
            self._record_model(run)

    # Parts

    def _commit(self) -> None:
        if self._is_pending and self._active is not None:
            self._active.log({})
            self._is_pending = False

    def _say_what_is_ignored(self) -> None:
        if self.log is not None:
            termwarn(f"log={self.log!r}: gradients and parameters are not recorded", repeat=False)
        if self.log_dataset:
            termwarn(
                "log_dataset: the data set is not copied; its sizes and a fingerprint of the "
                "validation split are recorded",
                repeat=False,
            )

    def _record_predictions(self) -> None:
        if self._active is None or not self.log_preds:
            return
        others = [cb for cb in self.learn.cbs if getattr(cb, "remove_on_fetch", False)]
        run, learn, table = self._active, self.learn, None
        with self._harmless("predictions are not recorded"):
            with no_random(self.seed, reproducible=False), learn.removed_cbs(others):
                loader = self._sample(learn)
                table = sample_table(learn, loader, count=self.n_preds, is_reordered=self.reorder)
            if table is None:
                raise TypeError(f"{type(learn.dls).__name__} of this kind cannot be shown")
            run.log({"Prediction_Samples": table}, commit=False)
            self._is_pending = True
        self.log_preds = table is not None

    @contextmanager
    def _harmless(self, what: str) -> Iterator[None]:
        """Let training go on when data of a kind that nobody has thought of cannot be described."""
        try:
            yield
        except Exception as error:
            termwarn(f"{what}: {type(error).__name__}: {error}")

    def _sample(self, learn: Any) -> Any:
        """Return a loader of the sampled validation items, the same in each epoch."""
        if self.valid_dl is None:
            count = min(self.n_preds, len(learn.dls.valid_ds))
            draw = random.Random(self.seed)  # noqa: S311 - nothing secret
            chosen = draw.sample(range(len(learn.dls.valid_ds)), count)
            options = {"shuffle": False, "drop_last": False, "num_workers": 0}
            self.valid_dl = learn.dls.valid.new(n=count, get_idxs=chosen.copy, **options)
        return self.valid_dl

    def _record_model(self, run: ActiveRun) -> None:
        saved = self.learn.save_model
        if saved.last_saved_path is None:
            termwarn("log_model: no model was saved in this fit")
            return
        path = Path(saved.last_saved_path).absolute()
        name = saved.fname if self.model_name or saved.fname != "model" else f"run-{run.id}-model"
        run.log_artifact(path, name=name, type="model")


def gpu_memory_gib(device: Any) -> float | None:
    """Return the peak of the memory that PyTorch has reserved on a GPU, None elsewhere.

    The pools are those of `torch.cuda.memory_stats_as_nested_dict`.
    """
    import torch  # noqa: PLC0415 - fast.ai has loaded it

    if device is None or torch.device(device).type != "cuda":
        return None
    pools = torch.cuda.memory_stats_as_nested_dict(device)["reserved_bytes"]
    return float(pools["small_pool"]["peak"] + pools["large_pool"]["peak"]) / 2**30

"""A callback for Stable-Baselines3, called as W&B's: `learn(..., callback=WandbCallback())`."""

from pathlib import Path
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter

import homerun as hr
from homerun.compat.integrations.common import need_run


class _Writer(KVWriter):  # type: ignore[misc]
    """Logs what Stable-Baselines3 writes to its own log; W&B takes that from TensorBoard."""

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, Any], step: int = 0
    ) -> None:
        row = {
            key: value
            for key, value in sorted(key_values.items())
            if "wandb" not in (key_excluded.get(key) or ()) and isinstance(value, int | float | str)
        }
        hr.log({**row, "global_step": step})

    def close(self) -> None:
        """The run goes on after a learn()."""


class WandbCallback(BaseCallback):  # type: ignore[misc]
    """Record the settings of the algorithm, what it logs, and models on the way.

    `model_save_freq`: steps between two savings; 0: only at the end. `gradient_save_freq` and `log`
    are accepted: gradients are not recorded.
    """

    def __init__(
        self,
        verbose: int = 0,
        model_save_path: str | None = None,
        model_save_freq: int = 0,
        gradient_save_freq: int = 0,
        log: str | None = "all",
    ) -> None:
        super().__init__(verbose)
        need_run("WandbCallback()")
        if model_save_freq and model_save_path is None:
            raise hr.UsageError("WandbCallback(model_save_freq=...) needs a model_save_path")
        self.model_save_path = model_save_path
        self.model_save_freq = model_save_freq
        self.gradient_save_freq = gradient_save_freq
        self.log = log

    def _init_callback(self) -> None:
        settings = {
            key: value if isinstance(value, int | float | str) else str(value)
            for key, value in vars(self.model).items()
        }
        hr.config.setdefaults({"algo": type(self.model).__name__, **settings})
        if self.gradient_save_freq > 0:
            hr.watch(self.model.policy, log_freq=self.gradient_save_freq, log=self.log)

    def _on_training_start(self) -> None:
        formats = self.logger.output_formats
        if not any(isinstance(writer, _Writer) for writer in formats):
            formats.append(_Writer())

    def _on_step(self) -> bool:
        if self.model_save_freq > 0 and self.n_calls % self.model_save_freq == 0:
            self.save_model()
        return True

    def _on_training_end(self) -> None:
        if self.model_save_path is not None:
            self.save_model()

    def save_model(self) -> None:
        """Save the model as model.zip in model_save_path and with the run."""
        folder = Path(self.model_save_path or ".").absolute()
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / "model.zip")
        hr.save(folder / "model.zip", base_path=folder)

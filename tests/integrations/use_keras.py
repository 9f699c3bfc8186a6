import keras
import numpy as np
import wandb
from wandb.integration.keras import (
    WandbCallback,
    WandbEvalCallback,
    WandbMetricsLogger,
    WandbModelCheckpoint,
)

x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
y = x.sum(axis=1, keepdims=True)


class Predictions(WandbEvalCallback):  # type: ignore[misc]
    def add_ground_truth(self, logs=None):
        for row, value in zip(x[:4], y[:4], strict=True):
            self.data_table.add_data(str(row), float(value[0]))

    def add_model_predictions(self, epoch, logs=None):
        for value in self.model.predict(x[:4], verbose=0):
            self.pred_table.add_data(epoch, float(value[0]))


with wandb.init(project="keras", config={"units": 4}):
    model = keras.Sequential([keras.layers.Dense(4), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="mse")
    callbacks = [
        WandbMetricsLogger(),
        WandbMetricsLogger(log_freq=2),
        WandbModelCheckpoint("model-{epoch:02d}.keras", monitor="loss"),
        WandbCallback(),
        Predictions(["row", "target"], ["epoch", "prediction"]),
    ]
    model.fit(x, y, epochs=2, batch_size=16, validation_split=0.25, verbose=0, callbacks=callbacks)

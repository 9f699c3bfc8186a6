import lightgbm
import numpy as np
import wandb
from wandb.integration.lightgbm import log_summary, wandb_callback

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 4))
y = x[:, 0] * 2 + x[:, 1]
train = lightgbm.Dataset(x[:200], y[:200])
valid = lightgbm.Dataset(x[200:], y[200:], reference=train)
with wandb.init(project="lightgbm"):
    parameters = {"objective": "regression", "metric": ["l2"], "num_leaves": 7, "verbose": -1}
    model = lightgbm.train(
        {**parameters, "num_threads": 1},
        train,
        num_boost_round=6,
        valid_sets=[valid],
        valid_names=["valid"],
        callbacks=[wandb_callback()],
    )
    log_summary(model, save_model_checkpoint=True)

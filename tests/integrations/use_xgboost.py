import numpy as np
import wandb
import xgboost
from wandb.integration.xgboost import WandbCallback

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 4))
y = (x[:, 0] + x[:, 1] > 0).astype(int)
train, valid = xgboost.DMatrix(x[:200], y[:200]), xgboost.DMatrix(x[200:], y[200:])
with wandb.init(project="xgboost") as run:
    xgboost.train(
        {"objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "max_depth": 2},
        train,
        num_boost_round=8,
        evals=[(valid, "valid")],
        early_stopping_rounds=5,
        verbose_eval=False,
        callbacks=[WandbCallback(log_model=True)],
    )
    assert run is wandb.run

import catboost
import numpy as np
import wandb
from wandb.integration.catboost import WandbCallback, log_summary

rng = np.random.default_rng(0)
x = rng.normal(size=(300, 4))
y = (x[:, 0] > 0).astype(int)
with wandb.init(project="catboost"):
    model = catboost.CatBoostClassifier(
        iterations=6, depth=2, verbose=False, allow_writing_files=False, thread_count=1
    )
    model.fit(x[:200], y[:200], eval_set=(x[200:], y[200:]), callbacks=[WandbCallback()])
    log_summary(model, save_model_checkpoint=True)

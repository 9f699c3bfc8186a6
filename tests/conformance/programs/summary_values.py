# summary: values of all kinds
# calls: run.summary
# differs: runs.0.summary.nan: null -> "nan" | NaN stays NaN
import math

import numpy as np
import wandb

with wandb.init(project="p") as run:
    run.summary["nan"] = math.nan
    run.summary["inf"] = math.inf
    run.summary["text"] = "words"
    run.summary["none"] = None
    run.summary["list"] = [1, 2]
    run.summary["f32"] = np.float32(0.5)
    run.summary["i64"] = np.int64(3)
    run.summary["array"] = np.arange(3)
    run.summary["bool"] = True

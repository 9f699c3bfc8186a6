# log: a larger array becomes a histogram
# calls: run.log
import numpy as np
import wandb

with wandb.init(project="p") as run:
    run.log({"large": np.arange(100.0)})

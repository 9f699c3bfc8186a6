# log: a step that is an integer of numpy
# calls: run.log(step=)
import numpy as np
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1}, step=np.int64(2))
    run.log({"a": 2}, step=np.int32(4))
    print(run.step)

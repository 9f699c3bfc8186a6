# log: scalars and small arrays of numpy
# calls: run.log
import numpy as np
import wandb

with wandb.init(project="p") as run:
    run.log({"f32": np.float32(0.5), "f64": np.float64(0.25), "i64": np.int64(3)})
    run.log({"bool": np.bool_(True), "zero_d": np.array(1.5), "one": np.array([2.5])})
    run.log({"small": np.arange(4), "matrix": np.eye(2)})

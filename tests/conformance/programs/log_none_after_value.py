# log: None after a value
# calls: run.log
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1})
    run.log({"a": None, "b": 1})
    run.log({"only_none": None})

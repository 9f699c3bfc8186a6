# log: a step below zero
# calls: run.log(step=)
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1}, step=-1)
    run.log({"a": 2}, step=0)
    print(run.step)

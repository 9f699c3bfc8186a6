# log: keys that start with an underscore
# calls: run.log
import wandb

with wandb.init(project="p") as run:
    run.log({"_private": 1, "a": 2})
    print(sorted(key for key in run.summary.keys()))

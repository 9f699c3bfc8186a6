# init: the old mode dryrun
# calls: init(mode=)
import os

os.environ["WANDB_MODE"] = "dryrun"
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1})
    print(run.offline)

# other: run.status
# calls: run.status
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1})
    print(run.status() is not None)

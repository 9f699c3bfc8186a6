# init: as a context manager
# calls: init
import wandb

with wandb.init(project="p") as run:
    print(wandb.run is run)
    run.log({"a": 1})
print(wandb.run)

# log: many rows, all are kept
# calls: run.log
import wandb

with wandb.init(project="p") as run:
    for i in range(200):
        run.log({"i": i, "square": i * i})

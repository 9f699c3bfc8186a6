# log: of two values of one key in one step the later counts
# calls: run.log(step=)
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1}, step=3)
    run.log({"a": 2}, step=3)
    run.log({"b": 1}, step=3)
    run.log({"b": 1, "a": 0}, step=4)

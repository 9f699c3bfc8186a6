# log: a row for a step that has passed is ignored
# calls: run.log(step=)
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1}, step=10)
    run.log({"a": 2}, step=9)
    run.log({"b": 3}, step=3)
    run.log({"a": 4}, step=11)
    print(run.step)

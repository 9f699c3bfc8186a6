# log: an explicit step gathers values until a larger one comes
# calls: run.log(step=)
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1}, step=0)
    run.log({"b": 2}, step=0)
    run.log({"a": 3}, step=5)
    run.log({"c": 4}, step=5)
    print(run.step)
    run.log({"a": 6}, step=7)
    run.log({"d": 1})
    print(run.step)

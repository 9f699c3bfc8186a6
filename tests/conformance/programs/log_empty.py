# log: an empty row commits what is open
# calls: run.log
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1}, commit=False)
    run.log({})
    print(run.step)
    run.log({})
    print(run.step)
    run.log({"b": 1})
    print(run.step)

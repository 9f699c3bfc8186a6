# log: commit=False keeps the step open, commit=True closes it
# calls: run.log(commit=)
import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1}, commit=False)
    run.log({"b": 2}, commit=False)
    print(run.step)
    run.log({"c": 3})
    run.log({"a": 4}, step=5, commit=True)
    print(run.step)
    run.log({"a": 5}, step=5)
    run.log({"a": 6}, step=8, commit=False)
    run.log({"b": 7}, commit=True)
    run.log({"end": 1}, commit=False)

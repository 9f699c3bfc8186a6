# end: an exception inside of with
# calls: init
import wandb

try:
    with wandb.init(project="p") as run:
        run.log({"a": 1})
        raise ValueError("broken")
except ValueError:
    print("went on")

# end: an exception that nobody catches
# calls: init
import wandb

run = wandb.init(project="p")
run.log({"a": 1})
raise RuntimeError("broken")

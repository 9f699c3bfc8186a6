# end: setup and teardown
# calls: setup, teardown
import wandb

wandb.setup()
run = wandb.init(project="p")
run.log({"a": 1})
wandb.teardown()

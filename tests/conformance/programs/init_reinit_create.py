# init: reinit="create_new" leaves the first one active
# calls: init(reinit=)
import wandb

first = wandb.init(project="p", name="one")
second = wandb.init(project="p", name="two", reinit="create_new")
print(wandb.run is first, first is second)
wandb.log({"first": 1})
second.log({"second": 2})
second.finish()
first.finish()

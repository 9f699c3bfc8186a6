# init: reinit="finish_previous" and True
# calls: init(reinit=)
import wandb

first = wandb.init(project="p", name="one")
first.log({"a": 1})
second = wandb.init(project="p", name="two", reinit="finish_previous")
print(first.id != second.id)
second.log({"a": 2})
third = wandb.init(project="p", name="three", reinit=True)
third.log({"a": 3})
print(wandb.run is third)

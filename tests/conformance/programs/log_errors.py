# log: what is not a dictionary of texts is refused
# calls: run.log, log
import wandb

try:
    wandb.log({"a": 1})
except wandb.Error:
    print("before init wandb.Error")
run = wandb.init(project="p")
for what, value in (("list", [1]), ("number", 3), ("key", {1: 2})):
    try:
        run.log(value)
    except TypeError:
        print(what, "TypeError")
run.log({"fine": 1})
run.finish()
try:
    run.log({"late": 1})
except wandb.Error as error:
    print("late", type(error).__name__)

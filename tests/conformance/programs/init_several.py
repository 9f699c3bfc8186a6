# init: several runs one after another
# calls: init, run.finish
import wandb

for i in range(3):
    run = wandb.init(project="p", name=f"run{i}", config={"i": i})
    run.log({"i": i})
    run.finish()
print(wandb.run)

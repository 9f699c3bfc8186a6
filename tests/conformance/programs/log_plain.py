# log: without step each call is a row of its own
# calls: init, run.log, run.step, run.starting_step
import wandb

run = wandb.init(project="p")
print(run.step, run.starting_step)
for i in range(3):
    run.log({"loss": 1 / (i + 1), "i": i})
    print(run.step)

# end: finish, twice, and with an exit code
# calls: run.finish, finish
import wandb

run = wandb.init(project="p", name="one")
run.finish()
run.finish()
run = wandb.init(project="p", name="two")
run.finish(exit_code=4)
run = wandb.init(project="p", name="three")
wandb.finish(exit_code=5)
wandb.finish()

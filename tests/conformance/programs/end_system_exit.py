# end: raise SystemExit outside of with
# calls: init
import wandb

run = wandb.init(project="p")
run.log({"a": 1})
raise SystemExit(3)

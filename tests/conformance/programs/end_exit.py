# end: sys.exit(3)
# calls: init
import sys

import wandb

run = wandb.init(project="p")
run.log({"a": 1})
sys.exit(3)

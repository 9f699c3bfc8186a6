# end: sys.exit with a message
# calls: init
import sys

import wandb

run = wandb.init(project="p")
sys.exit("something is wrong")

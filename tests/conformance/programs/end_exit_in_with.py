# end: sys.exit inside of with
# calls: init
# differs: runs.0.exit_code: 1 -> 2 | the run has the exit code of the program
import sys

import wandb

with wandb.init(project="p") as run:
    run.log({"a": 1})
    sys.exit(2)

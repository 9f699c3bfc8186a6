# processes: a forked child, which does not log
# calls: init
import os

import wandb

run = wandb.init(project="p")
run.log({"before": 1})
if (pid := os.fork()) == 0:
    os._exit(0)
os.waitpid(pid, 0)
run.log({"after": 2})
run.finish()

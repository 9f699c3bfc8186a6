# processes: a spawned child that has a run of its own
# calls: init, run.finish
import subprocess
import sys

import wandb

code = "import wandb\nr = wandb.init(project='p', name='child')\nr.log({'c': 1})\nr.finish()\n"
run = wandb.init(project="p", name="parent")
run.log({"p": 1})
done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False)
print(done.returncode)
run.finish()

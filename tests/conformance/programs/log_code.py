# files: log_code keeps the sources
# calls: run.log_code
# differs: runs.0.files.code/more.py: absent -> "x = 1\n" | the sources lie in the run's folder below code/, not in an artifact
# differs: runs.0.files.code/program.py: absent -> * | as above
from pathlib import Path

import wandb

Path("more.py").write_text("x = 1\n")
Path("data.txt").write_text("no code")
with wandb.init(project="p") as run:
    run.log_code(".")
    run.log({"a": 1})

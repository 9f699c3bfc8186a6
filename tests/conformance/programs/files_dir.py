# files: what is written below run.dir belongs to the run
# calls: run.dir
from pathlib import Path

import wandb

with wandb.init(project="p") as run:
    Path(run.dir, "notes.txt").write_text("mine")
    Path(run.dir, "sub").mkdir()
    Path(run.dir, "sub", "more.txt").write_text("mine, too")

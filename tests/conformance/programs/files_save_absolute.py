# files: save of an absolute path keeps one folder
# calls: run.save
from pathlib import Path

import wandb

with wandb.init(project="p") as run:
    Path("out/deep").mkdir(parents=True)
    Path("out/deep/a.txt").write_text("a")
    print(len(run.save(str(Path("out/deep/a.txt").absolute()), policy="now")))

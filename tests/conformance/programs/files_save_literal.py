# files: save with glob=False
# calls: run.save(glob=)
from pathlib import Path

import wandb

with wandb.init(project="p") as run:
    Path("a[1].txt").write_text("literal")
    Path("a1.txt").write_text("pattern")
    print(len(run.save("a[1].txt", glob=False, policy="now")))

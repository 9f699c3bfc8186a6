# files: save with its policies
# calls: save, run.save
from pathlib import Path

import wandb

with wandb.init(project="p") as run:
    for name in ("now.txt", "live.txt", "end.txt"):
        Path(name).write_text(name)
        kept = run.save(name, policy=name.removesuffix(".txt"))
        print(len(kept))
    Path("module.txt").write_text("x")
    wandb.save("module.txt")
    Path("end.txt").write_text("changed")

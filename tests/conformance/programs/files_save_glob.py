# files: save with a glob and a base_path
# calls: run.save(base_path=)
from pathlib import Path

import wandb

with wandb.init(project="p") as run:
    Path("out/deep").mkdir(parents=True)
    Path("out/a.txt").write_text("a")
    Path("out/deep/b.txt").write_text("b")
    print(len(run.save("out/a*", base_path="out", policy="now")))
    print(len(run.save("out/deep/*.txt", base_path="out", policy="now")))
    print(len(run.save("out/a.txt", policy="now")))
    print(run.save("nothing-*.txt"))

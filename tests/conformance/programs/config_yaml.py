# config: a YAML file in W&B's form
# calls: init(config=)
from pathlib import Path

import wandb

text = "wandb_version: 1\nlr:\n  desc: rate\n  value: 0.5\nname:\n  value: abc\n"
Path("my.yaml").write_text(text)
with wandb.init(project="p", config="my.yaml") as run:
    print(run.config.lr, run.config.name)

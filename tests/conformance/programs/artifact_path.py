# artifacts: log_artifact of a path
# calls: run.log_artifact
from pathlib import Path

import wandb

Path("model.txt").write_text("weights")
with wandb.init(project="p", id="maker") as run:
    artifact = run.log_artifact("model.txt", name="weights", type="model")
    print(type(artifact).__name__, artifact.type)

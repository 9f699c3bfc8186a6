# artifacts: log_model
# calls: run.log_model
from pathlib import Path

import wandb

Path("model.txt").write_text("weights")
with wandb.init(project="p", id="maker") as run:
    run.log_model("model.txt", name="net")

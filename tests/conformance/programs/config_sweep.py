# config: what a sweep has set stays as it is
# calls: init(config=), run.config
# differs: runs.0.project: "uncategorized" -> "p" | the project given to init counts where the agent named none
# differs: runs.0.sweep_id: "sweep123" -> "" | only a sweep that the home knows is kept with the run
import os
from pathlib import Path

Path("params.yaml").write_text("wandb_version: 1\nlr:\n  value: 0.1\n")
os.environ["WANDB_SWEEP_ID"] = "sweep123"
os.environ["WANDB_RUN_ID"] = "assigned1"
os.environ["WANDB_SWEEP_PARAM_PATH"] = "params.yaml"
import wandb

with wandb.init(project="p", config={"lr": 5, "epochs": 2}) as run:
    print(run.config.lr, run.config.epochs, run.id, run.sweep_id)
    run.config.update({"lr": 7, "epochs": 3}, allow_val_change=True)
    print(run.config.lr, run.config.epochs)

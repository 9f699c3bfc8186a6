# summary: a definition after rows were logged
# calls: define_metric
import wandb

with wandb.init(project="p") as run:
    run.log({"loss": 1})
    run.define_metric("loss", summary="min")
    run.log({"loss": 2})

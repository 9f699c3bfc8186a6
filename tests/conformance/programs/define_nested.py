# summary: a definition for a nested key
# calls: define_metric(summary=)
import wandb

with wandb.init(project="p") as run:
    run.define_metric("val.loss", summary="min")
    run.log({"val": {"loss": 1}})
    run.log({"val": {"loss": 2}})

# summary: a definition after two rows were logged
# calls: define_metric
import wandb

with wandb.init(project="p") as run:
    run.log({"loss": 3})
    run.log({"loss": 1})
    run.define_metric("loss", summary="min,max,mean,first")
    run.log({"loss": 2})

# summary: hidden metrics are recorded as all others
# calls: define_metric(hidden=)
import wandb

with wandb.init(project="p") as run:
    run.define_metric("secret", hidden=True)
    run.define_metric("quiet", hidden=True, summary="min")
    run.log({"secret": 1, "quiet": 5})
    run.log({"secret": 2, "quiet": 6})

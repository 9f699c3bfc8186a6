# summary: globs, an exact name wins over them
# calls: define_metric
import wandb

with wandb.init(project="p") as run:
    run.define_metric("train/*", step_metric="global_step")
    run.define_metric("val/*", summary="max")
    run.define_metric("val/loss", summary="min")
    run.log({"global_step": 10, "val/loss": 2, "val/acc": 1})
    run.log({"val/loss": 1, "val/acc": 2, "train/loss": 4})
    run.log({"val/loss": 3, "val/acc": 0, "other": 1})

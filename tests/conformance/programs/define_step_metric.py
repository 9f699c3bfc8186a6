# summary: step_metric is added to rows that lack it
# calls: define_metric(step_metric=)
import wandb

with wandb.init(project="p") as run:
    run.define_metric("epoch")
    run.define_metric("val/*", step_metric="epoch")
    run.log({"epoch": 1})
    run.log({"val/loss": 0.5})
    run.log({"epoch": 2, "val/loss": 0.4})
    run.log({"train/loss": 0.1})
    run.log({"val/loss": 0.3})

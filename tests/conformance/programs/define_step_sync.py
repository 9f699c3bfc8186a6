# summary: step_sync=False leaves rows as they are
# calls: define_metric(step_sync=)
import wandb

with wandb.init(project="p") as run:
    epoch = run.define_metric("epoch")
    run.define_metric("loss", step_metric=epoch, step_sync=False)
    run.define_metric("acc", step_metric="epoch", step_sync=True)
    run.log({"epoch": 3})
    run.log({"loss": 1})
    run.log({"acc": 1})

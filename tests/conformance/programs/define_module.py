# summary: define_metric of the module
# calls: define_metric
import wandb

wandb.init(project="p")
wandb.define_metric("loss", summary="min")
for value in (3, 1, 2):
    wandb.log({"loss": value})
wandb.finish()

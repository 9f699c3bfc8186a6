# other: mark_preempting
# calls: mark_preempting, run.mark_preempting
import wandb

wandb.init(project="p")
wandb.mark_preempting()
wandb.log({"a": 1})
wandb.finish()

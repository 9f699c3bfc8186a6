# other: termlog, termwarn and termerror
# calls: termlog, termwarn, termerror
import wandb

wandb.termlog("a line")
wandb.termwarn("a warning", repeat=False)
wandb.termwarn("a warning", repeat=False)
wandb.termerror("an error")
print("fine")

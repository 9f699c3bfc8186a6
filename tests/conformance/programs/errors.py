# other: errors and their classes
# calls: Error, errors
import wandb
import wandb.errors

print(issubclass(wandb.errors.UsageError, wandb.Error), issubclass(wandb.Error, Exception))
print(issubclass(wandb.errors.CommError, wandb.Error))

# init: an unknown mode is refused
# calls: init(mode=)
import wandb

try:
    wandb.init(project="p", mode="sometimes")
except Exception as error:
    print("refused", isinstance(error, (wandb.Error, ValueError)))

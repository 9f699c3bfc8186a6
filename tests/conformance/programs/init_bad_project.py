# init: a project's name that cannot be
# calls: init(project=)
import wandb

try:
    wandb.init(project="a/b")
except Exception as error:
    print(isinstance(error, (wandb.Error, ValueError)))

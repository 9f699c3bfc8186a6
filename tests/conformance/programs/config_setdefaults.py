# config: setdefaults sets what is not there
# calls: run.config.setdefaults
import wandb

with wandb.init(project="p", config={"a": 1}) as run:
    print(run.config.setdefaults({"a": 5, "b": 6}))
    print(run.config.a, run.config.b)

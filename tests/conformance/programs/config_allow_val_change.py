# config: allow_val_change given to init
# calls: init(allow_val_change=)
# differs: printed.0: "ConfigError" -> "2" | it holds for the whole run
# differs: printed.1: "1" -> absent | as above
# differs: runs.0.config.a: 1 -> 2 | as above
import wandb

with wandb.init(project="p", config={"a": 1}, allow_val_change=True) as run:
    try:
        run.config.a = 2
    except Exception as error:
        print(type(error).__name__)
    print(run.config.a)

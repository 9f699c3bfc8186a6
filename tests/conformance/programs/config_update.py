# config: update and what needs allow_val_change
# calls: run.config.update
import wandb
from wandb.sdk.lib.config_util import ConfigError

with wandb.init(project="p", config={"a": 1}) as run:
    run.config.update({"b": 2})
    run.config.update({"a": 1})
    for change in (lambda: run.config.update({"a": 2}), lambda: setattr(run.config, "a", 3)):
        try:
            change()
            print("changed")
        except ConfigError as error:
            print("ConfigError", str(error).splitlines()[0])
    run.config.update({"a": 4}, allow_val_change=True)
    print(run.config.a, wandb.config.a)

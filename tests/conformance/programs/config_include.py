# config: config_include_keys and config_exclude_keys
# calls: init(config_include_keys=), init(config_exclude_keys=)
import wandb

config = {"a": 1, "b": 2, "c": 3}
with wandb.init(project="p", config=config, config_include_keys=["a"]) as run:
    print(sorted(run.config.keys()))
with wandb.init(project="p", config=config, config_exclude_keys=["a"]) as run:
    print(sorted(run.config.keys()))

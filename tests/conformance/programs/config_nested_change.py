# config: changing a nested dictionary in place
# calls: run.config
# differs: runs.0.config.nested.a: 1 -> 2 | a change in place is found at the end of the run
import wandb

with wandb.init(project="p", config={"nested": {"a": 1}}) as run:
    run.config["nested"]["a"] = 2
    print(run.config["nested"]["a"])

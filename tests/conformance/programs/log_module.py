# log: the module's functions go to the current run
# calls: log, run, config, summary, finish
import wandb

print(wandb.run)
wandb.init(project="p", config={"lr": 0.5})
print(wandb.run is not None, wandb.config.lr, wandb.config["lr"])
wandb.log({"a": 1})
wandb.summary["b"] = 2
print(wandb.summary["b"])
wandb.finish()
print(wandb.run)

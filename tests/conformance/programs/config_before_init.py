# config: wandb.config and wandb.summary before init
# calls: config, summary
import wandb

for what, use in {
    "config read": lambda: wandb.config["a"],
    "config write": lambda: wandb.config.__setitem__("a", 1),
    "config attribute": lambda: wandb.config.a,
    "summary": lambda: wandb.summary["a"],
}.items():
    try:
        use()
        print(what, "accepted")
    except wandb.Error:
        print(what, "wandb.Error")
wandb.init(project="p", config={"a": 2})
print(wandb.config["a"])

# config: a dictionary, attribute and item access
# calls: init(config=), run.config
import wandb

config = {"lr": 0.1, "layers": [1, 2], "nested": {"a": {"b": 1}}, "none": None, "flag": False}
with wandb.init(project="p", config=config) as run:
    print(run.config.lr, run.config["lr"], run.config.get("lr"), run.config.get("x", 5))
    print(run.config["nested"]["a"]["b"], "lr" in run.config, sorted(run.config.keys()))
    run.config.new = 1
    run.config["item"] = 2
    print(run.config.new, run.config["item"], len(dict(run.config)))
    print(run.config.as_dict()["lr"])
    for what in ("missing",):
        try:
            run.config[what]
        except KeyError as error:
            print("KeyError", error)
        try:
            getattr(run.config, what)
        except AttributeError:
            print("AttributeError")

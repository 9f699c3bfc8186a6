# summary: nested values
# calls: run.summary
import wandb

with wandb.init(project="p") as run:
    run.summary["deep"] = {"x": {"y": 1}}
    print(run.summary["deep"]["x"]["y"])
    run.summary["other"] = {"a": 1}
    run.summary["other"]["b"] = 3
    run.log({"n": {"m": 1}})
    print(run.summary["n"]["m"])

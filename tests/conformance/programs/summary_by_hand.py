# summary: set, change and delete by hand
# calls: run.summary
import wandb

with wandb.init(project="p") as run:
    run.summary["item"] = 1
    run.summary.attribute = 2
    run.summary.update({"a": 1, "b": {"c": 2}})
    run.summary["gone"] = 1
    del run.summary["gone"]
    print(run.summary["item"], run.summary.attribute, run.summary["b"]["c"])
    print(run.summary.get("nothing"), run.summary.get("nothing", 7))
    try:
        run.summary["nothing"]
    except KeyError as error:
        print("KeyError", error)

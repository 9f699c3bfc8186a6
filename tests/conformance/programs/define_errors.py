# summary: what define_metric refuses
# calls: define_metric
import wandb

with wandb.init(project="p") as run:
    for what, call in {
        "summary": lambda: run.define_metric("a", summary="average"),
        "name": lambda: run.define_metric(""),
        "type": lambda: run.define_metric(3),
        "step_metric": lambda: run.define_metric("a", step_metric=3),
    }.items():
        try:
            call()
            print(what, "accepted")
        except wandb.Error:
            print(what, "wandb.Error")
        except (TypeError, AttributeError, ValueError):
            print(what, "another error")

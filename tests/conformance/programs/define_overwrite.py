# summary: a second definition adds, or with overwrite=True replaces
# calls: define_metric(overwrite=)
import wandb

with wandb.init(project="p") as run:
    run.define_metric("a", summary="min")
    run.define_metric("a", summary="max")
    run.define_metric("b", summary="min")
    run.define_metric("b", summary="max", overwrite=True)
    for value in (2, 1, 3):
        run.log({"a": value, "b": value})

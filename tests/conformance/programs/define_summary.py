# summary: define_metric with each kind of summary
# calls: define_metric(summary=), run.define_metric
import wandb

with wandb.init(project="p") as run:
    for kind in ("min", "max", "mean", "last", "first", "none"):
        run.define_metric(kind, summary=kind)
    run.define_metric("several", summary="min,max,mean")
    for value in (2.0, 1.0, 4.0):
        run.log(dict.fromkeys("min max mean last first none several plain".split(), value))

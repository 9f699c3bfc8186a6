# summary: aggregates pass over what is not a number
# calls: define_metric(summary=)
# differs: runs.0.summary.y.max: "nan" -> 4 | NaN does not spoil an aggregate
# differs: runs.0.summary.y.min: "nan" -> 2 | NaN does not spoil an aggregate
# differs: runs.0.summary.y.mean: "nan" -> 3 | NaN does not spoil an aggregate
import math

import wandb

with wandb.init(project="p") as run:
    run.define_metric("x", summary="min,max,mean,first,last")
    run.define_metric("y", summary="min,max,mean")
    for x in (2, 4, None, "text"):
        run.log({"x": x})
    for y in (2, math.nan, 4):
        run.log({"y": y})

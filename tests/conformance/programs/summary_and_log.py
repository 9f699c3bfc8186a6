# summary: what is set by hand and what is logged, the later counts
# calls: run.summary, run.log
import wandb

with wandb.init(project="p") as run:
    run.summary["a"] = 10
    run.log({"a": 1})
    run.log({"b": 1})
    run.summary["b"] = 20
    print(run.summary["a"], run.summary["b"])

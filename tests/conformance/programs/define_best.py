# summary: summary="best" with a goal
# calls: define_metric(goal=)
# differs: printed.0: "TypeError" -> "defined" | wandb 0.31 has neither best nor goal any more
# differs: runs.0.summary.acc: 2 -> absent | as above
# differs: runs.0.summary.acc.best: absent -> 3 | as above
import wandb

with wandb.init(project="p") as run:
    try:
        run.define_metric("acc", summary="best", goal="maximize")
        print("defined")
    except Exception as error:
        print(type(error).__name__)
    for value in (1, 3, 2):
        run.log({"acc": value})

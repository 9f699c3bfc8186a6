# other: unwatch of nothing
# calls: run.unwatch
# differs: printed.0: "refused" -> "fine" | torch is not needed
# accepted: watch: gradients are not recorded
# accepted: run.watch: gradients are not recorded
# accepted: unwatch: nothing is watched
# accepted: run.unwatch: nothing is watched
import wandb

with wandb.init(project="p") as run:
    try:
        run.unwatch()
        print("fine")
    except Exception:
        print("refused")
    run.log({"a": 1})

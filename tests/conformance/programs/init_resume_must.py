# init: resume="must" with an id that is not known
# calls: init(resume=)
# differs: exit_code: 0 -> 1 | offline W&B cannot know which runs there are
# differs: error: "" -> "UsageError" | as above
# differs: runs.0: * -> absent | as above
import wandb

with wandb.init(project="p", id="nobody", resume="must") as run:
    run.log({"a": 1})

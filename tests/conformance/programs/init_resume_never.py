# init: resume="never" with an id that is not known
# calls: init(resume=)
import wandb

with wandb.init(project="p", id="new-one", resume="never") as run:
    run.log({"a": 1})

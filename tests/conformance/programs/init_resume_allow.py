# init: resume="allow" with an id that is not known
# calls: init(resume=)
import wandb

with wandb.init(project="p", id="new-one", resume="allow") as run:
    print(run.resumed, run.starting_step)
    run.log({"a": 1})

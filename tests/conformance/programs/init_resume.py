# init: a run goes on
# calls: init(resume=), run.resumed
# differs: printed.0: "False 0" -> "True 2" | offline W&B cannot know which runs there are
# differs: runs.0.rows.2: absent -> {"a": 3} | as above: here it is one run
# differs: runs.0.summary.a: 2 -> 3 | as above
# differs: runs.0.config.again: absent -> true | as above
# differs: runs.1: * -> absent | as above
import wandb

with wandb.init(project="p", id="again") as run:
    run.log({"a": 1})
    run.log({"a": 2})
with wandb.init(project="p", id="again", resume="must", config={"again": True}) as run:
    print(run.resumed, run.starting_step)
    run.log({"a": 3})

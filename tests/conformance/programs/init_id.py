# init: an id of one's own
# calls: init(id=), run.id, run.path, run.project
import wandb

with wandb.init(project="p", id="my-run-1") as run:
    print(run.id, run.path.split("/")[-1], run.project)

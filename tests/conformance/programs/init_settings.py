# init: a Settings object
# calls: Settings, init(settings=)
import wandb

settings = wandb.Settings(project="s", run_name="named", run_tags=("t",), run_notes="n")
with wandb.init(settings=settings) as run:
    print(run.project, run.name, run.tags, run.notes)
with wandb.init(project="q", settings={"run_group": "g"}) as run:
    print(run.project, run.group)

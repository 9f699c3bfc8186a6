# init: name, notes, tags, group and job_type
# calls: init(name=), init(notes=), init(tags=), init(group=), init(job_type=), run.name, run.notes, run.tags, run.group, run.job_type
import wandb

run = wandb.init(
    project="p", name="first", notes="a note", tags=["x", "y"], group="g", job_type="train"
)
print(run.name, run.notes, run.tags, run.group, run.job_type, run.project)
run.finish()

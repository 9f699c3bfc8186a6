# init: name, notes and tags changed later
# calls: run.name, run.notes, run.tags
import wandb

run = wandb.init(project="p", name="first", notes="a note", tags=["x"])
run.name = "second"
run.notes = "another"
run.tags = run.tags + ("z",)
print(run.name, run.notes, run.tags)
run.finish()

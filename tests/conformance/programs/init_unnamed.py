# init: what a run without a name is called
# calls: run.name, run.url
# differs: printed.0: "None None" -> "str None" | a run has a generated name at once
import wandb

with wandb.init(project="p") as run:
    print("None" if run.name is None else type(run.name).__name__, run.url)

# other: alert with a level that is unknown
# calls: run.alert
import wandb

with wandb.init(project="p") as run:
    try:
        run.alert("title", "text", level="LOUD")
        print("accepted")
    except ValueError:
        print("ValueError")
